#include <reel/graph/print.h>
#include <reel/graph/structural.h>
#include <reel/models/cells/gru.h>
#include <reel/models/convolution.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/reduction.h>
#include <reel/ops/selection.h>

#include "models/cells/cell_table.h"
#include "models/cells/pytorch_case.h"

using namespace reel;
using namespace reel::test;

namespace {

// A network over one input x of the pattern, with parameters of the pattern and the sum of its outputs weighed by the pattern.
struct Net {
  Tape tape;
  ParameterSet set;
  ParameterValues<double> values;
  Var x, y, loss;
  Data data;

  Var input(Shape row, Index rows) {
    data.add("x", pattern(row.with_rows(B).bind(rows), 5));
    return x = tape.input("x", row.with_rows(B));
  }
  // After `y` is there: parameters by name, and how far each begins in the pattern; the others are drawn, far from kinks.
  void begin(Index rows, const std::vector<std::pair<std::string, int>>& offsets = {}) {
    values = set.initial<double>(1);
    for (const Parameter& p : set.all()) {
      const Tensor<double> drawn = random_tensor(p.shape(), 20 + static_cast<std::uint64_t>(p.index()), 0.7);
      std::ranges::copy(drawn, values.edit(p).begin());
    }
    for (const auto& [name, offset] : offsets) set_values<double>(set, values, name, pattern(set.find(name).shape(), offset));
    data.add("weights", pattern(y.shape().bind(rows), 3));
    loss = sum(y * tape.input("weights", y.shape()));
  }
  Var gradient_of(const std::string& parameter) { return gradient(loss, tape.parameter(set.find(parameter))); }
  void check_against_the_complex_step() {
    std::vector<Var> wrt{x};
    for (const Parameter& p : set.all()) wrt.push_back(tape.parameter(p));
    check_gradient(loss, wrt, data, &values);
    std::vector<Var> outputs = gradients(loss, wrt);
    outputs.push_back(y);
    check_plan(tape, outputs, data, &values, &set);
  }
};

std::vector<double> numbers(TensorView<const double> x) { return {x.begin(), x.end()}; }

}  // namespace

TEST_CASE("SequenceConvolution: equals torch.nn.Conv1d, with its gradients") {
  Net n;
  const SequenceConvolution convolution(n.set, "c", 3, 2, 3, 1);
  n.y = convolution(n.input({4, 2}, 2));
  n.begin(2, {{"c.W", 1}, {"c.b", 8}});
  // conv1d(x, W.reshape(3, 2, 3).permute(2, 1, 0), b, padding=1), channels moved to the end.
  check_twice(
      n.tape,
      {{"y", n.y, {-0.06, 0.06,  0.18,  -0.18, 0.11,  -0.36, -1.17, -1.14, -2.25, 0.43,  0.33,  -1.29,
                   0.16,  -0.16, -0.48, 0.04,  -0.33, 0.63,  0.0,   -0.25, 0.45,  -0.13, -0.29, 0.12}},
       {"dx",
        gradient(n.loss, n.x),
        {-0.19, 0.2, -0.06, 2.26, 0.0, 0.28, 0.04, -0.77, 0.09, -0.59, -0.01, -1.29, 1.76, -0.42, -0.11, 0.67}},
       {"dW",
        n.gradient_of("c.W"),
        {-1.01, -1.74, -1.14, -0.88, -1.74, -1.27, 0.32, -0.89, -0.77, 0.5, -0.82, -0.81, 1.65, 0.09, 0.05, 1.79, 0.1, 0.12}},
       {"db", n.gradient_of("c.b"), {-1.8, -0.7, 0.4}}},
      n.data, &n.values);
  n.check_against_the_complex_step();
}

