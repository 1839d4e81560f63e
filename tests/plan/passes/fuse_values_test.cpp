// fuse: what fused nodes compute, for every kind of operand and size.
#include <reel/graph/structural.h>
#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/lstm.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/reduction.h>
#include <reel/ops/reshape.h>
#include <reel/plan/passes/fuse.h>
#include <reel/plan/tile_program.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index kWidths[] = {1, 3, 16, 100, 513, 2000};
constexpr Index kRows[] = {1, 2, 5, 130};

template <class T>
void check_bits(const Tape& tape, const std::vector<Var>& outputs, const Data& data, const char* fused = "fused(") {
  const auto with = compile<T>(tape, outputs, {.verify = true});
  const auto without = compile<T>(tape, outputs, {.passes = passes_without("fuse")});
  CHECK(with.text().find(fused) != std::string::npos);
  CHECK(without.text().find("fused(") == std::string::npos);
  const auto bindings = data.bindings<T>();
  const auto expected = bits_of_run<T>(without, outputs, bindings);
  CHECK(bits_of_run<T>(with, outputs, bindings) == expected);
  CHECK(bits_of_run<T>(with, outputs, bindings, 3) == expected);
}

std::vector<Var> unequal_chain(Var x, const std::vector<Var>& others) {
  Var y = tanh(x), z = x;
  for (const Var& other : others) {
    y = y * other + x;
    z = other - sigmoid(z);
  }
  return {y, z, y - z};
}

// A batch of every kind of operand of a fused node.
struct Operands {
  Tape tape;
  std::vector<Var> outputs;
  Data data;

  Operands(Index width, Index rows) {
    const Var x = tape.input("x", {B, width}), bias = tape.input("bias", {width}), scale = tape.input("scale", {}),
              per_row = tape.input("per_row", {B}), one = tape.input("one", {B, 1}), wide = tape.input("wide", {B, width + 3});
    const Var part = slice(wide, -1, 2, 2 + width), fill = tape.fill({B, width}, 0.75);
    outputs = unequal_chain(x, {bias, scale, reshape(per_row, {B, 1}), one, part, fill, tape.constant(1.5)});
    std::uint64_t seed = 1;
    for (const Var& v : {x, bias, scale, per_row, one, wide})
      data.add(tape.name(v.id()), random_tensor(v.shape().bind(rows), seed++, 0.7));
  }
};

}  // namespace

TEST_CASE_TEMPLATE("fuse: dense, strided, shared and repeated operands give the same bits as nodes by themselves", T, float,
                   double) {
  for (Index width : kWidths)
    for (Index rows : kRows) {
      CAPTURE(width);
      CAPTURE(rows);
      const Operands operands(width, rows);
      check_bits<T>(operands.tape, operands.outputs, operands.data);
    }
}

TEST_CASE("fuse: dense, strided, shared and repeated operands give what the interpreter gives") {
  for (const auto& [width, rows] : {std::pair<Index, Index>{1, 5}, {3, 130}, {513, 2}, {100, 0}}) {
    CAPTURE(width);
    CAPTURE(rows);
    const Operands operands(width, rows);
    check_plan(operands.tape, operands.outputs, operands.data);
  }
}

TEST_CASE_TEMPLATE("fuse: chains without B", T, float, double) {
  for (Index width : kWidths) {
    CAPTURE(width);
    Tape tape;
    const Var x = tape.input("x", {width}), scale = tape.input("scale", {}), matrix = tape.input("matrix", {3, width});
    std::vector<Var> outputs = unequal_chain(x, {scale, tape.constant(0.5)});
    for (const Var& v : unequal_chain(matrix, {x, scale})) outputs.push_back(v);
    const Data data = Data()
                          .add("x", random_tensor({width}, 1))
                          .add("scale", Tensor<double>(Shape{}, {0.7}))
                          .add("matrix", random_tensor({3, width}, 2));
    check_bits<T>(tape, outputs, data);
    if (width < 20) check_plan(tape, outputs, data);
  }
}

TEST_CASE("fuse: elements of rank 0 and higher, and rows without elements") {
  Tape tape;
  const Var scalar = tape.input("scalar", {}), number = tape.input("number", {B}), cube = tape.input("cube", {B, 2, 3, 2}),
            empty = tape.input("empty", {B, 0});
  std::vector<Var> outputs;
  for (const Var& x : {scalar, number, cube, empty})
    for (const Var& y : unequal_chain(x, {scalar})) outputs.push_back(y);
  check_plan(tape, outputs,
             Data()
                 .add("scalar", Tensor<double>(Shape{}, {0.3}))
                 .add("number", random_tensor({7}, 1))
                 .add("cube", random_tensor({7, 2, 3, 2}, 2))
                 .add("empty", Tensor<double>(Shape{7, 0})));
}

TEST_CASE("fuse: shapes of the highest rank have no room for pieces and stay as they are") {
  Tape tape;
  const Var batched = tape.input("batched", {B, 1, 2, 1, 2, 1, 2}), plain = tape.input("plain", {1, 2, 1, 2, 1, 2, 1, 2});
  std::vector<Var> outputs;
  for (const Var& x : {batched, plain})
    for (const Var& y : {tanh(x), exp(tanh(x))}) outputs.push_back(y);
  CHECK(count_ops(*run_pass(passes::fuse, program_of(tape, outputs)).tape, "fused") == 0);
  check_plan(
      tape, outputs,
      Data().add("batched", random_tensor({3, 1, 2, 1, 2, 1, 2}, 1)).add("plain", random_tensor({1, 2, 1, 2, 1, 2, 1, 2}, 2)));
}

