#include "common/program.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <optional>

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/ranges.h>

#ifdef REEL_MPI
#include <reel/train/distributed/mpi_group.h>
#endif

namespace program {
namespace {

volatile std::sig_atomic_t interrupt_seen = 0;  // a signal handler can reach nothing else

extern "C" void on_interrupt(int) {
  interrupt_seen = 1;
  std::signal(SIGINT, SIG_DFL);
}

// What CLI11 asks of a check: an empty text, or what was expected.
CLI::Validator number_check(std::string expected, std::function<bool(double)> holds) {
  return CLI::Validator(
      [expected, holds](const std::string& text) {
        double x = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), x);
        const bool number = error == std::errc() && end == text.data() + text.size() && std::isfinite(x);
        return number && holds(x) ? std::string() : fmt::format("expected a number {}, not \"{}\"", expected, text);
      },
      fmt::format("number {}", expected));
}

CLI::Validator seed_check() {
  return CLI::Validator(
      [](const std::string& text) {
        std::uint64_t x = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), x);
        if (error == std::errc() && end == text.data() + text.size()) return std::string();
        return fmt::format("expected a whole number of 0 to 2^64 - 1, not \"{}\"", text);
      },
      "0 to 2^64 - 1");
}

std::size_t columns() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

CLI::Validator at_least(double low) {
  return number_check(fmt::format(">= {}", low), [low](double x) { return x >= low; });
}
CLI::Validator above(double low) {
  return number_check(fmt::format("> {}", low), [low](double x) { return x > low; });
}
CLI::Validator between(double low, double high) {
  return number_check(fmt::format("of {} to {}", low, high), [low, high](double x) { return x >= low && x <= high; });
}
CLI::Validator not_empty() {
  return CLI::Validator([](const std::string& text) { return text.empty() ? std::string("is empty") : std::string(); }, "");
}

void add_common(CLI::App& app, Common& common) {
  app.add_option("--seed", common.seed, "Seed of every random number")->check(seed_check())->capture_default_str();
  app.add_option("--threads", common.threads, "Threads; 0 for all cores. Results do not depend on it")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--report", common.report, "HTML page to write about the run, renewed as it goes on")->check(not_empty());
}

void add_precision(CLI::App& app, Common& common) {
  const std::map<std::string, reel::Precision> known = {
      {"float", reel::Precision::full}, {"bf16", reel::Precision::bf16}, {"bf16-weights", reel::Precision::bf16_weights}};
  app.add_option_function<std::string>(
         "--precision", [&common, known](const std::string& name) { common.products = known.at(name); },
         "Of what products read: float, bf16, or bf16-weights with float beside them")
      ->check(CLI::IsMember({"float", "bf16", "bf16-weights"}))
      ->default_str("float");
}

RunPage::RunPage(const Common& common, std::string title, std::string subtitle)
    : Page(common.report, std::move(title), std::move(subtitle)), threads_(common.make_threads().count()) {}

RunPage::~RunPage() {
  if (!enabled() || std::uncaught_exceptions() == 0) return;
  setting("status", "failed");
  try {
    write();
  } catch (const std::exception&) {  // the first error is the one to tell
  }
}

void RunPage::finish() {
  if (!enabled()) return;
  setting("status", interrupted() ? "interrupted" : "finished");
  measured("threads", fmt::format("{}", threads_));
  measured("seconds", fmt::format("{:.1f}", std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count()));
  write();
  fmt::print("report: {}\n", path());
}

RunPage make_page(const CLI::App& app, const Common& common, std::string title, std::string subtitle,
                  const std::vector<const char*>& without) {
  RunPage page(common, std::move(title), std::move(subtitle));
  page.setting("status", "running");
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_single_name();
    if (name == "help" || name == "report" || name == "threads")
      continue;  // the one is the page itself, the other is told in the end
    if (std::ranges::find(without, name) != without.end()) continue;
    const std::string value =
        option->count() > 0 ? fmt::format("{}", fmt::join(option->results(), ", ")) : option->get_default_str();
    if (!value.empty()) page.setting(name, value);
  }
  page.write();
  return page;
}

namespace {

// `fail` tells an error, and gives the exit status.
int run_and_tell(CLI::App& app, int argc, char** argv, const std::function<void()>& body,
                 const std::function<int(std::string)>& fail) {
  const auto failed = [&](std::string_view reason) { return fail(fmt::format("{}: {}", app.get_name(), reason)); };
  const auto finished = [&](int status) {
    std::cout.flush();
    if (std::fflush(stdout) != 0 || std::ferror(stdout) || !std::cout)
      return failed(fmt::format("the output cannot be written: {}", std::strerror(errno)));
    return status;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return finished(app.exit(e));
  } catch (const CLI::ParseError& e) {
    return failed(e.what());
  }
  try {
    body();
  } catch (const std::bad_alloc&) {
    return failed("there is not enough memory; smaller sizes need less");
  } catch (const std::exception& e) {
    return failed(e.what());
  }
  return finished(0);
}

}  // namespace

int run(CLI::App& app, int argc, char** argv, const std::function<void()>& body) {
  const auto interruptible = [&] {
    std::signal(SIGINT, on_interrupt);
    body();
  };
  return run_and_tell(app, argc, argv, interruptible, [](const std::string& line) {
    fmt::print(stderr, "{}\n", line);
    return 1;
  });
}

