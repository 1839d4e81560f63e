#include <reel/data/images.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <png.h>

#include <reel/data/files.h>
#include <reel/graph/error.h>

namespace reel {

namespace {

// Means along the middle dimension of [outer, n, inner], to m of them.
Tensor<float> resized_along(const float* x, Index outer, Index n, Index inner, Index m) {
  Tensor<float> y(Shape{outer, m, inner});
  const double scale = static_cast<double>(n) / static_cast<double>(m);
  for (Index o = 0; o < outer; ++o)
    for (Index i = 0; i < m; ++i) {
      const double begin = static_cast<double>(i) * scale, end = begin + scale;
      for (auto k = static_cast<Index>(begin); k < n && static_cast<double>(k) < end; ++k) {
        const double part = std::min(end, static_cast<double>(k + 1)) - std::max(begin, static_cast<double>(k));
        for (Index c = 0; c < inner; ++c)
          y[(o * m + i) * inner + c] += static_cast<float>(part / scale) * x[(o * n + k) * inner + c];
      }
    }
  return y;
}

}  // namespace

Tensor<float> read_png(const std::string& path, const ImageLimits& limits) {
  const std::string bytes = read_file(path);
  if (bytes.empty()) throw FileError(fmt::format("{}: is no readable PNG: it is empty", path));
  png_image image;
  std::memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, void (*)(png_image*)> freed(&image, png_image_free);  // whatever happens
  const auto failed = [&] { return FileError(fmt::format("{}: is no readable PNG: {}", path, image.message)); };
  if (!png_image_begin_read_from_memory(&image, bytes.data(), bytes.size())) throw failed();
  // Deflate packs 1,032 bytes into one at most, and a pixel takes a bit or more: a damaged header must not cost memory.
  const double count = static_cast<double>(image.width) * image.height;
  if (count / 8 / 1032 > static_cast<double>(bytes.size()) || count * 3 > std::numeric_limits<png_uint_32>::max())
    throw FileError(
        fmt::format("{}: is no readable PNG: {} x {} pixels in {} bytes", path, image.width, image.height, bytes.size()));
  if (count > static_cast<double>(limits.pixels))
    throw FileError(fmt::format("{}: has {} x {} pixels, more than {}, the limit for a picture", path, image.width, image.height,
                                limits.pixels));
  image.format = PNG_FORMAT_RGB;
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // two bytes of a colour say no more than that they are finer
  std::vector<png_byte> pixels(PNG_IMAGE_SIZE(image));
  const png_color black{0, 0, 0};
  if (!png_image_finish_read(&image, &black, pixels.data(), 0, nullptr)) throw failed();
  Tensor<float> result(Shape{static_cast<Index>(image.height), static_cast<Index>(image.width), 3});
  std::ranges::transform(pixels, result.begin(), [](png_byte b) { return static_cast<float>(b) / 255; });
  return result;
}

Tensor<float> resized(const Tensor<float>& image, Index height, Index width) {
  if (image.shape().rank() != 3 || image.size() == 0)
    throw InputError(fmt::format("resized: needs an image [H, W, C], not {}", image.shape().text()));
  if (height < 1 || width < 1) throw InputError(fmt::format("resized: {} x {} is no size", height, width));
  const Index H = image.shape().dim(0), W = image.shape().dim(1), C = image.shape().dim(2);
  const Tensor<float> rows = resized_along(image.data(), 1, H, W * C, height);
  const Tensor<float> all = resized_along(rows.data(), height, W, C, width);
  return Tensor<float>(Shape{height, width, C}, std::span<const float>(all.data(), static_cast<std::size_t>(all.size())));
}

LabelledImages read_idx_images(const std::string& images, const std::string& labels) {
  const Tensor<std::int32_t> bytes = read_idx(images);
  LabelledImages all{Tensor<float>(bytes.shape()), read_idx(labels)};
  const Shape &x = bytes.shape(), &y = all.labels.shape();
  if (x.rank() < 2 || y.rank() != 1 || x.dim(0) != y.dim(0))
    throw InputError(fmt::format("{} {} and {} {} are no pictures with one label each", images, x.text(), labels, y.text()));
  std::ranges::transform(bytes, all.images.begin(), [](std::int32_t b) { return static_cast<float>(b) / 255; });
  return all;
}

}  // namespace reel
