// A Hopfield network stores letters and recalls them from damaged pictures.
#include <algorithm>
#include <map>

#include "common/program.h"

#include <reel/models/hopfield.h>
#include <reel/reel.h>

using namespace reel;

namespace {

struct Settings {
  std::string letters = "JCX", rule = "hebb";
  double damage = .2;
  Index trials = 200, steps = 10, show = 2;
  program::Common common;
};

constexpr Index kRows = 7, kColumns = 5, N = kRows * kColumns;

// Seven rows of five pixels for each letter, the highest bit on the left.
const std::map<char, std::array<int, kRows>>& font() {
  static const std::map<char, std::array<int, kRows>> letters = {
      {'A', {14, 17, 17, 31, 17, 17, 17}}, {'B', {30, 17, 17, 30, 17, 17, 30}}, {'C', {14, 17, 16, 16, 16, 17, 14}},
      {'D', {30, 17, 17, 17, 17, 17, 30}}, {'E', {31, 16, 16, 30, 16, 16, 31}}, {'F', {31, 16, 16, 30, 16, 16, 16}},
      {'G', {14, 17, 16, 23, 17, 17, 15}}, {'H', {17, 17, 17, 31, 17, 17, 17}}, {'I', {14, 4, 4, 4, 4, 4, 14}},
      {'J', {7, 2, 2, 2, 2, 18, 12}},      {'K', {17, 18, 20, 24, 20, 18, 17}}, {'L', {16, 16, 16, 16, 16, 16, 31}},
      {'M', {17, 27, 21, 21, 17, 17, 17}}, {'N', {17, 17, 25, 21, 19, 17, 17}}, {'O', {14, 17, 17, 17, 17, 17, 14}},
      {'P', {30, 17, 17, 30, 16, 16, 16}}, {'Q', {14, 17, 17, 17, 21, 18, 13}}, {'R', {30, 17, 17, 30, 20, 18, 17}},
      {'S', {15, 16, 16, 14, 1, 1, 30}},   {'T', {31, 4, 4, 4, 4, 4, 4}},       {'U', {17, 17, 17, 17, 17, 17, 14}},
      {'V', {17, 17, 17, 17, 17, 10, 4}},  {'W', {17, 17, 17, 21, 21, 21, 10}}, {'X', {17, 17, 10, 4, 10, 17, 17}},
      {'Y', {17, 17, 17, 10, 4, 4, 4}},    {'Z', {31, 1, 2, 4, 8, 16, 31}}};
  return letters;
}

// The letters as patterns [P, N] of -1 and 1.
Tensor<double> patterns_of(const std::string& letters) {
  Tensor<double> patterns(Shape{static_cast<Index>(letters.size()), N});
  for (std::size_t p = 0; p < letters.size(); ++p) {
    const auto known = font().find(letters[p]);
    if (known == font().end()) throw InputError(fmt::format("\"{}\": character {} is no letter of A to Z", letters, p + 1));
    for (Index i = 0; i < N; ++i)
      patterns[static_cast<Index>(p) * N + i] =
          (known->second[static_cast<std::size_t>(i / kColumns)] >> (kColumns - 1 - i % kColumns)) & 1 ? 1 : -1;
  }
  return patterns;
}

// `count` rows: the letters in turn, each pixel turned over with probability `damage`.
Tensor<double> damaged(const Tensor<double>& patterns, Index count, double damage, RandomStream& random) {
  const Index P = patterns.shape().dim(0);
  Tensor<double> rows(Shape{count, N});
  for (Index r = 0; r < count; ++r)
    for (Index i = 0; i < N; ++i) rows[r * N + i] = patterns[(r % P) * N + i] * (random.uniform() < damage ? -1 : 1);
  return rows;
}

// One damaged letter and what the network makes of it, step by step, until it rests.
struct Trial {
  std::size_t letter;
  std::vector<std::vector<double>> pictures;
  double energy_before, energy_after;
  bool exact;
};

// Trials in groups, until Ctrl-C.
std::vector<Trial> recall(const Hopfield& network, const ParameterValues<double>& values, const Tensor<double>& patterns,
                          const Settings& s) {
  Tape tape;
  const Var a0 = tape.input("a", {B, N});
  const Sequence a = network.recall(a0, s.steps);
  std::vector<Result> outputs{{"energy before", network.energy(a0)}, {"energy after", network.energy(a.back())}};
  outputs.insert(outputs.end(), a.begin(), a.end());
  Session<double> session(outputs, &values, {.threads = s.common.make_threads()});

  const Index P = patterns.shape().dim(0), group = 100 * P;
  const auto row = [](const double* rows, Index i) { return std::vector<double>(rows + i * N, rows + (i + 1) * N); };
  RandomStream random = s.common.random(0);
  std::vector<Trial> trials;
  for (Index first = 0; first < s.trials && !program::interrupted(); first += group) {
    const Tensor<double> begin = damaged(patterns, std::min(group, s.trials - first), s.damage, random);
    session.run({{"a", begin}});
    for (Index r = 0; r < begin.shape().dim(0); ++r) {
      Trial trial{static_cast<std::size_t>(r % P),
                  {row(begin.data(), r)},
                  session["energy before"][r],
                  session["energy after"][r],
                  false};
      for (Var step : a) {
        std::vector<double> now = row(session[step].data(), r);
        if (now == trial.pictures.back()) break;
        trial.pictures.push_back(std::move(now));
      }
      trial.exact = trial.pictures.back() == row(patterns.data(), r % P);
      trials.push_back(std::move(trial));
    }
  }
  return trials;
}

// How often each letter came back.
report::Table count_recalled(const std::vector<Trial>& trials, const std::string& letters) {
  report::Table table{.title = "Recalled exactly", .header = {"letter", "tries", "recalled"}};
  std::vector<Index> tried(letters.size()), recalled(letters.size());
  for (const Trial& trial : trials) ++tried[trial.letter], recalled[trial.letter] += trial.exact;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const double share = tried[i] ? 100.0 * static_cast<double>(recalled[i]) / static_cast<double>(tried[i]) : 0;
    fmt::print("  {}  {:>5.1f}% of {} recalled exactly\n", letters[i], share, tried[i]);
    table.rows.push_back({std::string(1, letters[i]), fmt::format("{}", tried[i]), fmt::format("{:.1f}%", share)});
  }
  return table;
}

