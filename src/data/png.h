// PNG files (W3C, third edition) in memory: eight bits per channel, one IDAT chunk, no filter.
// Threads: functions of their arguments alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace reel::report {

// rgb: [height, width, 3]. InputError for sizes that are not positive or another number of bytes.
std::vector<std::uint8_t> png(int width, int height, std::span<const std::uint8_t> rgb);

// The same with a fourth channel, which is 0 where the picture is transparent.
std::vector<std::uint8_t> png_with_alpha(int width, int height, std::span<const std::uint8_t> rgba);

// An address that holds the bytes themselves: data:image/png;base64,...
std::string data_uri(std::span<const std::uint8_t> png);

}  // namespace reel::report