TEST_CASE("ImageConvolution: equals torch.nn.Conv2d with stride and padding, with its gradients") {
  Net n;
  const ImageConvolution convolution(n.set, "c", 3, 2, 2, 2, 1);
  n.y = convolution(n.input({4, 3, 2}, 1));
  n.begin(1, {{"c.W", 1}, {"c.b", 8}});
  // conv2d(x, W.reshape(3, 3, 2, 2).permute(3, 2, 0, 1), b, stride=2, padding=1), channels moved to the end.
  check_twice(n.tape,
              {{"y", n.y, {0.23, -1.09, 1.96, 1.94, 1.1, 1.01, -0.07, -0.11}},
               {"dx", gradient(n.loss, n.x), {0.72,  0.98,  0.17,  -0.37, 0.94,  1.28,  0.92, 0.84,  -1.27, 1.2,  0.6, 0.68,
                                              -0.93, -1.27, -0.28, 0.83,  -0.71, -0.97, 0.26, -0.08, 0.3,   -0.3, 0.2, -0.06}},
               {"dW", n.gradient_of("c.W"), {0.49,  0.42,  0.42, 0.36, 1.16, 1.02,  1.0,   0.88,  0.63,  0.56,  0.54, 0.48,
                                             0.55,  0.6,   0.56, 0.63, 1.08, 1.18,  1.06,  1.2,   0.45,  0.5,   0.42, 0.49,
                                             -0.91, -0.93, -0.9, -0.9, -1.7, -1.74, -1.72, -1.72, -0.87, -0.89, -0.9, -0.9}},
               {"db", n.gradient_of("c.b"), {0.2, -0.2}}},
              n.data, &n.values);
  n.check_against_the_complex_step();
}

TEST_CASE("convolutions: shapes without a batch and with leading dimensions, odd sizes") {
  Tape tape;
  ParameterSet set;
  const SequenceConvolution over_time(set, "t", 3, 2, 5);
  CHECK(over_time(tape.input("a", {4, 2})).shape() == Shape{2, 5});
  CHECK(over_time(tape.input("b", {B, 6, 3, 2})).shape() == Shape{B, 6, 1, 5});
  const ImageConvolution over_image(set, "i", 2, 3, 4, 3);
  CHECK(over_image(tape.input("c", {B, 8, 2, 3})).shape() == Shape{B, 3, 1, 4});
  CHECK(over_image(tape.input("d", {2, 2, 3})).shape() == Shape{1, 1, 4});
}

TEST_CASE("convolutions: errors name the input, the window and the caller's line") {
  Tape tape;
  ParameterSet set;
  const SequenceConvolution over_time(set, "t", 3, 2, 5);
  check_throws<ShapeError>([&] { over_time(tape.input("short", {B, 2, 2})); }, {"1x3", "[B, 1, 2, 2]", "convolution_test.cpp"});
  check_throws<ShapeError>([&] { over_time(tape.input("other", {B, 4, 3})); }, {"t.W [6, 5]", "[B, 2, 9]"});
  check_throws<ShapeError>([&] { over_time(tape.input("flat", {B, 4})); }, {"[.., T, C]", "flat [B, 4]"});
  const ImageConvolution over_image(set, "i", 3, 1, 2, 1, 1);
  check_throws<ShapeError>([&] { over_image(tape.input("grey", {B, 5, 5})); }, {"[.., H, W, C]", "grey [B, 5, 5]"});
  check_throws<ShapeError>([&] { over_image(tape.input("rgb", {B, 5, 5, 3})); }, {"i.W [9, 2]", "[B, 5, 5, 27]"});
}

TEST_CASE("TextCnn: equals torch's convolutions, ReLU and maximum over time") {
  Net n;
  const TextCnn cnn(n.set, "t", {1, 3}, 2, 2);
  CHECK(cnn.features() == 4);
  n.y = cnn(n.input({4, 2}, 2));
  n.begin(2, {{"t.1.W", 2}, {"t.1.b", 6}, {"t.3.W", 7}, {"t.3.b", 11}});
  // cat([relu(conv1d(pad(x, (0, width - 1)), ..)).max(time) for width in (1, 3)])
  check_twice(n.tape,
              {{"y", n.y, {1.07, 0.0, 3.17, 3.2, 0.0, 0.0, 0.18, 0.07}},
               {"dx", gradient(n.loss, n.x), {0, 0, 0.43, 0.77, 1.53, 1.99, -1.44, -1.1, 0, 0, 0, 0, 0, 0, -0.32, -0.58}},
               {"dW1", n.gradient_of("t.1.W"), {0.48, 0.0, 0.54, 0.0}},
               {"db1", n.gradient_of("t.1.b"), {-0.6, 0.0}},
               {"dW3", n.gradient_of("t.3.W"), {0.55, 0.6, 0.56, 0.63, 0.64, 0.72, 0.72, 0.81, -0.72, -0.81, -0.64, -0.72}},
               {"db3", n.gradient_of("t.3.b"), {-0.1, -0.3}}},
              n.data, &n.values);
}

