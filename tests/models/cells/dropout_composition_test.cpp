// Dropout of cells within other cells and with lengths: masks stay those of the sequence.
#include <reel/graph/mode.h>
#include <reel/graph/structural.h>
#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/deep.h>
#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/jordan.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/cells/with_dropout.h>
#include <reel/models/initializers.h>
#include <reel/models/lengths.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/reduction.h>
#include <reel/ops/reshape.h>
#include <reel/ops/selection.h>
#include <reel/ops/softmax.h>

#include "models/cells/cell_table.h"
#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr DropoutRates kRates{.input = 0.3, .recurrent = 0.45};
constexpr Index T = 5, rows = 4, I = 3, H = 6;

// A cell over a sequence, with its gradients.
template <class Cell>
struct Trained {
  Tape tape;
  ParameterSet set;
  std::vector<Var> outputs;
  Data data = Data().add("x", random_tensor(Shape{T, rows, I}, 5));
  int masks = 0;

  template <class Make>
  explicit Trained(Make make) {
    const Cell cell = make(set);
    const auto run = unroll(cell, tape.input("x", T, {B, I}), zero_state(tape, cell));
    outputs.assign(run.outputs.begin(), run.outputs.end());
    for (const Var& g : gradients(sum(square(run.outputs.back())) + sum(run.outputs[1]), set.all())) outputs.push_back(g);
    masks = count_ops(tape, "dropout_mask");
  }
  std::vector<std::string> bits() const {
    const auto values = set.initial<double>(3);
    return bits_of_run<double>(compile<double>(tape, outputs), outputs, data.bindings<double>(), 1, &values);
  }
};

WithDropout<Lstm> dropped_lstm(ParameterSet& set) { return {Lstm(set, "cell", I, H, drawn()), kRates, Mode::training}; }
AnyCell dropped_deep(ParameterSet& set) {
  return Deep({WithDropout(Lstm(set, "0", I, H, drawn()), kRates, Mode::training),
               WithDropout(Gru(set, "1", H, H, drawn()), {.recurrent = 0.2}, Mode::training), Elman(set, "2", H, H, drawn())});
}

// One direction of a batch of lengths 5, 3, 3 and 0, on a tape of its own.
struct OneDirection {
  Tape tape;
  ParameterSet set;
  AnyCell cell;
  Sequence x = tape.input("x", T, {B, I});
  Data data;
  std::vector<Var> found;  // the loss, the final state and the gradients

  template <class Make>
  OneDirection(Make make, bool pack, Direction direction) : cell(make(set)) {
    Tensor<std::int32_t> counts(Shape{T}, {3, 3, 3, 1, 1});
    Tensor<double> mask(Shape{T, rows});
    for (Index t = 0; t < T; ++t) std::fill_n(mask.data() + t * rows, counts[t], 1.0);
    data.add("x", random_tensor(Shape{T, rows, I}, 5)).add("counts", counts).add("mask", mask);
    const Sequence masks = tape.input("mask", T, {B});
    const Lengths lengths = pack ? Lengths::packed(tape.row_counts("counts", T)) : Lengths::padded(masks);
    const auto run = unroll(cell, x, zero_state(tape, cell), lengths, direction);
    std::vector<Var> terms;
    for (const Var& part : run.last.vars) terms.push_back(sum(square(part)));
    for (std::size_t t = 0; t < run.outputs.size(); ++t) {
      const Var y = run.outputs[t];
      terms.push_back(sum(pack ? y * y * y : reel::mask(y * y * y, reshape(masks[t], {B, 1}))));
    }
    found.push_back(accumulate(terms));
    found.insert(found.end(), run.last.vars.begin(), run.last.vars.end());
    for (const Var& g : gradients(found[0], set.all())) found.push_back(g);
    for (const Var& g : gradients(found[0], x)) found.push_back(g);
  }
};

