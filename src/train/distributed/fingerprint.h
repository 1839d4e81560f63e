// Whether ranks have the same numbers. Internal to src/train.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include <reel/models/parameter_set.h>

namespace reel {

// Of all values, bit by bit (FNV-1a of their words); never 0.
template <class T>
std::uint64_t fingerprint(const ParameterSet& set, const ParameterValues<T>& values) {
  std::uint64_t hash = 14695981039346656037u;
  for (const Parameter& p : set.all())
    for (const T& x : values[p])
      hash = (hash ^ std::bit_cast<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>(x)) * 1099511628211u;
  return hash | 1;
}

}  // namespace reel