TEST_CASE("TextCnn: padding of any value and any padded length changes nothing, bit for bit") {
  constexpr Index E = 3, F = 4, rows = 4;
  const std::vector<Index> lengths{5, 3, 1, 0};
  const Tensor<double> words = random_tensor({rows, 5, E}, 4);
  std::vector<std::vector<double>> first;
  for (const Index T : {5, 6, 9, 33})
    for (const double padding : {0.0, -3.5, 1e30, std::nan("")}) {
      CAPTURE(T);
      CAPTURE(padding);
      Tape tape;
      ParameterSet set;
      const TextCnn cnn(set, "t", {1, 2, 4}, E, F);
      const Var x = tape.input("x", {B, T, E}), y = cnn(x, tape.input("mask", {B, T}));
      Tensor<double> padded(Shape{rows, T, E}), mask(Shape{rows, T});
      std::fill(padded.begin(), padded.end(), padding);
      for (Index r = 0; r < rows; ++r)
        for (Index t = 0; t < lengths[static_cast<std::size_t>(r)]; ++t) {
          mask[r * T + t] = 1;
          std::copy_n(words.data() + (r * 5 + t) * E, E, padded.data() + (r * T + t) * E);
        }
      std::vector<Var> outputs{y};
      for (const Parameter& p : set.all()) outputs.push_back(gradient(sum(square(y)), tape.parameter(p)));
      outputs.push_back(gradient(sum(square(y)), x));
      const ParameterValues<double> values = set.initial<double>(3);
      const auto plan = compile<double>(tape, outputs);
      Workspace<double> workspace(plan, &values);
      plan.run(workspace, {{"x", padded}, {"mask", mask}});
      const auto dx = workspace.value(outputs.back());
      for (Index r = 0; r < rows; ++r)
        for (Index i = lengths[static_cast<std::size_t>(r)] * E; i < T * E; ++i) CHECK(dx[r * T * E + i] == 0);
      CHECK(std::all_of(workspace.value(y).end() - 3 * F, workspace.value(y).end(), [](double f) { return f == 0; }));
      for (std::size_t i = 0; i + 1 < outputs.size(); ++i) {
        const std::vector<double> now = numbers(workspace.value(outputs[i]));
        if (first.size() + 1 < outputs.size()) first.push_back(now);
        CHECK(first[i] == now);
      }
    }
}

TEST_CASE("TextCnn: a mask of ones is no mask, and a text alone has the features it has in a batch") {
  constexpr Index T = 6, E = 2;
  Tape tape;
  ParameterSet set;
  const TextCnn cnn(set, "t", {2, 3}, E, 3);
  const Var x = tape.input("x", {B, T, E}), whole = cnn(x), masked = cnn(x, tape.input("mask", {B, T}));
  const Var alone = cnn(tape.input("alone", {4, E}));  // the first four words of row 1
  const ParameterValues<double> values = set.initial<double>(2);
  const Tensor<double> words = random_tensor({2, T, E}, 7);
  Tensor<double> some(Shape{4, E}), ones(Shape{2, T}), four = ones;
  std::copy_n(words.data() + T * E, 4 * E, some.data());
  std::fill(ones.begin(), ones.end(), 1.0);
  std::fill_n(four.data() + T, 4, 1.0);
  const auto with = [&](const Tensor<double>& mask) {
    return interpret<double>(tape, {{"x", words}, {"mask", mask}, {"alone", some}}, &values);
  };
  const auto every_word = with(ones), four_words = with(four);
  CHECK(numbers(every_word.value(whole)) == numbers(every_word.value(masked)));
  const std::vector<double> batch = numbers(four_words.value(masked));
  CHECK(numbers(four_words.value(alone)) == std::vector<double>(batch.begin() + cnn.features(), batch.end()));
}

TEST_CASE("TextCnn: gradients, also where the text is shorter than a window") {
  for (const Index T : {1, 2, 5}) {
    CAPTURE(T);
    Net n;
    const TextCnn cnn(n.set, "t", {1, 2, 4}, 2, 3);
    const Var x = n.input({T, 2}, 3);
    n.y = cnn(x) + cnn(x, n.tape.input("mask", {B, T}));
    n.begin(3);
    Tensor<double> mask(Shape{3, T});
    for (Index i = 0; i < mask.size(); ++i) mask[i] = i % 3 != 2;
    n.data.add("mask", mask);
    n.check_against_the_complex_step();
  }
}

