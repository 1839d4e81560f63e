#include <reel/data/stored_type.h>

#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include <reel/graph/bf16.h>

namespace reel {
namespace {

static_assert(std::endian::native == std::endian::little, "files hold the lowest byte first");

struct F16 {
  std::uint16_t bits;
};
struct Bool {
  std::uint8_t value;
};

struct Named {
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array<Named, 13> kTypes = {{{"F64", 8},
                                           {"F32", 4},
                                           {"F16", 2},
                                           {"BF16", 2},
                                           {"I64", 8},
                                           {"I32", 4},
                                           {"I16", 2},
                                           {"I8", 1},
                                           {"U64", 8},
                                           {"U32", 4},
                                           {"U16", 2},
                                           {"U8", 1},
                                           {"BOOL", 1}}};

// Calls f with a number of the type as it lies in a file.
template <class F>
auto with_type(StoredType type, F f) {
  switch (type) {
    case StoredType::f64:
      return f(double());
    case StoredType::f32:
      return f(float());
    case StoredType::f16:
      return f(F16());
    case StoredType::bf16:
      return f(Bf16());
    case StoredType::i64:
      return f(std::int64_t());
    case StoredType::i32:
      return f(std::int32_t());
    case StoredType::i16:
      return f(std::int16_t());
    case StoredType::i8:
      return f(std::int8_t());
    case StoredType::u64:
      return f(std::uint64_t());
    case StoredType::u32:
      return f(std::uint32_t());
    case StoredType::u16:
      return f(std::uint16_t());
    case StoredType::u8:
      return f(std::uint8_t());
    case StoredType::boolean:
      break;
  }
  return f(Bool());
}

// As the number that it stands for: itself, or a float, or 0 or 1.
template <class T>
T value(T x) {
  return x;
}
float value(F16 x) { return from_f16(x.bits); }
float value(Bf16 x) { return from_bf16(x); }
std::uint8_t value(Bool x) { return x.value != 0; }

// False where `to` has no such value.
template <std::floating_point From, std::floating_point To>
bool convert(From from, To& to) {
  to = static_cast<To>(from);
  return std::isfinite(to) || !std::isfinite(from);
}
template <std::floating_point From, std::integral To>
bool convert(From from, To& to) {
  // Both bounds are exact in From, or the first number that is beyond.
  constexpr From kLow = static_cast<From>(std::numeric_limits<To>::min());
  constexpr From kEnd = static_cast<From>(std::numeric_limits<To>::max() / 2 + 1) * 2;
  if (!(from >= kLow && from < kEnd) || from != std::trunc(from)) return false;
  to = static_cast<To>(from);
  return true;
}
template <std::integral From, std::floating_point To>
bool convert(From from, To& to) {
  to = static_cast<To>(from);
  From back;
  return convert(to, back) && back == from;
}
template <std::integral From, std::integral To>
bool convert(From from, To& to) {
  to = static_cast<To>(from);
  return std::in_range<To>(from);
}
template <class From>
bool convert(From from, F16& to) {
  float x;
  if (!convert(from, x)) return false;
  to.bits = to_f16(x);
  const float back = from_f16(to.bits);
  return std::floating_point<From> ? std::isfinite(back) || !std::isfinite(from)
                                   : static_cast<double>(back) == static_cast<double>(from);
}
template <class From>
bool convert(From from, Bf16& to) {
  float x;
  if (!convert(from, x)) return false;
  to = to_bf16(x);
  const float back = from_bf16(to);
  return std::floating_point<From> ? std::isfinite(back) || !std::isfinite(from)
                                   : static_cast<double>(back) == static_cast<double>(from);
}
template <class From>
bool convert(From from, Bool& to) {
  to.value = from == From(1);
  return from == From(0) || from == From(1);
}

}  // namespace

std::string_view stored_name(StoredType type) { return kTypes[static_cast<std::size_t>(type)].name; }
std::size_t stored_bytes(StoredType type) { return kTypes[static_cast<std::size_t>(type)].bytes; }
bool stored_real(StoredType type) { return type <= StoredType::bf16; }
std::optional<StoredType> stored_type(std::string_view name) {
  for (std::size_t i = 0; i < kTypes.size(); ++i)
    if (kTypes[i].name == name) return static_cast<StoredType>(i);
  return std::nullopt;
}

std::uint16_t to_f16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  const std::uint32_t size = bits & 0x7FFFFFFFu;
  if (size > 0x7F800000u) return sign | 0x7E00u | static_cast<std::uint16_t>(size >> 13 & 0x1FFu);  // NaN, and quiet
  if (size >= 0x477FF000u) return sign | 0x7C00u;  // 65520 and beyond round to infinity
  if (size < 0x38800000u) {                        // below 2^-14: in steps of 2^-24
    const float steps = std::bit_cast<float>(size) * 0x1p24f;
    return sign | static_cast<std::uint16_t>(std::nearbyint(steps));
  }
  const std::uint32_t rounded = size + 0xFFFu + (size >> 13 & 1u);
  return sign | static_cast<std::uint16_t>((rounded - 0x38000000u) >> 13);
}

float from_f16(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16, size = bits & 0x7FFFu;
  if (size >= 0x7C00u) return std::bit_cast<float>(sign | 0x7F800000u | (size & 0x3FFu) << 13);
  if (size < 0x0400u) return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(static_cast<float>(size) * 0x1p-24f));
  return std::bit_cast<float>(sign | ((size << 13) + 0x38000000u));
}

template <class T>
std::optional<Misfit> from_stored(StoredType type, std::span<const std::byte> from, std::span<T> to) {
  return with_type(type, [&](auto stored) -> std::optional<Misfit> {
    if constexpr (std::is_same_v<decltype(stored), T>) {
      if (!to.empty()) std::memcpy(to.data(), from.data(), to.size_bytes());
      return std::nullopt;
    }
    for (std::size_t i = 0; i < to.size(); ++i) {
      std::memcpy(&stored, from.data() + i * sizeof(stored), sizeof(stored));
      if (!convert(value(stored), to[i])) return Misfit{i, static_cast<double>(value(stored))};
    }
    return std::nullopt;
  });
}

template <class T>
std::optional<Misfit> to_stored(std::span<const T> from, StoredType type, std::span<std::byte> to) {
  return with_type(type, [&](auto stored) -> std::optional<Misfit> {
    if constexpr (std::is_same_v<decltype(stored), T>) {
      if (!from.empty()) std::memcpy(to.data(), from.data(), from.size_bytes());
      return std::nullopt;
    }
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (!convert(from[i], stored)) return Misfit{i, static_cast<double>(from[i])};
      std::memcpy(to.data() + i * sizeof(stored), &stored, sizeof(stored));
    }
    return std::nullopt;
  });
}

#define REEL_STORED_CONVERSIONS(T)                                                                     \
  template std::optional<Misfit> from_stored<T>(StoredType, std::span<const std::byte>, std::span<T>); \
  template std::optional<Misfit> to_stored<T>(std::span<const T>, StoredType, std::span<std::byte>);
REEL_STORED_CONVERSIONS(double)
REEL_STORED_CONVERSIONS(float)
REEL_STORED_CONVERSIONS(std::int64_t)
REEL_STORED_CONVERSIONS(std::int32_t)
REEL_STORED_CONVERSIONS(std::uint8_t)
#undef REEL_STORED_CONVERSIONS

}  // namespace reel
