#include <reel/ops/arithmetic.h>
#include <reel/ops/matmul.h>
#include <reel/ops/transpose.h>

#include "ops/values.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("transpose: gradients, second gradients and plan") {
  for (const Shape& shape : {Shape{2, 3}, Shape{1, 1}, Shape{1, 5}, Shape{33, 17}, Shape{0, 3}}) {
    INFO(shape.text());
    Tape tape;
    const Var x = tape.input("x", shape), y = square(transpose(x));
    const Data data = Data().add("x", random_tensor(shape, 1));
    if (shape.row_size() > 0)
      check_op(y, {{x}}, data);
    else
      check_op_by_plan(y, {x}, data);
  }
}
