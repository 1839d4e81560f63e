// A random tape as a recipe: a short list of instructions that any change leaves buildable, so that a failing one shrinks.
//
// Instruction i gives register i. Operands are earlier registers; whatever they hold is brought to a shape that the rule
// takes (Recorder::fit), so there is no recipe that cannot be recorded. Three sections follow one another: `before` once,
// `step` for each of T steps (a recurrent cell; the rule "state" is what a step hands to the next), `after` once.
//
// Values may be of a count of the batch's first rows: of one of a few, or of the step's own. They fall in the order of their
// numbers, whatever the run, so that any two tell which one is the smaller.
#pragma once

#include <array>
#include <map>
#include <memory>

#include <reel/models/parameter_set.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/operand.h>

#include "support.h"

namespace reel::test {

enum class Section : std::uint8_t { before, step, after };

class Recorder;
struct Instruction;

struct Rule {
  std::string_view name;
  std::size_t operands;
  Var (*record)(Recorder& recorder, const Instruction& i, std::span<const Var> x);
};
const Rule* rule(std::string_view name);
std::span<const Rule> all_rules();

struct Instruction {
  const Rule* rule = nullptr;
  std::vector<int> x;  // operands
  Section section = Section::before;
  Shape shape;               // of a leaf
  std::array<Index, 3> n{};  // the rule's numbers: axis, begin, end, ids below, key of the data ...
  int next = -1;             // of a state: the register that the next step sees; of a carried leaf: that the next run sees
  std::uint64_t stream = 0;  // of a leaf's numbers; stays when others are dropped
  bool in_loss = false;      // a step's value counts at every step
  bool output = false;
  bool wrt = false;  // leaves: the loss is differentiated with respect to it

  bool leaf() const { return rule->operands == 0; }
  bool per_step() const { return rule->name.starts_with("step_"); }  // a leaf of its own at every step
};

struct Recipe {
  std::uint64_t seed = 0;
  Index T = 0;
  Index rows = 1;
  int runs = 1;               // replays, each with the state that the last one left
  Index counts = 0;           // of rows, besides those of the steps
  bool joining = false;       // rows join from step to step, as in a packed batch that is read backward; else they leave
  double scale = 1;           // of all data
  bool second_order = false;  // gradients of the gradients' squares too
  std::vector<Instruction> instructions;
};

// What a recipe records, and the numbers that go in.
struct RandomTape {
  Tape tape;
  ParameterSet set;
  ParameterValues<double> values;
  ParameterValues<float> values32;
  Data data;
  std::vector<Tensor<std::int32_t>> counts;  // by run: those of the recipe, then those of the steps
  Index own_counts = 0;                      // the former
  Var loss;                                  // empty where no instruction is in it
  std::vector<Var> wrt;
  std::vector<Var> outputs;
  std::vector<int> origin;  // by node: the instruction that recorded it; -1 for losses and adjoints

  int instruction_of(NodeId id) const { return id < origin.size() ? origin[id] : -1; }
  template <class T>
  std::vector<Binding> bindings(int run) const;
};
std::unique_ptr<RandomTape> build(const Recipe& recipe);

// Records instructions one by one; what build() and the generator share.
class Recorder {
 public:
  Recorder(RandomTape& into, const Recipe& recipe) : into_(into), recipe_(recipe) {}

  void record(int i);  // instruction i, at the present step
  void begin_step(Index t) { t_ = t; }
  void end_step();   // hands the states on
  void end_steps();  // from here on a state is what the last step left
  void finish();     // carried states, losses, gradients, outputs
  Var at(int i) const {
    return static_cast<std::size_t>(i) < registers_.size() ? registers_[static_cast<std::size_t>(i)] : Var();
  }

  // ---- for rules ----
  Tape& tape() { return into_.tape; }
  Index T() const { return recipe_.T; }
  Index t() const { return t_; }
  Var real(Var x);                     // ids as one_hot
  Var fit(Var x, const Shape& shape);  // by batch means, repetition, cutting, and as rows() does
  Var rows(Var x, RowCount n);         // its first rows, or zeros after them
  bool fewer(RowCount n, RowCount m) const { return n.is_counted() && (!m.is_counted() || n.number() > m.number()); }
  RowCount count(Index k);  // of the recipe's counts; B where it has none
  RowCount step_count();    // of the present step
  Var average(Var x);       // or, of very many numbers, a smaller share of their sum
  Var leaf(const Instruction& i);
  Var ids(Var x, const Shape& logits);  // one id per row of logits: x, or where x is largest
  Var sequence(const Instruction& i);
  Index vocabulary(Var ids) const { return vocabulary_.at(ids.id()); }
  Var remember(Var ids, Index V);
  std::span<const Var> steps(int i) const { return steps_[static_cast<std::size_t>(i)]; }

 private:
  Tensor<double> numbers(const Instruction& i, const Shape& shape, double scale) const;
  Var loss();
  Var handed_on(const Instruction& state, Var before);
  std::vector<Var> variables() const;
  void differentiate();

  RandomTape& into_;
  const Recipe& recipe_;
  Index t_ = 0;
  std::vector<Var> registers_, next_;    // next_: of a state, what the next step sees
  std::vector<std::vector<Var>> steps_;  // the values of a step's registers
  std::map<std::uint64_t, Sequence> sequences_;
  std::map<NodeId, Index> vocabulary_;
  std::vector<RowCount> counts_, step_counts_;
};

}  // namespace reel::test
