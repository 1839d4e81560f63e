// Cells whose equations hold a sum over a row, beside the plain LSTM: gradients of the weights and of the inputs over a whole
// sequence, all written as their equations. One JSON line per case, with the ratio to the plain one.
//
// Usage: bench_cells [rounds | --profile], the profile that of the normalised one. (32, 64, 128, 256), one thread; cells take
// turns, figures are medians over the rounds (3).
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "cases.h"

#include <reel/plan/profile.h>
#include <reel/reel.h>

using namespace reel;

namespace {

constexpr Index kRows = 32, kSteps = 64, kInputs = 128, kUnits = 256;

enum class Kind : std::uint8_t { plain, normalised, softmax, sum };
constexpr std::pair<Kind, std::string_view> kKinds[] = {
    {Kind::plain, "lstm"},            //
    {Kind::normalised, "lstm_norm"},  // gates and memory normalised (Ba, Kiros and Hinton, 2016)
    {Kind::softmax, "lstm_softmax"},  // its output times a softmax over it
    {Kind::sum, "lstm_sum"},          // its output less its mean
};

class Cell {
 public:
  Cell(ParameterSet& set, Kind kind)
      : kind_(kind),
        i_(set, "cell", "i", kInputs, kUnits),
        f_(set, "cell", "f", kInputs, kUnits),
        o_(set, "cell", "o", kInputs, kUnits),
        g_(set, "cell", "g", kInputs, kUnits) {
    if (kind != Kind::normalised) return;
    for (const char* name : {"i", "f", "o", "g", "c"})
      gains_.push_back(set.add(std::string("cell.gain_") + name, {kUnits}, init::constant(1)));
    bias_ = set.add("cell.bias_c", {kUnits}, init::zeros());
  }
  struct State {
    Var h, c;
  };
  std::vector<StatePart> state_layout() const { return {{"h", {B, kUnits}}, {"c", {B, kUnits}}}; }
  State step(Var x, const State& s) const {
    const Var c = sigmoid(gate(f_, 1, x, s.h)) * s.c + sigmoid(gate(i_, 0, x, s.h)) * tanh(gate(g_, 3, x, s.h));
    const Var shown = kind_ == Kind::normalised ? layer_norm(c, gains_[4], bias_) : c;
    const Var h = sigmoid(gate(o_, 2, x, s.h)) * tanh(shown);
    if (kind_ == Kind::softmax) return {h * softmax(h), c};
    if (kind_ == Kind::sum) return {h - mean(h, -1, Keep::dimension), c};
    return {h, c};
  }

 private:
  Var gate(const Gate& k, std::size_t number, Var x, Var h) const {
    if (kind_ != Kind::normalised) return k(x, h);
    return layer_norm(matmul(x, k.U) + matmul(h, k.W), gains_[number], k.b);
  }
  Kind kind_;
  Gate i_, f_, o_, g_;
  std::vector<Parameter> gains_;
  Parameter bias_;
};

class Timed {
 public:
  explicit Timed(Kind kind)
      : cell_(set_, kind), values_(set_.initial<float>(1)), x_(Shape{kSteps, kRows, kInputs}), dy_(Shape{kSteps, kRows, kUnits}) {
    Tape tape;
    const Sequence x = tape.input("x", kSteps, {B, kInputs});
    const Sequence y = unroll(cell_, x, zero_state(tape, cell_)).outputs;
    const Sequence dy = tape.input("dy", kSteps, {B, kUnits});
    std::vector<Var> wrt = x, outputs = y;
    for (const Parameter& p : set_.all()) wrt.push_back(tape.parameter(p));
    for (const Var& g : gradients(y, dy, wrt)) outputs.push_back(g);
    plan_.emplace(compile<float>(tape, outputs));
    workspace_.emplace(*plan_, &values_, ThreadPool(1));
    RandomStream random(1);
    for (float& v : x_) v = static_cast<float>(random.normal());
    for (float& v : dy_) v = static_cast<float>(random.uniform(-.05, .05));
  }
  double ms() {
    return bench::median_ms([&] {
      values_.touch();
      plan_->run(*workspace_, bindings());
    });
  }
  void print_profile() {
    fmt::print("{}\n", profile(*plan_, *workspace_, bindings(), {.before_run = [&] { values_.touch(); }}).text(1));
  }

 private:
  std::vector<Binding> bindings() const { return {{"x", x_}, {"dy", dy_}}; }
  ParameterSet set_;
  Cell cell_;
  ParameterValues<float> values_;
  Tensor<float> x_, dy_;
  std::optional<Plan<float>> plan_;
  std::optional<Workspace<float>> workspace_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--profile") {
    Timed(Kind::normalised).print_profile();
    return 0;
  }
  int rounds = 3;
  if (argc > 1) std::from_chars(argv[1], argv[1] + std::string_view(argv[1]).size(), rounds);
  std::vector<std::unique_ptr<Timed>> timed;
  for (const auto& [kind, name] : kKinds) timed.push_back(std::make_unique<Timed>(kind));
  std::vector<std::vector<double>> times(timed.size()), ratios(timed.size());
  for (int round = 0; round < std::max(rounds, 1); ++round)
    for (std::size_t k = 0; k < timed.size(); ++k) {
      times[k].push_back(timed[k]->ms());
      ratios[k].push_back(times[k].back() / times[0].back());
    }
  for (std::size_t k = 0; k < timed.size(); ++k)
    fmt::print("{{\"case\":\"{}_b{}_t{}_i{}_h{}\",\"train_ms\":{:.3f},\"of_plain\":{:.3f}}}\n", kKinds[k].second, kRows, kSteps,
               kInputs, kUnits, bench::median(times[k]), bench::median(ratios[k]));
}
