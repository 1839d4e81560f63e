#include "common/wav.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <reel/data/files.h>

namespace program {

void write_wav(const std::string& path, std::span<const float> samples, int rate) {
  std::string bytes;
  const auto little = [&](std::size_t x, int count) {
    for (; count > 0; --count, x >>= 8) bytes += static_cast<char>(x & 0xff);
  };
  const std::size_t size = 2 * samples.size(), each_second = static_cast<std::size_t>(rate);
  bytes += "RIFF";
  little(36 + size, 4);
  bytes += "WAVEfmt ";
  little(16, 4), little(1, 2), little(1, 2);  // of the format: its length; PCM; channels
  little(each_second, 4), little(2 * each_second, 4), little(2, 2), little(16, 2);
  bytes += "data";
  little(size, 4);
  for (float x : samples) little(static_cast<std::uint16_t>(std::lround(32767 * std::clamp(x, -1.f, 1.f))), 2);
  reel::write_file(path, bytes);
}

}  // namespace program
