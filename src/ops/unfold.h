// Windows of images and sequences, laid side by side: what convolution and pooling are made of. Images are [.., H, W, C], the
// channels last; sequences are [.., T, C].
#pragma once

#include <reel/ops/operand.h>

namespace reel {

struct Window {
  Index height = 1, width = 1;
  Index stride = 1;                     // between windows, in both directions
  Index pad_height = 0, pad_width = 0;  // zeros before and after
};

// x [.., H, W, C] -> [.., H', W', height width C], H' = (H + 2 pad_height - height) / stride + 1 and W' alike: each window's
// rows one after another. ShapeError when no window fits.
Var unfold(Operand x, Window window);

// x [.., T, C] -> [.., T', width C], T' = (T + 2 padding - width) / stride + 1.
Var unfold_sequence(Operand x, Index width, Index stride = 1, Index padding = 0);

// The adjoint of windows: every element of x [.., H', W', height width C] added to where it was taken from -> [.., H, W, C].
Var fold(Operand x, Window window, Index H, Index W);

}  // namespace reel
