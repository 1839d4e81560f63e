#include <reel/report/graph_drawing.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <variant>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace reel::report {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
struct Failure {
  std::string reason;
};

File unnamed_file() { return File(std::tmpfile(), std::fclose); }

// Its exit status, or none when it had to be ended.
std::optional<int> wait_for(pid_t child, std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  int status = 0;
  for (auto pause = std::chrono::milliseconds(1); waitpid(child, &status, WNOHANG) == 0;
       pause = std::min(2 * pause, std::chrono::milliseconds(50))) {
    if (std::chrono::steady_clock::now() >= end) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return {};
    }
    std::this_thread::sleep_for(pause);
  }
  return status;
}

std::string contents(std::FILE* file) {
  std::rewind(file);
  std::string text;
  char buffer[1 << 14];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, n);
  return text;
}

// Files without a name instead of pipes: neither side ever waits for the other.
std::variant<std::string, Failure> run_dot(const std::string& source, std::chrono::milliseconds patience) {
  const File in = unnamed_file(), out = unnamed_file();
  if (!in || !out || std::fwrite(source.data(), 1, source.size(), in.get()) != source.size() || std::fflush(in.get()) != 0)
    return Failure{"no temporary file could be written"};
  std::rewind(in.get());
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(in.get()), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(out.get()), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::string name = "dot", option = "-Tsvg";
  char* const arguments[] = {name.data(), option.data(), nullptr};
  pid_t child = 0;
  const int failed = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed == ENOENT) return Failure{"Graphviz (dot) is not installed"};
  if (failed) return Failure{fmt::format("Graphviz (dot) could not be run: {}", std::strerror(failed))};
  const std::optional<int> status = wait_for(child, patience);
  if (!status)
    return Failure{fmt::format("Graphviz (dot) took longer than {:.3g} s", 1e-3 * static_cast<double>(patience.count()))};
  std::string svg = contents(out.get());
  if (*status != 0 || svg.find("<svg") == std::string::npos) return Failure{"Graphviz (dot) did not accept the graph"};
  return svg;
}

void erase_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t begin = text.find(from); begin != std::string::npos; begin = text.find(from, begin)) {
    const std::size_t end = text.find(to, begin + from.size());
    if (end == std::string::npos) return;
    text.erase(begin, end + to.size() - begin);
  }
}

}  // namespace

Section graph_drawing(std::string title, const std::string& dot, std::string caption, std::chrono::milliseconds patience) {
  auto result = run_dot(dot, patience);
  if (const Failure* failure = std::get_if<Failure>(&result))
    return Text{std::move(title), failure->reason + ". The source of the graph, in the DOT language:", dot};
  std::string svg = std::move(std::get<std::string>(result));
  // What only the making of the drawing needs; ids could also meet those of a second drawing on the page.
  erase_all(svg, "<!--", "-->\n");
  erase_all(svg, "<title>", "</title>\n");
  erase_all(svg, " id=\"", "\"");
  return Drawing{std::move(title), std::move(svg), std::move(caption)};
}

}  // namespace reel::report