int run(CLI::App& app, int argc, char** argv, Common& common, const std::function<void()>& body) {
#ifdef REEL_MPI
  if (reel::started_by_mpi()) {
    std::optional<reel::MpiGroup> begun;
    try {
      begun.emplace(argc, argv);
    } catch (const reel::Error& e) {
      fmt::print(stderr, "{}: {}\n", app.get_name(), e.what());
      return 1;
    }
    reel::MpiGroup& group = *begun;
    common.sharding.group = &group;
    if (group.rank() > 0 && !std::freopen("/dev/null", "w", stdout)) return 1;
    const auto on_rank = [&] {
      std::string options;
      for (const CLI::Option* option : app.get_options())
        if (option->count() > 0)
          options += fmt::format("--{} {}, ", option->get_single_name(), fmt::join(option->results(), " "));
      group.require_same("options", options);  // and Ctrl-C ends the job, by mpirun's hand
      if (common.threads == 0) common.threads = group.threads();
      common.reports = !common.report.empty();
      if (!common.writes()) common.report.clear();
      body();
    };
    return run_and_tell(app, argc, argv, on_rank, [&](const std::string& line) {
      group.fail(line);
      return 1;
    });
  }
#else
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const char* ranks = std::getenv(name); ranks && std::string_view(ranks) != "1") {
      fmt::print(stderr, "{}: was built without MPI, so that it cannot share its work with other ranks\n", app.get_name());
      return 1;
    }
#endif
  return run(app, argc, argv, [&] {
    common.reports = !common.report.empty();
    body();
  });
}

void RankTimes::tell(double seconds, std::int64_t updates, reel::report::Page& page) const {
  if (!group_ || updates == 0) return;
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  const std::vector<std::string> hosts = group_->gather_texts(host);
  const std::vector<double> waits = group_->gather(group_->seconds() - before_);
  const auto [least, most] = std::ranges::minmax_element(waits);
  const auto percent = [&](double wait) { return 100 * wait / seconds; };
  const std::string text =
      fmt::format("{} rank{}; {:.1f} to {:.1f}% of the time in exchange; the slowest is rank {}", waits.size(),
                  waits.size() == 1 ? "" : "s", percent(*least), percent(*most), least - waits.begin());
  fmt::print("{}\n", text);
  page.measured("ranks", text);
  for (std::size_t rank = 0; rank < waits.size(); ++rank)
    page.measured(fmt::format("rank {}", rank),
                  fmt::format("{}: {:.1f} ms of computing an update, {:.1f}% in exchange", hosts[rank],
                              1000 * (seconds - waits[rank]) / static_cast<double>(updates), percent(waits[rank])));
}

void Common::require_same_data(std::string_view data) const {
  if (!sharding.group) return;
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : data) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  sharding.group->require_same("data", fmt::format("{} bytes, {:016x}", data.size(), hash));
}

void add_shards(CLI::App& app, Common& common) {
  app.add_option("--shards", common.sharding.shards,
                 "Shards of a batch, whose number and not that of ranks decides every bit: a power of two; by default 1, or 8 "
                 "under mpirun")
      ->check(CLI::Range(1, 65536));
  app.add_flag_callback(
      "--bf16-sums", [&common] { common.sharding.bf16 = true; },
      "Round the shards' sums of gradients to bf16: ranks exchange half as much");
  app.add_flag("--any-build", common.sharding.any_build,
               "Let ranks be of other builds or processors, whose last bits may differ");
}

bool on_terminal() { return isatty(STDOUT_FILENO) != 0; }

reel::Schedule rise_and_fall(reel::Index updates, reel::Index warmup) {
  const reel::Schedule fall = reel::schedule::cosine(std::max<reel::Index>(updates, 1), .02);
  const reel::Index rise = std::min(warmup, updates / 2);
  return rise > 0 ? reel::schedule::warmup(rise, fall) : fall;
}

double SmoothedLoss::add(double loss) {
  ++count_;
  value_ += std::max(.02, 1.0 / static_cast<double>(count_)) * (loss - value_);
  if (count_ == 1) first_ = std::max(loss, 1e-3);
  if (!(value_ <= kMostGrowth * first_))
    throw reel::NumericError(
        fmt::format("learning diverges: the loss grew from {:.4g} to {:.4g}; take a smaller --lr", first_, value_));
  return value_;
}

bool interrupted() { return interrupt_seen != 0; }

Progress::Progress(std::int64_t total) : total_(total), terminal_(on_terminal()) {}

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

void Progress::update(std::int64_t done, const std::function<std::string()>& text) {
  const double since = std::chrono::duration<double>(Clock::now() - shown_).count();
  done_ = done;
  const bool last = done == total_;
  if (!last && since < (terminal_ ? 0.2 : 5.0)) return;
  shown_ = Clock::now();
  const double left = seconds() / static_cast<double>(std::max<std::int64_t>(done, 1)) * static_cast<double>(total_ - done);
  std::string line = fmt::format("{}  {:.0f} s left", text(), left);
  if (terminal_) line.resize(std::min(line.size(), columns() - 1));  // a line that wraps could not be overwritten
  fmt::print("{}{}{}", terminal_ ? "\r" : "", line, terminal_ ? "\033[K" : "\n");
  std::fflush(stdout);
  open_ = terminal_;
}

void Progress::finish() {
  if (open_) fmt::print("\n");
  open_ = false;
}

void Progress::finish(reel::report::Page& page, const std::string& of, const char* steps) {
  finish();
  if (done_ > 0)
    page.measured(fmt::format("{}{} a second", of.empty() ? "" : of + ", ", steps),
                  fmt::format("{:.4g}", static_cast<double>(done_) / seconds()));
}

}  // namespace program