TEST_CASE("TextCnn: errors") {
  ParameterSet set;
  check_throws<InputError>([&] { TextCnn(set, "t", {}, 2, 3); }, {"TextCnn t", "width"});
  check_throws<InputError>([&] { TextCnn(set, "t", {2, 0}, 2, 3); }, {"TextCnn t", "width", "0"});
  check_throws<InputError>([&] { TextCnn(set, "t", {-1}, 2, 3); }, {"TextCnn t", "-1"});
  CHECK(set.size() == 0);
  check_throws<InputError>([&] { TextCnn(set, "u", {2, 2}, 2, 3); }, {"u.2.W"});
  const TextCnn cnn(set, "t", {2}, 2, 3);
  Tape tape;
  const Var x = tape.input("x", {B, 4, 2});
  check_throws<ShapeError>([&] { cnn(x, tape.input("mask", {B, 5})); }, {"[B, 4, 2]", "[B, 5, 1]"});
  check_throws<ShapeError>([&] { cnn(tape.input("wide", {B, 4, 3})); }, {"t.2.W [4, 3]", "[B, 4, 6]"});
}

TEST_CASE("ImageCnn: equals torch's convolutions, ReLU and pooling") {
  Net n;
  const ImageCnn cnn(n.set, "i", 5, 4, 1, {2, 3}, 2);
  const Var x = n.input({5, 4, 1}, 2), map = cnn.map(x);
  n.y = cnn(x);
  n.begin(2, {{"i.0.W", 1}, {"i.0.b", 6}, {"i.1.W", 4}, {"i.1.b", 11}, {"i.features.W", 2}, {"i.features.b", 15}});
  check_twice(
      n.tape,
      {{"map", map, {2.584, 2.484, 1.734, 3.522, 3.422, 2.826}},
       {"y", n.y, {0.0, 1.8822, 0.0, 2.7404}},
       {"dx", gradient(n.loss, n.x), {-0.1659, -0.0399, 0.0504,  -0.0567, 0.2121, 0.3892,  -0.0994, -0.0728, -0.6391, -0.5306,
                                      -0.0196, 0.007,   -0.1939, -0.0434, 0.0161, 0.0301,  0.2513,  0.3997,  0.0,     0.0,
                                      0.0,     0.0,     0.0648,  -0.0729, 0.8001, -0.6993, -0.8091, -0.1314, -0.4401, -0.3825,
                                      -0.0459, 0.0468,  0.1323,  0.3636,  0.5724, 0.0765,  0.0,     -0.0126, -0.0252, -0.0378}},
       {"dW0",
        n.gradient_of("i.0.W"),
        {0.5904, 0.3195, -0.9656, -0.4637, -0.9433, -0.4093, -0.6204, -0.1857, -0.4972, -0.1537, -0.219, -0.0762, -0.22, -0.0829,
         0.2448, 0.1563, 0.4654, 0.2338}},
       {"db1", n.gradient_of("i.1.b"), {1.28, -1.44, -1.12}},
       {"dWf", n.gradient_of("i.features.W"), {0.0, -4.9786, 0.0, -4.8186, 0.0, -3.7572}}},
      n.data, &n.values);
  n.check_against_the_complex_step();
}

TEST_CASE("ImageCnn: odd, tiny and narrow images") {
  struct Row {
    Index H, W;
    Shape map;
  };
  for (const Row& row : {Row{1, 1, {B, 1, 1, 3}}, Row{2, 2, {B, 1, 1, 3}}, Row{3, 2, {B, 1, 1, 3}}, Row{1, 9, {B, 1, 9, 3}},
                         Row{9, 1, {B, 9, 1, 3}}, Row{7, 5, {B, 1, 1, 3}}, Row{9, 12, {B, 2, 3, 3}}}) {
    CAPTURE(row.H);
    CAPTURE(row.W);
    Net n;
    const ImageCnn cnn(n.set, "i", row.H, row.W, 2, {2, 3}, 4);
    CHECK(cnn.map(n.input({row.H, row.W, 2}, 2)).shape() == row.map);
    n.y = cnn(n.x);
    CHECK(n.y.shape() == Shape{B, 4});
    n.begin(2);
    n.check_against_the_complex_step();
  }
}

TEST_CASE("ImageCnn: errors name the network, what it was made for and what it was given") {
  ParameterSet set;
  check_throws<InputError>([&] { ImageCnn(set, "i", 4, 4, 1, {}, 2); }, {"ImageCnn i", "convolution"});
  const ImageCnn cnn(set, "i", 4, 4, 1, {2}, 2);
  Tape tape;
  for (const Shape& shape : {Shape{B, 8, 4, 1}, Shape{B, 5, 5, 1}, Shape{B, 4, 4, 3}, Shape{B, 16}}) {
    CAPTURE(shape.text());
    check_throws<ShapeError>([&] { cnn(tape.input(shape.text(), shape)); },
                             {"ImageCnn i", "[.., 4, 4, 1]", shape.text().c_str(), "convolution_test.cpp"});
  }
}