namespace {

// Steps and places (inputs and steps) of the largest fused node.
std::pair<std::size_t, std::size_t> largest_fused(const Program& p) {
  std::size_t steps = 0, places = 0;
  for (NodeId id = 0; id < p.tape->size(); ++id) {
    if (p.tape->node(id).op->name() != "fused") continue;
    const std::string names = p.tape->node(id).op->attributes();
    const auto mine = static_cast<std::size_t>(std::ranges::count(names, ' ')) + 1;
    steps = std::max(steps, mine);
    places = std::max(places, mine + p.tape->inputs(id).size());
  }
  return {steps, places};
}

}  // namespace

TEST_CASE("fuse: a chain of more than 64 steps is cut") {
  for (int length : {63, 64, 65, 66, 128, 129, 200}) {
    CAPTURE(length);
    Tape tape;
    const Var x = tape.input("x", {B, 5});
    Var y = x;
    std::vector<Var> outputs;
    for (int i = 0; i < length; ++i) {
      y = i % 3 ? tanh(y) : y + x;
      if (i % 50 == 7) outputs.push_back(y);
    }
    outputs.push_back(y);
    const Program before = program_of(tape, outputs), after = run_pass(passes::fuse, before);
    CHECK(largest_fused(after).first == static_cast<std::size_t>(std::min(length, 64)));
    CHECK(count_ops(*after.tape, "fused") == length / 64 + (length % 64 > 1));  // a lone step left is itself
    const Data data = Data().add("x", random_tensor({4, 5}, 1));
    check_same_values(before, after, data.bindings<double>());
    check_bits<double>(tape, outputs, data);
  }
}

TEST_CASE("fuse: more operands than a tile program has places for are cut") {
  for (Index count : {40, 47, 48, 49, 50, 95, 96, 97, 300}) {
    CAPTURE(count);
    Tape tape;
    const Sequence x = tape.input("x", count, {B, 5});
    std::vector<Var> outputs;
    Var y = tanh(x[0]);
    for (std::size_t i = 1; i < x.size(); ++i) {
      y = i % 2 ? y * x[i] : y - x[i];
      if (i % 3 == 0) outputs.push_back(y);
    }
    outputs.push_back(y);
    const Program before = program_of(tape, outputs), after = run_pass(passes::fuse, before);
    CHECK(largest_fused(after).second <= static_cast<std::size_t>(TileProgram::kMostPlaces));
    const Data data = Data().add("x", random_tensor({count, 4, 5}, 1));
    check_same_values(before, after, data.bindings<double>());
    check_bits<double>(tape, outputs, data);
  }
}

TEST_CASE("fuse: sums of many terms, as fan-in makes them") {
  for (Index count : {2, 7, 8, 9, 30}) {
    CAPTURE(count);
    Tape tape;
    const Sequence x = tape.input("x", count, {B, 5});
    std::vector<Var> terms;
    for (const Var& v : x) terms.push_back(tanh(v));
    const Var total = accumulate(terms), y = total * x[0] - exp(x.back());
    check_plan(tape, {{y, total}}, Data().add("x", random_tensor({count, 4, 5}, 1)));
  }
}

TEST_CASE("fuse: batch statistics between elementwise nodes, and their gradients") {
  Tape tape;
  const Var x = tape.input("x", {B, 6}), gain = tape.input("gain", {6});
  const Var centred = tanh(x) - batch_mean(tanh(x));
  const Var deviation = sqrt(batch_mean(square(centred)) + 1e-3);
  const Var y = sigmoid(centred / deviation * gain);
  std::vector<Var> outputs = gradients(sum(square(y)), {{x, gain}});
  outputs.insert(outputs.end(), {y, deviation, centred});
  for (Index rows : {1, 5, 130}) {
    const Data data = Data().add("x", random_tensor({rows, 6}, 1)).add("gain", random_tensor({6}, 2));
    check_bits<float>(tape, outputs, data);
    check_bits<double>(tape, outputs, data);
    check_plan(tape, outputs, data, nullptr, nullptr, 1e-4);
  }
}

TEST_CASE("fuse: networks with their gradients give the same bits as without the pass, on every number of threads") {
  const auto check = [](const auto& network) {
    const auto with = compile<float>(network.tape, network.outputs);
    const auto without = compile<float>(network.tape, network.outputs, {.passes = passes_without("fuse")});
    const auto values = network.set.template initial<float>(7);
    for (Index rows : {1, 5, 300}) {
      const Batch<float> batch(network, rows, 3);
      const auto expected = bits_of_run<float>(without, network.outputs, batch.bindings(), 1, &values);
      for (int threads : {1, 2, 3, 8})
        CHECK(bits_of_run<float>(with, network.outputs, batch.bindings(), threads, &values) == expected);
    }
  };
  check(Network<Lstm>(5));
  check(Network<Gru>(5));
  check(Network<ElmanConcat>(5));
}
