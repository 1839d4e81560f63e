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

namespace {

// A counter is a block's number and a stream's, 64 bits each; the streams are shared out among the uses. Masks count rows, groups
// and runs in the place of blocks and the lower half of streams.
struct Space {
  std::uint64_t first, count;
};
constexpr std::uint64_t kTag = std::uint64_t{1} << 60;
constexpr Space space_of(RandomUse use) {
  switch (use) {
    case RandomUse::parameters:
      return {0, std::uint64_t{1} << 20};
    case RandomUse::data:
      return {std::uint64_t{1} << 20, std::uint64_t{1} << 40};
    case RandomUse::masks:
      return {kTag, 0};  // of no stream
    case RandomUse::sampling:
      return {3 * kTag, kTag};
    case RandomUse::ranks:
      return {4 * kTag, kTag};
    case RandomUse::other:
      return {5 * kTag, kTag};
  }
  return {};
}

std::uint64_t stream_in(RandomUse use, std::uint64_t stream) {
  const Space space = space_of(use);
  if (stream < space.count) return space.first + stream;
  if (space.count == 0) throw InputError("RandomStream: masks are drawn by mask_words(), not from a stream");
  throw InputError(fmt::format("RandomStream: there are streams 0 .. {} of this use, not {}", space.count - 1, stream));
}

}  // namespace

std::array<std::uint32_t, 4> mask_words(std::uint64_t seed, std::uint32_t key, std::uint32_t row, std::uint32_t group,
                                        std::uint32_t run) {
  return philox(seed, {row, group, run, static_cast<std::uint32_t>(space_of(RandomUse::masks).first >> 32) | key});
}

RandomStream::RandomStream(std::uint64_t seed, std::uint64_t stream, RandomUse use)
    : seed_(seed), stream_(stream_in(use, stream)) {}

void RandomStream::draw_block() {
  buffer_ = philox(seed_, {static_cast<std::uint32_t>(block_), static_cast<std::uint32_t>(block_ >> 32),
                           static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)});
  ++block_;
  left_ = 4;
}

void RandomStream::set_position(const Position& position) {
  if (!valid(position)) throw InputError("RandomStream: this is no position of a stream");
  seed_ = position[0];
  stream_ = position[1];
  block_ = position[2];
  if (position[3] > 0) {
    --block_;
    draw_block();
  }
  left_ = static_cast<int>(position[3]);
}

std::uint32_t RandomStream::bits() {
  if (left_ == 0) draw_block();
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