char pixel(double a) { return a > .5 ? '#' : a < -.5 ? '.' : '+'; }

// A trial in the terminal, its pictures side by side.
void print_story(const Trial& trial, const std::string& letters) {
  fmt::print("{} damaged: energy {:.2f} -> {:.2f}\n", letters[trial.letter], trial.energy_before, trial.energy_after);
  for (std::size_t i = 0; i < kRows; ++i) {
    std::string line;
    for (const std::vector<double>& a : trial.pictures) {
      for (std::size_t j = 0; j < kColumns; ++j) line += pixel(a[i * kColumns + j]);
      line += i == kRows / 2 ? "  ->  " : "      ";
    }
    line.erase(line.find_last_not_of(" ->") + 1);
    fmt::print("  {}\n", line);
  }
}

// The same in the page.
std::vector<report::Cells> story_of(const Trial& trial) {
  std::vector<report::Cells> story;
  for (std::size_t k = 0; k < trial.pictures.size(); ++k)
    story.push_back({.name = k == 0 ? "damaged" : fmt::format("step {}", k),
                     .rows = kRows,
                     .columns = kColumns,
                     .values = trial.pictures[k]});
  return story;
}

report::HeatMap weights(TensorView<const double> W) {
  std::vector<std::string> units;
  for (Index i = 0; i < N; ++i) units.push_back(fmt::format("{},{}", i / kColumns, i % kColumns));
  return {.title = "Weights",
          .rows = units,
          .columns = units,
          .values = {W.begin(), W.end()},
          .caption = "From unit (row, column) to unit (row, column)."};
}

void run(const CLI::App& app, const Settings& s) {
  const Tensor<double> patterns = patterns_of(s.letters);
  ParameterSet set;
  const Hopfield network(set, "hopfield", s.rule == "hebb" ? hebbian(patterns) : projection(patterns));
  const auto values = set.initial<double>(s.common.seed);
  auto page = program::make_page(app, s.common, "Hopfield network", fmt::format("{} stored by the {} rule", s.letters, s.rule));
  const std::vector<Trial> trials = recall(network, values, patterns, s);
  fmt::print("{} letters of {} units, {:.0f}% of the pixels turned over, {} steps\n", s.letters.size(), N, 100 * s.damage,
             s.steps);
  page.set("table", count_recalled(trials, s.letters));
  report::CellStories stories{.title = "Damaged and recalled", .caption = "Black is 1, white is -1, grey lies between."};
  for (std::size_t r = 0; r < std::min(trials.size(), static_cast<std::size_t>(s.show) * s.letters.size()); ++r) {
    print_story(trials[r], s.letters);
    stories.stories.push_back(story_of(trials[r]));
  }
  page.set("stories", stories);
  page.set("weights", weights(values[network.W]));
  page.finish();
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("Stores letters in a Hopfield network and recalls them from damaged pictures.", "hopfield");
  app.add_option("--letters", s.letters, "What to store, of A to Z")->capture_default_str();
  app.add_option("--rule", s.rule, "How to store it")->check(CLI::IsMember({"hebb", "projection"}))->capture_default_str();
  app.add_option("--damage", s.damage, "Share of the pixels that are turned over")
      ->check(program::between(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--trials", s.trials, "Damaged letters to recall")->check(CLI::Range(1, 1000000))->capture_default_str();
  app.add_option("--steps", s.steps, "Steps of recall")->check(CLI::Range(1, 10000))->capture_default_str();
  app.add_option("--show", s.show, "Pictures to show of each letter")->check(CLI::Range(0, 100))->capture_default_str();
  program::add_common(app, s.common);
  return program::run(app, argc, argv, [&] {
    if (s.letters.empty()) throw InputError("--letters is empty");
    run(app, s);
  });
}
