#include <reel/ops/pooling.h>

#include <reel/ops/reduction.h>
#include <reel/ops/reshape.h>

namespace reel {
namespace {

// The elements of every window: [.., H', W', size size, C].
Var pooled_windows(const Operand& x, Index size, Index stride) {
  const Var all = unfold(x, {.height = size, .width = size, .stride = stride == 0 ? size : stride});
  const Index C = all.shape().last() / (size * size);
  return reshape(all, all.shape().with_dim(-1, size * size).with_last(C));
}

}  // namespace

Var max_pool(Operand x, Index size, Index stride) {
  const auto here = at("max_pool", x);
  return max(pooled_windows(x, size, stride), -2);
}

Var mean_pool(Operand x, Index size, Index stride) {
  const auto here = at("mean_pool", x);
  return mean(pooled_windows(x, size, stride), -2);
}

}  // namespace reel