template <class Make>
void check_packed_and_padded(Make make) {
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    CAPTURE(static_cast<int>(direction));
    const OneDirection packed(make, true, direction), padded(make, false, direction);
    const auto values = packed.set.template initial<double>(3);
    const auto of_padded = padded.set.template initial<double>(3);
    const auto a = interpret<double>(packed.tape, packed.data.bindings<double>(), &values);
    const auto b = interpret<double>(padded.tape, padded.data.bindings<double>(), &of_padded);
    CHECK(count_ops(packed.tape, "dropout_mask") == count_ops(padded.tape, "dropout_mask"));
    REQUIRE(packed.found.size() == padded.found.size());
    for (std::size_t i = 0; i < packed.found.size(); ++i) {
      CAPTURE(packed.tape.describe(packed.found[i].id()));
      const auto expected = b.value(padded.found[i]);
      check_close(a.value(packed.found[i]), {expected.begin(), expected.end()}, 1e-12);
    }
    check_plan(packed.tape, packed.found, packed.data, &values, &packed.set);
    check_plan(padded.tape, padded.found, padded.data, &of_padded, &padded.set);
  }
}

}  // namespace

TEST_CASE("dropout of cells: within AnyCell the masks are those of the cell alone") {
  const Trained<WithDropout<Lstm>> alone(dropped_lstm);
  const Trained<AnyCell> any([](ParameterSet& set) { return AnyCell(dropped_lstm(set)); });
  const Trained<AnyCell> twice([](ParameterSet& set) { return AnyCell(AnyCell(dropped_lstm(set))); });
  const Trained<Deep> deep([](ParameterSet& set) { return Deep({dropped_lstm(set)}); });
  const Trained<AnyCell> nested([](ParameterSet& set) { return AnyCell(Deep({Deep({dropped_lstm(set)})})); });
  CHECK(alone.masks == 2);
  for (const int masks : {any.masks, twice.masks, deep.masks, nested.masks}) CHECK(masks == 2);
  const auto expected = alone.bits();
  CHECK(any.bits() == expected);
  CHECK(twice.bits() == expected);
  CHECK(deep.bits() == expected);
  CHECK(nested.bits() == expected);
}

TEST_CASE("dropout of cells: a stack draws once for each layer that drops") {
  const Trained<AnyCell> stack(dropped_deep);
  CHECK(stack.masks == 3);
}

TEST_CASE("dropout of cells: packed and padded batches have the same masks, states and gradients") {
  check_packed_and_padded([](ParameterSet& set) { return AnyCell(dropped_lstm(set)); });
  check_packed_and_padded([](ParameterSet& set) {
    return AnyCell(WithDropout(Jordan(set, "cell", I, H, 4, softmax, drawn()), kRates, Mode::training));
  });
  check_packed_and_padded(dropped_deep);
}

TEST_CASE("dropout of cells: packed gradients agree with the complex step") {
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    OneDirection packed(dropped_deep, true, direction);
    const auto values = packed.set.initial<double>(3);
    std::vector<Var> wrt{packed.x[0], packed.x[3]};
    for (const Parameter& p : packed.set.all()) wrt.push_back(packed.tape.parameter(p));
    GradientCheckOptions options{.most_elements = 8};
    options.context.seed = 5;
    const auto report = check_gradients(packed.found[0], wrt, packed.data.bindings<double>(), &values, options);
    INFO(report.text());
    CHECK(report.ok());
  }
}

TEST_CASE("dropout of cells: a state without a batch may begin a sequence with one") {
  Tape tape;
  ParameterSet set;
  const WithDropout cell(Elman(set, "cell", I, H, drawn()), kRates, Mode::training);
  const Parameter h0 = set.add("h0", {H}, init::uniform(1));
  const auto run = unroll(cell, tape.input("x", 3, {B, I}), {tape.parameter(h0), Var(), Var()});
  const auto values = set.initial<double>(3);
  const Data data = Data().add("x", random_tensor(Shape{3, rows, I}, 5));
  check_plan(tape, run.outputs, data, &values, &set);
  check_gradient(sum(square(run.outputs.back())), {{tape.parameter(h0), tape.parameter(cell.cell().a.W)}}, data, &values);
  CHECK(count_ops(tape, "dropout_mask") == 2);
}
