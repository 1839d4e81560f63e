#include <reel/graph/structural.h>
#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/joining.h>
#include <reel/ops/operand.h>
#include <reel/ops/reduction.h>
#include <reel/ops/reshape.h>
#include <reel/ops/rows.h>

#include "recipe.h"

#include <cmath>

#include <fmt/format.h>

namespace reel::test {

Var Recorder::real(Var x) { return x.type() == Type::id ? one_hot(x, vocabulary(x)) : x; }

Var Recorder::fit(Var v, const Shape& shape) {
  Var x = real(v);
  if (x.shape() == shape) return x;
  if (x.shape().batched() && !shape.batched()) x = batch_mean(x);
  if (x.shape().row() != shape.row()) {
    const Index n = shape.row_size();
    x = reshape(x, Shape(x.shape().rows(), std::array{x.shape().row_size()}));
    if (x.shape().last() == 1) x = broadcast(x, x.shape().with_dim(-1, n));
    while (x.shape().last() < n) x = concat({x, x});
    if (x.shape().last() > n) x = slice(x, -1, 0, n);
    x = reshape(x, Shape(x.shape().rows(), shape.dims()));
  }
  if (x.shape().batched()) x = rows(x, shape.rows());
  return x.shape() == shape ? x : broadcast(x, shape);
}

Var Recorder::rows(Var x, RowCount n) {
  if (x.shape().rows() == n) return x;
  return fewer(n, x.shape().rows()) ? first_rows(x, n) : extend_rows(real(x), n);
}

RowCount Recorder::count(Index k) {
  if (recipe_.counts == 0) return B;
  if (counts_.empty()) counts_ = tape().row_counts("counts", recipe_.counts);
  return counts_[static_cast<std::size_t>(k % recipe_.counts)];
}

RowCount Recorder::step_count() {
  count(0);  // those come first
  if (step_counts_.empty()) step_counts_ = tape().row_counts("step_counts", T());
  return step_counts_[static_cast<std::size_t>(recipe_.joining ? T() - 1 - t_ : t_)];
}

// The count is a value of the tape too, and those are bounded.
Var Recorder::average(Var x) {
  constexpr Index kMany = 900;
  const Index count = x.shape().elements(recipe_.rows);
  return count <= kMany ? mean(x) : sum(x) * (1.0 / kMany);
}

Var Recorder::ids(Var x, const Shape& logits) {
  const Shape shape = logits.without(-1);
  if (x.type() == Type::id && x.shape().row() == shape.row() && vocabulary(x) <= logits.last()) {
    if (x.shape() == shape) return x;
    if (x.shape().batched() && shape.batched() && fewer(shape.rows(), x.shape().rows()))
      return remember(first_rows(x, shape.rows()), vocabulary(x));
  }
  return remember(argmax(fit(x, logits)), logits.last());
}

Var Recorder::remember(Var ids, Index V) {
  vocabulary_[ids.id()] = V;
  return ids;
}

Tensor<double> Recorder::numbers(const Instruction& i, const Shape& shape, double scale) const {
  return random_tensor(shape, recipe_.seed * 1'000'003 + i.stream, recipe_.scale * scale);
}

Var Recorder::leaf(const Instruction& i) {
  const std::string name = fmt::format("{}{}", i.rule->name, i.stream);
  // Products of weights of unit variance would grow with every factor.
  const double weight_scale = i.shape.rank() == 2 ? 1 / std::sqrt(static_cast<double>(i.shape.dim(0))) : 0.5;
  if (i.rule->name == "carried") {
    const Var state = tape().carried(name, i.shape);
    tape().carry(state, state);  // until it is given another one
    return state;
  }
  if (i.rule->name == "constant") return tape().constant(numbers(i, i.shape.row(), weight_scale));
  if (i.rule->name == "parameter") {
    const auto drawn = numbers(i, i.shape.row(), weight_scale);
    return tape().parameter(into_.set.add(name, i.shape.row(), init::values({drawn.begin(), drawn.end()})));
  }
  const Shape bound = i.shape.bind(recipe_.rows);
  if (i.rule->name == "ids") {
    into_.data.add(name, random_ids(bound, recipe_.seed * 1'000'003 + i.stream, i.n[0]));
    return remember(tape().ids(name, i.shape), i.n[0]);
  }
  into_.data.add(name, numbers(i, bound, 0.8));
  return tape().input(name, i.shape);
}

Var Recorder::sequence(const Instruction& i) {
  const bool is_ids = i.rule->name == "step_ids";
  Sequence& all = sequences_[i.stream];
  if (all.empty()) {
    const std::string name = fmt::format("{}{}", i.rule->name, i.stream);
    const Shape bound = i.shape.bind(recipe_.rows).with_leading(T());
    if (is_ids) {
      all = tape().ids(name, T(), i.shape);
      into_.data.add(name, random_ids(bound, recipe_.seed * 1'000'003 + i.stream, i.n[0]));
    } else {
      all = tape().input(name, T(), i.shape);
      into_.data.add(name, numbers(i, bound, 0.8));
    }
  }
  const Var x = all[static_cast<std::size_t>(t_)];
  return is_ids ? remember(x, i.n[0]) : x;
}

void Recorder::record(int index) {
  const auto at_index = static_cast<std::size_t>(index);
  const Instruction& i = recipe_.instructions[at_index];
  if (registers_.size() <= at_index) registers_.resize(at_index + 1), steps_.resize(at_index + 1), next_.resize(at_index + 1);
  if (i.leaf() && !i.per_step() && registers_[at_index]) return;  // of a step, but recorded once
  std::vector<Var> x;
  for (int operand : i.x) x.push_back(at(operand) ? at(operand) : tape().zeros({B, 2}));  // of a step, where T = 0
  const bool handed_on = t_ > 0 && i.rule->name == "state" && next_[at_index];
  registers_[at_index] = handed_on ? next_[at_index] : i.rule->record(*this, i, x);
  if (t_ == 0) steps_[at_index].clear();
  if (i.section == Section::step) steps_[at_index].push_back(registers_[at_index]);
  into_.origin.resize(tape().size(), index);
}

void Recorder::end_step() {
  for (std::size_t i = 0; i < std::min(registers_.size(), recipe_.instructions.size()); ++i) {
    const Instruction& state = recipe_.instructions[i];
    if (state.rule->name == "state" && state.next >= 0) next_[i] = handed_on(state, registers_[i]);
  }
  into_.origin.resize(tape().size(), -1);
}

// Of a step's own rows alone, or of all rows: those that the step does not have keep what was before.
Var Recorder::handed_on(const Instruction& state, Var before) {
  const Var next = real(at(state.next));
  const Shape shape = before.shape().batched() ? before.shape() : before.shape().with_rows(next.shape().rows());
  if (!next.shape().rows().is_counted()) return fit(next, shape);
  const Var own = fit(next, shape.with_rows(next.shape().rows()));
  const bool keeps = state.n[0] == 0 && fewer(next.shape().rows(), shape.rows());
  return keeps ? update_rows(before, own) : own;
}

void Recorder::end_steps() {
  for (std::size_t i = 0; i < registers_.size(); ++i)
    if (next_[i]) registers_[i] = next_[i];
}

namespace {

// Uneven, so that no term can stand for another.
Var loss_term(Recorder& r, Var v, std::uint64_t kind) {
  const Var x = r.real(v);
  const double weight = 0.3 + 0.1 * static_cast<double>(kind % 7);
  if (kind % 3 == 0) return weight * r.average(x);
  return weight * (kind % 3 == 1 ? r.average(square(x)) : 0.05 * sum(tanh(x)));
}

}  // namespace

Var Recorder::loss() {
  std::vector<Var> terms;
  for (std::size_t k = 0; k < registers_.size(); ++k) {
    const Instruction& i = recipe_.instructions[k];
    if (!i.in_loss || !registers_[k]) continue;
    if (i.section == Section::step)
      for (const Var& v : steps_[k]) terms.push_back(loss_term(*this, v, i.stream));
    else
      terms.push_back(loss_term(*this, registers_[k], i.stream));
  }
  return terms.empty() ? Var() : accumulate(terms);
}

std::vector<Var> Recorder::variables() const {
  std::vector<Var> wrt;
  for (std::size_t k = 0; k < registers_.size(); ++k) {
    const Instruction& i = recipe_.instructions[k];
    if (!i.wrt || !i.leaf() || !registers_[k] || registers_[k].type() == Type::id) continue;
    if (i.section == Section::step)
      wrt.insert(wrt.end(), steps_[k].begin(), steps_[k].end());
    else
      wrt.push_back(registers_[k]);
  }
  return wrt;
}

void Recorder::finish() {
  for (std::size_t k = 0; k < registers_.size(); ++k) {
    const Instruction& i = recipe_.instructions[k];
    if (i.output && registers_[k]) into_.outputs.push_back(registers_[k]);
    if (i.rule->name != "carried" || i.next < 0 || !at(i.next)) continue;
    const Var next = fit(at(i.next), i.shape);
    if (next != registers_[k]) tape().carry(registers_[k], next);
  }
  into_.loss = loss();
  into_.wrt = variables();
  if (into_.loss) differentiate();
  into_.values = into_.set.initial<double>(0);
  into_.values32 = converted<float>(into_.set, into_.values);
}

void Recorder::differentiate() {
  std::vector<Var>& outputs = into_.outputs;
  outputs.push_back(into_.loss);
  if (into_.wrt.empty()) return;
  const std::vector<Var> first = gradients(into_.loss, into_.wrt);
  outputs.insert(outputs.end(), first.begin(), first.end());
  if (!recipe_.second_order) return;
  std::vector<Var> squares;
  for (const Var& g : first) squares.push_back(sum(square(g)));
  for (const Var& g : gradients(accumulate(squares), into_.wrt)) outputs.push_back(g);
}

template <class T>
std::vector<Binding> RandomTape::bindings(int run) const {
  std::vector<Binding> all = data.bindings<T>();
  const Tensor<std::int32_t>& n = counts.at(static_cast<std::size_t>(run));
  const auto bind = [&](const char* name, Index first, Index end) {
    all.push_back({name, TensorView<const std::int32_t>(n.data() + first, Shape{end - first})});
  };
  bind("counts", 0, own_counts);
  bind("step_counts", own_counts, n.size());
  return all;
}
template std::vector<Binding> RandomTape::bindings<float>(int) const;
template std::vector<Binding> RandomTape::bindings<double>(int) const;

namespace {

// Falling numbers between all rows and none, both of them often.
Tensor<std::int32_t> drawn_counts(const Recipe& recipe, int run) {
  RandomStream random(recipe.seed, 1000 + static_cast<std::uint64_t>(run));
  Tensor<std::int32_t> n(Shape{recipe.counts + recipe.T});
  for (std::int32_t& x : n) {
    const double chance = random.uniform();
    x = static_cast<std::int32_t>(chance < 0.1 ? 0 : chance < 0.35 ? recipe.rows : random.below(recipe.rows + 1));
  }
  std::ranges::sort(n, std::greater<>());
  return n;
}

}  // namespace

std::unique_ptr<RandomTape> build(const Recipe& recipe) {
  auto built = std::make_unique<RandomTape>();
  for (int run = 0; run < recipe.runs; ++run) built->counts.push_back(drawn_counts(recipe, run));
  built->own_counts = recipe.counts;
  Recorder recorder(*built, recipe);
  const auto record = [&](Section section, bool only_initial = false) {
    for (std::size_t i = 0; i < recipe.instructions.size(); ++i) {
      const Instruction& x = recipe.instructions[i];
      const bool initial = x.rule->name == "state" || (x.leaf() && !x.per_step());
      if (x.section == section && (initial || !only_initial)) recorder.record(static_cast<int>(i));
    }
  };
  record(Section::before);
  if (recipe.T == 0) record(Section::step, true);
  for (Index t = 0; t < recipe.T; ++t) {
    const auto scope = built->tape.scope(fmt::format("step {}", t));
    recorder.begin_step(t);
    record(Section::step);
    recorder.end_step();
  }
  recorder.end_steps();
  record(Section::after);
  recorder.finish();
  return built;
}

}  // namespace reel::test
