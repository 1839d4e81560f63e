#include <reel/graph/random.h>

#include <cmath>
#include <numbers>

#include <Random123/philox.h>

namespace reel {

std::uint32_t RandomStream::bits() {
  if (left_ == 0) {
    const r123::Philox4x32::ctr_type counter{{static_cast<std::uint32_t>(block_), static_cast<std::uint32_t>(block_ >> 32),
                                              static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)}};
    const r123::Philox4x32::key_type key{{static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)}};
    const auto words = r123::Philox4x32()(counter, key);
    for (int i = 0; i < 4; ++i) buffer_[i] = words[i];
    ++block_;
    left_ = 4;
  }
  return buffer_[4 - left_--];
}

double RandomStream::uniform() {
  const std::uint64_t high = bits() >> 5, low = bits() >> 6;
  return static_cast<double>(high << 26 | low) * 0x1p-53;
}

double RandomStream::normal() {
  const double radius = std::sqrt(-2 * std::log1p(-uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

Index RandomStream::below(Index n) {
  const auto range = static_cast<std::uint64_t>(n);
  const std::uint64_t limit = ~std::uint64_t{0} - ~std::uint64_t{0} % range;
  for (;;) {
    const std::uint64_t high = bits();
    const std::uint64_t word = high << 32 | bits();
    if (word < limit) return static_cast<Index>(word % range);
  }
}

}  // namespace reel
