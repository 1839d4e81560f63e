// What the example programs share: common options, one-line errors, progress, and a clean end on Ctrl-C.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <reel/data/keeper.h>
#include <reel/graph/error.h>
#include <reel/graph/precision.h>
#include <reel/graph/random.h>
#include <reel/plan/thread_pool.h>
#include <reel/report/page.h>
#include <reel/train/schedules.h>
#include <reel/train/trainer.h>

namespace program {

struct Common {
  std::uint64_t seed = 1;
  int threads = 0;
  std::string report;    // path of a page to write; empty for none
  bool reports = false;  // whether one was asked for, of whichever rank
  reel::Precision products = reel::Precision::full;
  reel::Sharding sharding;  // and the ranks of the run, where there are several
  // What is read or written once is so by rank 0.
  bool writes() const { return !sharding.group || sharding.group->rank() == 0; }
  // InputError, on all ranks, where they have other data.
  void require_same_data(std::string_view data) const;
  reel::ThreadPool make_threads() const { return reel::ThreadPool(threads); }
  // Independent streams 0 .. 9 of each use; their numbers are such that programs draw what they always drew.
  reel::RandomStream random(int stream, reel::RandomUse use = reel::RandomUse::data) const {
    return reel::RandomStream(seed, ((std::uint64_t{1} << stream) - 1) << 20, use);
  }
};

// --seed, --threads and --report.
void add_common(CLI::App& app, Common& common);

// --precision, of what products read.
void add_precision(CLI::App& app, Common& common);

// --shards, --bf16-sums and --any-build, of programs that may learn on several machines.
void add_shards(CLI::App& app, Common& common);

// Checks of options: finite numbers, and texts that are not empty. Their messages say what is expected.
CLI::Validator at_least(double low);
CLI::Validator above(double low);
CLI::Validator between(double low, double high);
CLI::Validator not_empty();

// The page of a run. One that ends with an error says that it failed.
class RunPage : public reel::report::Page {
 public:
  RunPage(const Common& common, std::string title, std::string subtitle);
  RunPage(RunPage&&) = default;
  ~RunPage();
  // Says how the run ended and how long it took, writes the page a last time, and prints where it is.
  void finish();

 private:
  int threads_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// The page of --report, written at once, with the options of the program among its settings but for those `without` a meaning in
// this run.
RunPage make_page(const CLI::App& app, const Common& common, std::string title, std::string subtitle = {},
                  const std::vector<const char*>& without = {});

// Parses, then runs the body. Any error is one line on stderr and exit status 1; --help is status 0.
int run(CLI::App& app, int argc, char** argv, const std::function<void()>& body);
// The same of a program that may be started by mpirun: its ranks get their group, and rank 0 alone prints, and writes a page.
int run(CLI::App& app, int argc, char** argv, Common& common, const std::function<void()>& body);

// How the ranks of a run share their time, from when it is made.
class RankTimes {
 public:
  explicit RankTimes(reel::Group* group) : group_(group), before_(group ? group->seconds() : 0) {}
  // After so many seconds and updates: the shares of waiting for each other, and the slowest rank, told and on the page.
  void tell(double seconds, std::int64_t updates, reel::report::Page& page) const;

 private:
  reel::Group* group_;  // null: there are no ranks
  double before_;
};

// The mean of numbers that count for more than one: of batches by their rows.
class WeightedMean {
 public:
  void add(double value, double weight) {
    weight_ += weight;
    if (weight_ > 0) value_ += (value - value_) * weight / weight_;
  }
  double value() const { return value_; }
  void keep(reel::Keeper& keep) {
    keep("value", value_);
    keep("weight", weight_);
  }

 private:
  double value_ = 0, weight_ = 0;
};

// The rate of a run of so many updates: rises for `warmup` of them, or for half of a short run, then falls to a fiftieth along a
// cosine. Of a run of none there is no update to ask about.
reel::Schedule rise_and_fall(reel::Index updates, reel::Index warmup);

// A mean of the last fifty numbers or so, older ones fading; at first of all that came.
class SmoothedLoss {
 public:
  // NumericError once it is a hundred times the first: what diverges is no result.
  double add(double loss);
  double value() const { return value_; }
  void keep(reel::Keeper& keep) {
    keep("first", first_);
    keep("value", value_);
    keep("count", count_);
  }

 private:
  static constexpr double kMostGrowth = 100;
  double first_ = 0;
  double value_ = 0;
  std::int64_t count_ = 0;
};

// Whether people read the output.
bool on_terminal();

// True once Ctrl-C was pressed; loops end at their next step. A second Ctrl-C kills the program.
bool interrupted();

// A progress line, rewritten in place on a terminal, and printed whole now and then where the output is none.
class Progress {
 public:
  explicit Progress(std::int64_t total);
  // Shows `text` with the time left when it is time to. Call once per step, with the number of steps done.
  void update(std::int64_t done, const std::function<std::string()>& text);
  void finish();  // ends the line
  // The same, and says on the page how fast it went: so many `steps` a second, perhaps of one of several runs.
  void finish(reel::report::Page& page, const std::string& of = {}, const char* steps = "updates");
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  std::int64_t total_, done_ = 0;
  bool terminal_;
  Clock::time_point start_ = Clock::now(), shown_ = Clock::now();
  bool open_ = false;
};

}  // namespace program
