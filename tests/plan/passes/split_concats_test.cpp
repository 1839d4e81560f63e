#include <reel/graph/print.h>
#include <reel/graph/structural.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/transpose.h>
#include <reel/ops/weight_gradient.h>
#include <reel/plan/passes/split_concats.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

Program split(const Program& program) { return run_pass(passes::split_concats, program); }

// The rewritten program and the plan compute what the tape says.
void check_values(const Tape& tape, const std::vector<Var>& outputs, const Data& data) {
  const Program before = program_of(tape, outputs);
  check_same_values(before, split(before), data.bindings<double>(), 1e-12);
  check_plan(tape, outputs, data);
}

// Nothing is rewritten.
void check_kept(const Tape& tape, const std::vector<Var>& outputs) {
  const Program before = program_of(tape, outputs);
  CHECK(text(*split(before).tape) == text(*before.tape));
}

Data data_of(const std::vector<Var>& inputs, Index rows = 5) {
  Data data;
  std::uint64_t seed = 1;
  for (const Var& v : inputs) data.add(v.tape().name(v.id()), random_tensor(v.shape().bind(rows), seed++));
  return data;
}

}  // namespace

TEST_CASE("split_concats: a product of a concat becomes a sum of products by rows: 5 nodes become 8") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), h = tape.input("h", {B, 3}), A = tape.input("A", {5, 4});
  const Var y = matmul(concat({x, h}), A);
  const Program before = program_of(tape, {y});
  CHECK(text(*before.tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = input(h) : [B, 3]\n"
        "%2 = input(A) : [5, 4]\n"
        "%3 = concat(axis=-1) %0 %1 : [B, 5]\n"
        "%4 = matmul %3 %2 : [B, 4]\n");
  CHECK(text(*split(before).tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = input(h) : [B, 3]\n"
        "%2 = input(A) : [5, 4]\n"
        "%3 = slice(axis=0 0:2) %2 : [2, 4]\n"
        "%4 = matmul %0 %3 : [B, 4]\n"
        "%5 = slice(axis=0 2:5) %2 : [3, 4]\n"
        "%6 = matmul %1 %5 : [B, 4]\n"
        "%7 = accumulate %4 %6 : [B, 4]\n");
  check_values(tape, {y}, data_of({x, h, A}));
}

TEST_CASE("split_concats: by a transposed weight the rows are its columns") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), h = tape.input("h", {B, 3}), A = tape.input("A", {4, 5}), C = tape.input("C", {4, 7});
  const Var y = matmul(concat({x, h}), transpose(A)), z = matmul(concat({x, h, x}), transpose(C));
  const Program after = split(program_of(tape, {y}));
  CHECK(text(*after.tape).find("slice(axis=1 2:5) %2 : [4, 3]") != std::string::npos);
  CHECK(count_ops(*after.tape, "transpose") == 2);
  check_values(tape, {y, z}, data_of({x, h, A, C}));
}

TEST_CASE("split_concats: slices of a product are products by columns: 6 nodes become 6") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), A = tape.input("A", {2, 6});
  const Var product = matmul(x, A), first = slice(product, -1, 0, 2), rest = slice(product, 0, 2, 5);
  const Program before = program_of(tape, {first, rest});
  CHECK(before.tape->size() == 5);
  CHECK(text(*split(before).tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = input(A) : [2, 6]\n"
        "%2 = slice(axis=1 0:2) %1 : [2, 2]\n"
        "%3 = matmul %0 %2 : [B, 2]\n"
        "%4 = slice(axis=1 2:5) %1 : [2, 3]\n"
        "%5 = matmul %0 %4 : [B, 3]\n");
  check_values(tape, {first, rest}, data_of({x, A}));
}

TEST_CASE("split_concats: slices of a product of a concat are products by blocks") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), h = tape.input("h", {B, 3}), A = tape.input("A", {5, 6}), C = tape.input("C", {6, 5});
  std::vector<Var> outputs;
  for (const Var& w : {A, transpose(C)}) {
    const Var product = matmul(concat({x, h}), w);
    outputs.insert(outputs.end(), {slice(product, -1, 1, 3), slice(product, -1, 0, 6)});
  }
  const Program after = split(program_of(tape, outputs));
  CHECK(count_ops(*after.tape, "concat") == 0);
  CHECK(count_ops(*after.tape, "matmul") == 8);
  for (NodeId id = 0; id < after.tape->size(); ++id)  // a transpose is taken of a part, so that it can be packed as it lies
    if (after.tape->node(id).op->name() == "slice") CHECK(!is_transpose(*after.tape, after.tape->inputs(id)[0]));
  check_values(tape, outputs, data_of({x, h, A, C}));
}

