// Pictures from files.
#pragma once

#include <string>

#include <reel/graph/tensor.h>

namespace reel {

// A PNG file as numbers of [0, 1]: [H, W, 3], red, green and blue as they stand in the file; what is transparent is black.
// FileError when it is missing, no PNG, or damaged.
Tensor<float> read_png(const std::string& path);

// [H, W, C] -> [height, width, C]: each new pixel is the mean of the area that it covers.
Tensor<float> resized(const Tensor<float>& image, Index height, Index width);

}  // namespace reel
