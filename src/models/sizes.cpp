#include <reel/models/sizes.h>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {

void require_sizes(const std::string& model, std::initializer_list<std::pair<const char*, Index>> sizes) {
  for (const auto& [what, size] : sizes)
    if (size < 1) throw InputError(fmt::format("{}: {} must be 1 or more, not {}", model, what, size));
}

}  // namespace reel