TEST_CASE("TextCnn and ImageCnn: leading dimensions and no batch are as each text and image alone") {
  constexpr Index N = 2, T = 3, E = 2;
  Tape tape;
  ParameterSet set;
  const TextCnn text(set, "t", {1, 2}, E, 2);
  const ImageCnn image(set, "i", 4, 5, 1, {2}, 3);
  const Var texts = tape.input("texts", {B, N, T, E}), mask = tape.input("mask", {B, N, T});
  const Var images = tape.input("images", {B, N, 4, 5, 1});
  const Var y = text(texts, mask), z = image(images);
  REQUIRE(y.shape() == Shape{B, N, 4});
  REQUIRE(z.shape() == Shape{B, N, 3});
  const Var one_text = text(tape.input("text", {T, E})), one_image = image(tape.input("image", {4, 5, 1}));
  const ParameterValues<double> values = set.initial<double>(2);
  const Tensor<double> words = random_tensor({1, N, T, E}, 1), pixels = random_tensor({1, N, 4, 5, 1}, 2);
  Tensor<double> ones(Shape{1, N, T}), word_row(Shape{T, E}), pixel_row(Shape{4, 5, 1});
  std::fill(ones.begin(), ones.end(), 1.0);
  std::copy_n(words.data() + T * E, T * E, word_row.data());
  std::copy_n(pixels.data() + 20, 20, pixel_row.data());
  const Data data =
      Data().add("texts", words).add("mask", ones).add("images", pixels).add("text", word_row).add("image", pixel_row);
  const auto run = interpret<double>(tape, data.bindings<double>(), &values);
  check_close(run.value(one_text), {run.value(y).begin() + 4, run.value(y).end()}, 0);
  check_close(run.value(one_image), {run.value(z).begin() + 3, run.value(z).end()}, 0);
  std::vector<Var> outputs = gradients(sum(square(y)) + sum(square(z)), {{texts, images}});
  outputs.insert(outputs.end(), {y, z, one_text, one_image});
  check_plan(tape, outputs, data, &values, &set);
}

TEST_CASE("steps_of: the steps in order, and their gradient goes where they came from") {
  constexpr Index T = 3, rows = 2, F = 2;
  Tape tape;
  const Var x = tape.input("x", {B, T, F});
  const Sequence steps = steps_of(x);
  REQUIRE(steps.size() == T);
  const Data data = Data().add("x", pattern({rows, T, F}, 0));
  const auto run = interpret<double>(tape, data.bindings<double>());
  for (Index t = 0; t < T; ++t) {
    const Var step = steps[static_cast<std::size_t>(t)];
    CHECK(step.shape() == Shape{B, F});
    for (Index r = 0; r < rows; ++r)
      for (Index f = 0; f < F; ++f) CHECK(run.value(step)[r * F + f] == pattern({rows, T, F}, 0)[(r * T + t) * F + f]);
  }
  check_op(stack(steps), {{x}}, data);
  const Var y = sum(square(steps[0]) * steps[2]);
  check_op(y, {{x}}, data);
  CHECK(steps_of(tape.input("none", {B, 0, 2})).empty());
  CHECK(steps_of(tape.input("shared", {4, 2}))[3].shape() == Shape{2});
  check_throws<ShapeError>([&] { steps_of(tape.input("flat", {B, 2})); }, {"[B, T, F]", "flat [B, 2]", "convolution_test.cpp"});
}

TEST_CASE("steps_of: takes no kernel of a plan") {
  Tape tape;
  const Var x = tape.input("x", {B, 5, 3});
  const auto plan_of = [&](const Sequence& steps) {
    std::vector<Var> terms;
    for (const Var& step : steps) terms.push_back(sum(tanh(step)));
    return compile<double>(tape, {accumulate(terms)});
  };
  CHECK(plan_of(steps_of(x)).kernels() == plan_of(tape.input("steps", 5, {B, 3})).kernels());
}

TEST_CASE("CNN + RNN: gradients of a cell over a convolution") {
  Net n;
  const SequenceConvolution convolution(n.set, "c", 3, 2, 4, 1);
  const Gru cell(n.set, "cell", 4, 3, drawn());
  const Sequence h = unroll(cell, steps_of(tanh(convolution(n.input({5, 2}, 3)))), n.tape.zeros({B, 3})).outputs;
  n.y = stack(h);
  n.begin(3);
  n.check_against_the_complex_step();
}
