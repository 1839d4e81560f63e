// PNG files of every kind, byte by byte: what read_png must understand.
#pragma once

#include <string>
#include <string_view>

#include <zlib.h>

namespace reel::test {

inline std::string big_endian(std::size_t n) {
  std::string s;
  for (int shift : {24, 16, 8, 0}) s += static_cast<char>(n >> shift);
  return s;
}

inline std::string png_chunk(std::string_view type, const std::string& data) {
  const std::string body = std::string(type) + data;
  return big_endian(data.size()) + body +
         big_endian(crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())));
}

struct PngKind {
  int width, height;
  int depth = 8;   // bits of a sample
  int colour = 2;  // 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha
  bool interlaced = false;
};

// lines: a byte 0 (no filter) before each line's samples. `before`: chunks between the header and the pixels.
inline std::string png_file(const PngKind& kind, const std::string& lines, const std::string& before = "") {
  std::string packed(compressBound(lines.size()), '\0');
  uLongf size = packed.size();
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(lines.data()), lines.size());
  packed.resize(size);
  const std::string header = big_endian(static_cast<std::size_t>(kind.width)) +
                             big_endian(static_cast<std::size_t>(kind.height)) + static_cast<char>(kind.depth) +
                             static_cast<char>(kind.colour) + std::string(2, '\0') + static_cast<char>(kind.interlaced);
  return "\x89PNG\r\n\x1A\n" + png_chunk("IHDR", header) + before + png_chunk("IDAT", packed) + png_chunk("IEND", "");
}

}  // namespace reel::test
