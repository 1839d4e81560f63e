#include <reel/train/distributed/group.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {

void Group::gather_parts(std::span<const std::span<std::byte>> parts) {
  const auto own = parts[static_cast<std::size_t>(rank())];
  const std::vector<std::span<const std::byte>> to(parts.size(), own);
  begin(to, parts);
  finish();
}

void Group::gather_bytes(std::span<const std::byte> own, std::span<std::byte> all) {
  std::vector<std::span<std::byte>> parts;
  for (Index r = 0; r < size(); ++r) parts.push_back(all.subspan(own.size() * static_cast<std::size_t>(r), own.size()));
  std::ranges::copy(own, parts[static_cast<std::size_t>(rank())].begin());
  gather_parts(parts);
}

std::vector<std::string> Group::gather_texts(const std::string& own) {
  const std::vector<std::uint64_t> sizes = gather(std::uint64_t{own.size()});
  std::vector<std::string> texts;
  for (std::uint64_t n : sizes) texts.emplace_back(n, '\0');
  texts[static_cast<std::size_t>(rank())] = own;
  std::vector<std::span<std::byte>> parts;
  for (std::string& text : texts) parts.push_back(std::as_writable_bytes(std::span(text)));
  gather_parts(parts);
  return texts;
}

namespace {

// The item of a text in which it begins to differ from another, where items are parted by ", ".
std::string first_difference(const std::string& text, const std::string& other) {
  const auto at = static_cast<std::size_t>(std::ranges::mismatch(text, other).in1 - text.begin());
  const std::size_t comma = text.rfind(", ", at);
  const std::size_t begin = comma == std::string::npos || at == 0 ? 0 : comma + 2;
  const std::string item = text.substr(begin, text.find(", ", std::max(at, begin)) - begin);
  return item.empty() ? "none" : item;
}

}  // namespace

void Group::require_same(std::string_view what, const std::string& own) {
  const std::vector<std::string> all = gather_texts(own);
  for (std::size_t r = 1; r < all.size(); ++r)
    if (all[r] != all[0])
      throw InputError(fmt::format("rank {} has other {} than rank 0: {}, not {}", r, what, first_difference(all[r], all[0]),
                                   first_difference(all[0], all[r])));
}

DealtRows dealt_rows(Index shards, const Group* group) {
  const Index ranks = group ? group->size() : 1;
  if (shards < 1 || !std::has_single_bit(static_cast<std::uint64_t>(shards)))
    throw InputError(fmt::format("the number of shards must be a power of two, not {}", shards));
  if (!std::has_single_bit(static_cast<std::uint64_t>(ranks)))
    throw InputError(
        fmt::format("the number of ranks must be a power of two, for each to have as many of {} shards, not {}", shards, ranks));
  if (ranks > shards) throw InputError(fmt::format("there are more ranks, {}, than shards, {}", ranks, shards));
  const Index own = shards / ranks;
  return {shards, group ? group->rank() * own : 0, own};
}

}  // namespace reel
