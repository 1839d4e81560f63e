// The types of numbers that files hold, and their conversion, by value, to and from those that reel computes with.
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace reel {

// In the names of safetensors: F64, F32, F16 (IEEE 754 binary16), BF16 (the upper half of an F32), I64 .. U8, BOOL.
enum class StoredType : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

std::string_view stored_name(StoredType type);                 // "F32"
std::optional<StoredType> stored_type(std::string_view name);  // nothing for another name
std::size_t stored_bytes(StoredType type);
bool stored_real(StoredType type);  // F64 .. BF16

template <class T>
constexpr StoredType stored_type_of();
template <>
constexpr StoredType stored_type_of<double>() {
  return StoredType::f64;
}
template <>
constexpr StoredType stored_type_of<float>() {
  return StoredType::f32;
}
template <>
constexpr StoredType stored_type_of<std::int64_t>() {
  return StoredType::i64;
}
template <>
constexpr StoredType stored_type_of<std::int32_t>() {
  return StoredType::i32;
}
template <>
constexpr StoredType stored_type_of<std::uint8_t>() {
  return StoredType::u8;
}

// Rounded to the nearest, ties to even; what is beyond the largest becomes infinite.
std::uint16_t to_f16(float x);
float from_f16(std::uint16_t bits);

// The first element, of those converted so far, that has no such value: a finite number that would become infinite, a whole
// number that would be rounded, and, where whole numbers are asked for, a fraction, NaN, or what is beyond their range. Reals are
// rounded to reals.
struct Misfit {
  std::size_t element;
  double value;
};

// Numbers of a file, in its order of bytes and at any address, as T (double, float, std::int64_t, std::int32_t, std::uint8_t),
// and back. The spans hold equally many elements.
template <class T>
std::optional<Misfit> from_stored(StoredType type, std::span<const std::byte> from, std::span<T> to);
template <class T>
std::optional<Misfit> to_stored(std::span<const T> from, StoredType type, std::span<std::byte> to);

}  // namespace reel
