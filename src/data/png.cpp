#include <reel/data/png.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include <fmt/format.h>
#include <png.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

std::vector<std::uint8_t> encode(int width, int height, std::size_t channels, std::span<const std::uint8_t> samples) {
  if (width < 1 || height < 1) throw InputError(fmt::format("png: {} x {} is no size of a picture", width, height));
  const std::size_t row = static_cast<std::size_t>(width) * channels, rows = static_cast<std::size_t>(height);
  if (samples.size() % row != 0 || samples.size() / row != rows)
    throw InputError(fmt::format("png: {} x {} pixels of {} bytes are {:.0f} bytes, but {} were given", width, height, channels,
                                 static_cast<double>(row) * static_cast<double>(rows), samples.size()));
  png_image image;
  std::memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = channels == 4 ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  const std::unique_ptr<png_image, void (*)(png_image*)> freed(&image, png_image_free);  // whatever happens
  const auto write = [&](void* to, png_alloc_size_t& bytes) {
    if (png_image_write_to_memory(&image, to, &bytes, 0, samples.data(), 0, nullptr)) return;
    throw Error(fmt::format("png: {} x {}: {}", width, height, image.message));
  };
  png_alloc_size_t bytes = 0;
  write(nullptr, bytes);  // how many there will be
  std::vector<std::uint8_t> out(bytes);
  write(out.data(), bytes);
  out.resize(bytes);
  return out;
}

}  // namespace

std::vector<std::uint8_t> encode_png(int width, int height, std::span<const std::uint8_t> rgb) {
  return encode(width, height, 3, rgb);
}

std::vector<std::uint8_t> encode_png_with_alpha(int width, int height, std::span<const std::uint8_t> rgba) {
  return encode(width, height, 4, rgba);
}

std::string png_data_uri(std::span<const std::uint8_t> png) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out = "data:image/png;base64,";
  for (std::size_t i = 0; i < png.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, png.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) bits = bits << 8 | (j < left ? png[i + j] : 0);
    for (std::size_t j = 0; j < 4; ++j) out += j <= left ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

}  // namespace reel