TEST_CASE("split_concats: a product that something else reads is kept whole") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), A = tape.input("A", {2, 6});
  const Var product = matmul(x, A), part = slice(product, -1, 0, 2);
  check_kept(tape, {part, product});        // a root
  check_kept(tape, {part, tanh(product)});  // an op
  check_values(tape, {part, product}, data_of({x, A}));
}

TEST_CASE("split_concats: concats that are not of columns of rows are kept") {
  Tape tape;
  const Var x = tape.input("x", {B, 2, 3}), y = tape.input("y", {B, 2, 3}), w = tape.input("w", {3, 4}),
            v = tape.input("v", {6, 4});
  const Var plain = tape.input("plain", {2, 3});
  const std::vector<Var> outputs{matmul(concat({x, y}, 0), w),          // along another axis
                                 matmul(concat({x, y}, 1), v),          // of matrices
                                 matmul(concat({plain, plain}, 1), v),  // without B
                                 slice(matmul(x, w), 1, 0, 2),          weight_gradient(concat({x, y}, 0), concat({y, x}, 0)),
                                 weight_gradient(concat({x, y}, 1), x), batch_sum(concat({x, y}, 1))};
  check_kept(tape, outputs);
  check_values(tape, outputs, data_of({x, y, w, v, plain}));
}

TEST_CASE("split_concats: a weight gradient of a concat has a left operand per part: 5 nodes become 4") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), h = tape.input("h", {B, 3}), dy = tape.input("dy", {B, 4});
  const Var g = weight_gradient(concat({x, h}), dy);
  const Program before = program_of(tape, {g});
  CHECK(before.tape->size() == 5);
  CHECK(text(*split(before).tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = input(h) : [B, 3]\n"
        "%2 = input(dy) : [B, 4]\n"
        "%3 = weight_gradient(2 lefts 1 groups) %0 %1 %2 : [5, 4]\n");
  check_values(tape, {g}, data_of({x, h, dy}));
}

TEST_CASE("split_concats: a weight gradient by a concat becomes a concat of weight gradients: 5 nodes become 6") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), dy = tape.input("dy", {B, 4}), dz = tape.input("dz", {B, 3});
  const Var g = weight_gradient(x, concat({dy, dz}));
  const Program before = program_of(tape, {g});
  CHECK(text(*split(before).tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = input(dy) : [B, 4]\n"
        "%2 = input(dz) : [B, 3]\n"
        "%3 = weight_gradient %0 %1 : [2, 4]\n"
        "%4 = weight_gradient %0 %2 : [2, 3]\n"
        "%5 = concat(axis=1) %3 %4 : [2, 7]\n");
  check_values(tape, {g, weight_gradient(concat({x, dy}), concat({dy, dz}))}, data_of({x, dy, dz}));
}

TEST_CASE("split_concats: a sum over the batch of a concat becomes a concat of sums") {
  Tape tape;
  const Var dy = tape.input("dy", {B, 4}), dz = tape.input("dz", {B, 3});
  const Var s = batch_sum(concat({dy, dz}));
  CHECK(text(*split(program_of(tape, {s})).tape) ==
        "%0 = input(dy) : [B, 4]\n"
        "%1 = input(dz) : [B, 3]\n"
        "%2 = batch_sum %0 : [4]\n"
        "%3 = batch_sum %1 : [3]\n"
        "%4 = concat(axis=0) %2 %3 : [7]\n");
  check_values(tape, {s}, data_of({dy, dz}));
}

TEST_CASE("split_concats: over several steps parts come apart where their widths agree, else not") {
  Tape tape;
  const Var a = tape.input("a", {B, 2}), b = tape.input("b", {B, 3}), d = tape.input("d", {B, 4});
  const Var ab = concat({a, b}), ba = concat({b, a}), five = tanh(ab);
  const auto steps = [](std::vector<Var> operands) { return grouped_weight_gradient({}, operands, {}); };
  const Var alike = steps({ab, d, tanh(ab), d}), same = steps({ab, d, concat({exp(a), b}), d});
  const Var order = steps({ab, d, ba, d}), one = steps({ab, d, five, d}), right = steps({d, ab, d, ba});
  const Var both = steps({ab, ab, ba, concat({exp(a), exp(b)})});  // right parts agree, left ones do not
  const auto lefts = [&](const Var& v) {
    const Program after = split(program_of(tape, {v}));
    Index most = 0;
    for (NodeId id = 0; id < after.tape->size(); ++id)
      if (const WeightGradientLayout* layout = weight_gradient_layout(*after.tape, id)) most = std::max(most, layout->lefts);
    return most;
  };
  CHECK(lefts(alike) == 1);  // tanh(ab) is no concat
  CHECK(lefts(same) == 2);
  CHECK(lefts(order) == 1);
  CHECK(lefts(one) == 1);
  CHECK(count_ops(*split(program_of(tape, {right})).tape, "weight_gradient") == 1);
  CHECK(lefts(both) == 1);
  CHECK(count_ops(*split(program_of(tape, {both})).tape, "weight_gradient") == 2);
  check_values(tape, {alike, same, order, one, right, both}, data_of({a, b, d}));
}

