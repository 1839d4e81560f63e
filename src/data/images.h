// Pictures from files.
#pragma once

#include <string>

#include <reel/graph/tensor.h>

namespace reel {

// What one picture may cost: a pixel takes 15 bytes while it is read.
struct ImageLimits {
  Index pixels = Index{1} << 25;
};

// A PNG file of any kind as numbers of [0, 1]: [H, W, 3], red, green and blue of eight bits; what is transparent is black. They
// are as they stand in the file, but for one whose gamma is another than sRGB's, which is converted. FileError when it is
// missing, no PNG, damaged, or of more pixels than the limit.
Tensor<float> read_png(const std::string& path, const ImageLimits& limits = {});

// [H, W, C] -> [height, width, C]: each new pixel is the mean of the area that it covers.
Tensor<float> resized(const Tensor<float>& image, Index height, Index width);

// Pictures with a class each, of two IDX files, perhaps gzipped.
struct LabelledImages {
  Tensor<float> images;         // [N, ..], 0 .. 1
  Tensor<std::int32_t> labels;  // [N]
};
// FileError as read_idx; InputError unless there are two dimensions at least and one label for each picture.
LabelledImages read_idx_images(const std::string& images, const std::string& labels);

}  // namespace reel
