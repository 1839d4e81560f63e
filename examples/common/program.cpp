#include "common/program.h"

#include <csignal>

#include <unistd.h>

#include <fmt/ranges.h>

namespace program {
namespace {

volatile std::sig_atomic_t interrupt_seen = 0;  // a signal handler can reach nothing else

extern "C" void on_interrupt(int) {
  interrupt_seen = 1;
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace

void add_common(CLI::App& app, Common& common) {
  app.add_option("--seed", common.seed, "Seed of every random number")->capture_default_str();
  app.add_option("--threads", common.threads, "Threads; 0 for all cores. Results do not depend on it")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--report", common.report, "HTML page to write about the run, renewed as it goes on");
}

reel::report::Page make_page(const CLI::App& app, const Common& common, std::string title, std::string subtitle) {
  reel::report::Page page(common.report, std::move(title), std::move(subtitle));
  page.setting("status", "running");
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_single_name();
    if (name == "help" || name == "report" || name == "threads") continue;  // the page does not depend on these
    const std::string value =
        option->count() > 0 ? fmt::format("{}", fmt::join(option->results(), " ")) : option->get_default_str();
    if (!value.empty()) page.setting(name, value);
  }
  return page;
}

void finish(reel::report::Page& page) {
  if (!page.enabled()) return;
  page.setting("status", interrupted() ? "interrupted" : "finished");
  page.write();
  fmt::print("report: {}\n", page.path());
}

int run(CLI::App& app, int argc, char** argv, const std::function<void()>& body) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    fmt::print(stderr, "{}: {}\n", app.get_name(), e.what());
    return 1;
  }
  std::signal(SIGINT, on_interrupt);
  try {
    body();
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}: {}\n", app.get_name(), e.what());
    return 1;
  }
  return 0;
}

bool on_terminal() { return isatty(STDOUT_FILENO) != 0; }

bool interrupted() { return interrupt_seen != 0; }

Progress::Progress(std::int64_t total) : total_(total), terminal_(on_terminal()) {}

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

void Progress::update(std::int64_t done, const std::function<std::string()>& text) {
  const double since = std::chrono::duration<double>(Clock::now() - shown_).count();
  const bool last = done == total_;
  if (!last && since < (terminal_ ? 0.2 : 5.0)) return;
  shown_ = Clock::now();
  const double left = seconds() / static_cast<double>(std::max<std::int64_t>(done, 1)) * static_cast<double>(total_ - done);
  fmt::print("{}{}  {:.0f} s left{}", terminal_ ? "\r" : "", text(), left, terminal_ ? "\033[K" : "\n");
  std::fflush(stdout);
  open_ = terminal_;
}

void Progress::finish() {
  if (open_) fmt::print("\n");
  open_ = false;
}

}  // namespace program
