// Writing PNG files (W3C, third edition) in memory, with eight bits per channel; images.h reads them.
// Threads: functions of their arguments alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace reel {

// rgb: [height, width, 3]. InputError for sizes that are not positive or another number of bytes.
std::vector<std::uint8_t> encode_png(int width, int height, std::span<const std::uint8_t> rgb);

// The same with a fourth channel, which is 0 where the picture is transparent.
std::vector<std::uint8_t> encode_png_with_alpha(int width, int height, std::span<const std::uint8_t> rgba);

// An address that holds the bytes themselves: data:image/png;base64,...
std::string png_data_uri(std::span<const std::uint8_t> png);

}  // namespace reel
