#include <reel/data/png.h>

#include <algorithm>
#include <new>
#include <string_view>

#include <fmt/format.h>
#include <zlib.h>

#include <reel/graph/error.h>

namespace reel::report {
namespace {

using Bytes = std::vector<std::uint8_t>;

void append_number(Bytes& out, std::size_t value) {  // 32 bits, the most significant first
  for (int shift : {24, 16, 8, 0}) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

void append_chunk(Bytes& out, std::string_view type, const Bytes& data) {
  append_number(out, data.size());
  const std::size_t begin = out.size();
  out.insert(out.end(), type.begin(), type.end());
  out.insert(out.end(), data.begin(), data.end());
  append_number(out, crc32(0, out.data() + begin, static_cast<uInt>(out.size() - begin)));
}

Bytes deflated(const Bytes& bytes) {
  uLongf size = compressBound(bytes.size());
  Bytes out(size);
  if (compress2(out.data(), &size, bytes.data(), bytes.size(), Z_BEST_COMPRESSION) != Z_OK) throw std::bad_alloc();
  out.resize(size);
  return out;
}

Bytes encode(int width, int height, std::size_t channels, std::span<const std::uint8_t> samples) {
  if (width < 1 || height < 1) throw InputError(fmt::format("png: {} x {} is no size of a picture", width, height));
  const std::size_t row = static_cast<std::size_t>(width) * channels, rows = static_cast<std::size_t>(height);
  if (samples.size() % row != 0 || samples.size() / row != rows)
    throw InputError(fmt::format("png: {} x {} pixels of {} bytes are {:.0f} bytes, but {} were given", width, height, channels,
                                 static_cast<double>(row) * static_cast<double>(rows), samples.size()));
  Bytes lines;
  lines.reserve(rows * (row + 1));
  for (std::size_t r = 0; r < rows; ++r) {
    lines.push_back(0);  // no filter
    lines.insert(lines.end(), samples.begin() + static_cast<std::ptrdiff_t>(r * row),
                 samples.begin() + static_cast<std::ptrdiff_t>((r + 1) * row));
  }
  Bytes header;
  append_number(header, static_cast<std::size_t>(width));
  append_number(header, static_cast<std::size_t>(height));
  const std::uint8_t colour = channels == 4 ? 6 : 2;
  for (std::uint8_t byte : {std::uint8_t{8}, colour, std::uint8_t{0}, std::uint8_t{0}, std::uint8_t{0}}) header.push_back(byte);
  Bytes out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  append_chunk(out, "IHDR", header);
  append_chunk(out, "IDAT", deflated(lines));
  append_chunk(out, "IEND", {});
  return out;
}

}  // namespace

std::vector<std::uint8_t> png(int width, int height, std::span<const std::uint8_t> rgb) { return encode(width, height, 3, rgb); }

std::vector<std::uint8_t> png_with_alpha(int width, int height, std::span<const std::uint8_t> rgba) {
  return encode(width, height, 4, rgba);
}

std::string data_uri(std::span<const std::uint8_t> png) {
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

}  // namespace reel::report
