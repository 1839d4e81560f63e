// A small task for the trainer's tests: predict a stream's next numbers with a cell whose state is carried between windows.
#pragma once

#include <string>

#include <fmt/format.h>

#include <reel/graph/mode.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/loss.h>
#include <reel/ops/matmul.h>
#include <reel/ops/operand.h>
#include <reel/ops/reduction.h>
#include <reel/train/trainer.h>

#include "support.h"

namespace reel::test {

struct StreamTask {
  ParameterSet set;
  Lstm cell{set, "cell", 2, 4};
  Linear head{set, "head", 4, 2};
  double dropout_rate = 0;
  bool root = false;  // adds the roots of |x_0 W| for a weight W of the cell, whose gradient is not finite where x_0 is 0
  Reduction reduction = Reduction::mean;

  // Ids in {0, 1}: [T, B]. The carried state is called "state.h", "state.c".
  Var record(Tape& tape, Index steps, Mode mode = Mode::training) const {
    const Sequence x = tape.input("x", steps, {B, 2});
    const auto run = unroll(cell, x, carried_state(tape, cell, "state"));
    const Sequence logits = map_steps(run.outputs, [&](Var h) { return head(dropout(h, dropout_rate, mode)); });
    const Var loss = cross_entropy(logits, tape.ids("y", steps, {B}), reduction);
    return root ? loss + sum(sqrt(abs(matmul(x[0], set.all()[0])))) : loss;
  }

  template <class T>
  Builder builder() const {
    return [this](Tape& tape, Index steps, Mode mode) { return record(tape, steps, mode); };
  }
};

// Steps [begin, begin + T) of a stream of 2 rows that is the same in every test.
inline Data window(Index begin, Index T, Index rows = 2) {
  Tensor<double> x(Shape{T, rows, 2});
  Tensor<std::int32_t> y(Shape{T, rows});
  for (Index t = 0; t < T; ++t)
    for (Index b = 0; b < rows; ++b) {
      RandomStream random(77, static_cast<std::uint64_t>(1000 * (begin + t) + b));
      for (Index i = 0; i < 2; ++i) x[(t * rows + b) * 2 + i] = random.normal();
      y[t * rows + b] = static_cast<std::int32_t>(random.below(2));
    }
  return Data().add("x", std::move(x)).add("y", std::move(y));
}

template <class T>
double step(Trainer<T>& trainer, Index begin, Index steps, Index rows = 2) {
  const Data data = window(begin, steps, rows);
  return trainer.step(data.bindings<T>(), steps);
}

template <class T>
double evaluate(Trainer<T>& trainer, Index begin, Index steps, Index rows = 2) {
  const Data data = window(begin, steps, rows);
  return trainer.evaluate(data.bindings<T>(), steps);
}

// The bits of all parameters, as hexadecimal text.
template <class T>
std::string bits(const Trainer<T>& trainer) {
  std::string all;
  for (Index i = 0; i < trainer.parameters().size(); ++i)
    for (T x : trainer.parameters().at(i)) all += fmt::format("{:a} ", x);
  return all;
}

inline TrainerOptions one_thread() { return {.threads = ThreadPool(1)}; }

}  // namespace reel::test
