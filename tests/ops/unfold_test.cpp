#include <reel/ops/arithmetic.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/unfold.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

namespace {

Tensor<double> counting(Shape shape) {
  Tensor<double> t(shape);
  for (Index i = 0; i < t.size(); ++i) t[i] = static_cast<double>(i + 1);
  return t;
}

}  // namespace

TEST_CASE("unfold: of a small image, without and with padding and stride") {
  Tape tape;
  const Var x = tape.input("x", {2, 3, 1});  // 1 2 3 / 4 5 6
  const Data data = Data().add("x", counting({2, 3, 1}));
  check_values(unfold(x, {.height = 2, .width = 2}), data, {{1, 2, 4, 5, 2, 3, 5, 6}});
  check_values(unfold(x, {.height = 1, .width = 3, .pad_width = 1}), data,
               {{0, 1, 2, 1, 2, 3, 2, 3, 0, 0, 4, 5, 4, 5, 6, 5, 6, 0}});
  check_values(unfold(x, {.height = 1, .width = 1, .stride = 2}), data, {{1, 3}});
  check_values(unfold(x, {.height = 2, .width = 1, .stride = 2, .pad_height = 1}), data, {{0, 1, 0, 3, 4, 0, 6, 0}});
}

TEST_CASE("unfold: channels stay together") {
  Tape tape;
  const Var x = tape.input("x", {B, 3, 2});
  const Data data = Data().add("x", counting({1, 3, 2}));
  check_values(unfold_sequence(x, 2), data, {{1, 2, 3, 4, 3, 4, 5, 6}});
  check_values(unfold_sequence(x, 2, 2), data, {{1, 2, 3, 4}});
  check_values(unfold_sequence(x, 3, 1, 1), data, {{0, 0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 3, 4, 5, 6, 0, 0}});
}

TEST_CASE("unfold: gradients, and plan against interpreter") {
  for (const Window& w :
       {Window{}, Window{.height = 2, .width = 3}, Window{.height = 3, .width = 3, .pad_height = 1, .pad_width = 1},
        Window{.height = 2, .width = 2, .stride = 2}, Window{.height = 3, .width = 1, .stride = 2, .pad_height = 2},
        Window{.height = 5, .width = 4}})
    for (const Shape& shape : {Shape{B, 5, 4, 3}, Shape{5, 4, 1}, Shape{B, 2, 5, 4, 2}}) {
      CAPTURE(shape.text());
      CAPTURE(w.height);
      CAPTURE(w.stride);
      Tape tape;
      const Var x = tape.input("x", shape);
      check_op(unfold(x, w), {{x}}, Data().add("x", random_tensor(shape.bind(3), 4)));
    }
}

TEST_CASE("unfold: large, odd and empty batches") {
  for (Index rows : {0, 1, 67}) {
    Tape tape;
    const Var x = tape.input("x", {B, 17, 9, 5});
    check_op_by_plan(unfold(x, {.height = 3, .width = 3, .pad_height = 1, .pad_width = 1}), {x},
                     Data().add("x", random_tensor({rows, 17, 9, 5}, 4)));
  }
}

TEST_CASE("unfold: a convolution equals plain loops") {
  constexpr Index N = 2, H = 5, W = 4, C = 3, F = 2;
  const Tensor<double> x = random_tensor({N, H, W, C}, 1), w = random_tensor({9 * C, F}, 2);
  std::vector<double> expected;
  for (Index n = 0; n < N; ++n)
    for (Index i = 0; i < H; ++i)
      for (Index j = 0; j < W; ++j)
        for (Index f = 0; f < F; ++f) {
          double sum = 0;
          for (Index a = -1; a <= 1; ++a)
            for (Index b = -1; b <= 1; ++b)
              for (Index c = 0; c < C; ++c)
                if (i + a >= 0 && i + a < H && j + b >= 0 && j + b < W)
                  sum += x[((n * H + i + a) * W + j + b) * C + c] * w[(((a + 1) * 3 + b + 1) * C + c) * F + f];
          expected.push_back(sum);
        }
  Tape tape;
  const Var in = tape.input("x", {B, H, W, C}), weights = tape.input("w", {9 * C, F});
  const Var y = matmul(unfold(in, {.height = 3, .width = 3, .pad_height = 1, .pad_width = 1}), weights);
  const Data data = Data().add("x", x).add("w", w);
  check_close(interpret<double>(tape, data.bindings<double>()).value(y), expected, 1e-12);
  const auto plan = compile<double>(tape, {y});
  Workspace<double> workspace(plan);
  plan.run(workspace, data.bindings<double>());
  check_close(workspace.value(y), expected, 1e-12);
}

TEST_CASE("unfold: errors name the window and the image") {
  Tape tape;
  const Var x = tape.input("x", {B, 3, 4, 2}), flat = tape.input("flat", {B, 3});
  check_throws<ShapeError>([&] { unfold(x, {.height = 4, .width = 1}); },
                           {"[unfold]", "4x1", "x [B, 3, 4, 2]", "unfold_test.cpp"});
  check_throws<ShapeError>([&] { unfold(x, {.height = 0, .width = 1}); }, {"[unfold]", "0x1"});
  check_throws<ShapeError>([&] { unfold(x, {.stride = 0}); }, {"stride 0"});
  check_throws<ShapeError>([&] { unfold(flat, {}); }, {"[.., H, W, C]", "flat [B, 3]"});
  check_throws<ShapeError>([&] { unfold_sequence(flat, 1); }, {"[.., T, C]", "flat [B, 3]"});
  check_throws<ShapeError>([&] { fold(x, {.width = 3}, 3, 4); }, {"[fold]", "x [B, 3, 4, 2]"});
  check_throws<ShapeError>([&] { fold(x, {}, 5, 5); }, {"[fold]", "[B, 5, 5, 2]"});
}