TEST_CASE("split_concats: a weight gradient of as many parts as one may have, and of more") {
  for (std::size_t count : {15, 16, 40}) {
    CAPTURE(count);
    Tape tape;
    std::vector<Var> parts, inputs;
    for (std::size_t i = 0; i < count; ++i)
      inputs.push_back(tape.input(fmt::format("x{}", i), {B, 1 + static_cast<Index>(i % 3)}));
    const Var d = tape.input("d", {B, 4}), g = weight_gradient(concat(inputs), d), t = weight_gradient(d, concat(inputs));
    CHECK(count_ops(*split(program_of(tape, {g})).tape, "concat") == (count < 16 ? 0 : 1));
    inputs.push_back(d);
    check_values(tape, {g, t, batch_sum(concat(inputs))}, data_of(inputs));
  }
}

TEST_CASE("split_concats: disjoint pads become a concat, in their order and with zeros in the gaps") {
  Tape tape;
  const Var a = tape.input("a", {B, 2}), b = tape.input("b", {B, 3}), c = tape.input("c", {B, 8});
  const auto at = [](Var x, Index begin) { return pad(x, -1, begin, 8 - begin - x.shape().last()); };
  const Var exact = accumulate({{pad(b, -1, 2, 0), pad(a, -1, 0, 3)}});
  CHECK(text(*split(program_of(tape, {exact})).tape) ==
        "%0 = input(a) : [B, 2]\n"
        "%1 = input(b) : [B, 3]\n"
        "%2 = concat(axis=0) %0 %1 : [B, 5]\n");
  const std::vector<Var> gaps{accumulate({{at(a, 0), at(b, 2)}}), accumulate({{at(b, 5), at(a, 3)}}),
                              accumulate({{at(b, 4), at(a, 1)}}), accumulate({{c, at(a, 6), tanh(c), at(b, 0)}})};
  for (const Var& v : gaps) CHECK(count_ops(*split(program_of(tape, {v})).tape, "pad") == 0);
  std::vector<Var> outputs = gaps;
  outputs.push_back(exact);
  check_values(tape, outputs, data_of({a, b, c}));
}

TEST_CASE("split_concats: pads that overlap, one pad, and pads along two axes are added") {
  Tape tape;
  const Var a = tape.input("a", {B, 2}), b = tape.input("b", {B, 3}), m = tape.input("m", {2, 2});
  const Var overlap = accumulate({{pad(a, -1, 0, 3), pad(b, -1, 1, 1)}}),
            twice = accumulate({{pad(a, -1, 0, 3), pad(a, -1, 0, 3)}});
  const Var single = accumulate({{pad(a, -1, 1, 0), b}});
  const Var axes = accumulate({{pad(pad(m, 0, 1, 0), 1, 0, 1), pad(pad(m, 1, 1, 0), 0, 0, 1)}});
  check_kept(tape, {overlap});
  check_kept(tape, {twice});
  check_kept(tape, {single});
  check_kept(tape, {axes});
  const Var three = accumulate({{pad(pad(m, 0, 2, 0), 1, 0, 1), pad(pad(m, 1, 1, 0), 0, 0, 2), pad(pad(m, 1, 0, 1), 0, 1, 1)}});
  check_values(tape, {overlap, twice, single, axes, three}, data_of({a, b, m}));
}

TEST_CASE("split_concats: parts without columns") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), none = tape.input("none", {B, 0}), A = tape.input("A", {2, 3}),
            d = tape.input("d", {B, 3});
  const Var both = concat({none, x, none});
  check_values(
      tape, {matmul(both, A), slice(matmul(x, A), -1, 1, 1), weight_gradient(both, d), weight_gradient(d, both), batch_sum(both)},
      data_of({x, none, A, d}));
}

TEST_CASE("split_concats: gradients through slices of one value are one concat, whatever their number") {
  Tape tape;
  const Var x = tape.input("x", {B, 20});
  std::vector<Var> terms;
  for (Index i = 0; i < 10; ++i) terms.push_back(sum(exp(slice(x, -1, 2 * i, 2 * i + 2)) * static_cast<double>(i + 1)));
  const Var dx = gradient(accumulate(terms), x);
  const Program after = split(program_of(tape, {dx}));
  CHECK(count_ops(*after.tape, "pad") == 0);
  CHECK(count_ops(*after.tape, "concat") == 1);
  check_values(tape, {dx}, data_of({x}));
}
