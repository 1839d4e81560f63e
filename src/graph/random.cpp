#include <reel/graph/random.h>

#include <cmath>
#include <numbers>

#include <Random123/philox.h>
#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {

std::array<std::uint32_t, 4> philox(std::uint64_t seed, const std::array<std::uint32_t, 4>& counter) {
  const r123::Philox4x32::key_type key{{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
  const auto words = r123::Philox4x32()({{counter[0], counter[1], counter[2], counter[3]}}, key);
  return {words[0], words[1], words[2], words[3]};
}

std::array<std::uint32_t, 4> random_words(std::uint64_t seed, RandomUse use, std::uint32_t number,
                                          const std::array<std::uint32_t, 3>& place) {
  return philox(seed, {place[0], place[1], place[2], static_cast<std::uint32_t>(use) << 28 | number});
}

RandomStream::RandomStream(std::uint64_t seed, std::uint64_t stream, RandomUse use) : seed_(seed), stream_(stream), use_(use) {
  if (stream >> 32 >= kRandomNumbers)
    throw InputError(fmt::format("RandomStream: the stream must be below 2^60, not {}", stream));
}

std::uint32_t RandomStream::bits() {
  if (left_ == 0) {
    buffer_ = random_words(
        seed_, use_, static_cast<std::uint32_t>(stream_ >> 32),
        {static_cast<std::uint32_t>(block_), static_cast<std::uint32_t>(block_ >> 32), static_cast<std::uint32_t>(stream_)});
    ++block_;
    left_ = 4;
  }
  return buffer_[static_cast<std::size_t>(4 - left_--)];
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
