#include <bit>
#include <cmath>
#include <limits>

#include <reel/data/stored_type.h>

#include <reel/graph/bf16.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

template <class From, class To>
To through(From x, StoredType type) {
  std::array<std::byte, 8> bytes{};
  To back{};
  const auto some = std::span(bytes).first(stored_bytes(type));
  REQUIRE(!to_stored<From>(std::span<const From>(&x, 1), type, some));
  REQUIRE(!from_stored<To>(type, some, std::span<To>(&back, 1)));
  return back;
}
template <class From>
bool fits(From x, StoredType type) {
  std::array<std::byte, 8> bytes{};
  return !to_stored<From>(std::span<const From>(&x, 1), type, std::span(bytes).first(stored_bytes(type)));
}
template <class To, class Stored>
bool reads(Stored x, StoredType type) {
  To back{};
  return !from_stored<To>(type, std::as_bytes(std::span<const Stored>(&x, 1)), std::span<To>(&back, 1));
}

}  // namespace

TEST_CASE("stored types: names and sizes, both ways") {
  for (int i = 0; i <= static_cast<int>(StoredType::boolean); ++i) {
    const auto type = static_cast<StoredType>(i);
    CHECK(stored_type(stored_name(type)) == type);
    CHECK((stored_bytes(type) == 1 || stored_bytes(type) % 2 == 0));
  }
  for (const char* name : {"", "f32", "F8_E4M3", "F128", "F32 "}) CHECK(!stored_type(name));
}

TEST_CASE("binary16: every number goes through a float and back; rounding is to nearest, ties to even") {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float x = from_f16(half);
    if (std::isnan(x))
      CHECK(std::isnan(from_f16(to_f16(x))));
    else if (to_f16(x) != half)
      FAIL("bits ", bits, " became ", to_f16(x));
  }
  CHECK(from_f16(0x3C00) == 1);
  CHECK(from_f16(0xC000) == -2);
  CHECK(from_f16(0x7BFF) == 65504);
  CHECK(from_f16(0x0001) == 0x1p-24f);
  CHECK(from_f16(0x0400) == 0x1p-14f);
  CHECK(from_f16(0x3555) == 0.333251953125f);
  CHECK(to_f16(65519.996f) == 0x7BFF);
  CHECK(to_f16(65520.f) == 0x7C00);  // the first that rounds to infinity
  CHECK(to_f16(0x1p-25f) == 0);      // half of the smallest: to even
  CHECK(to_f16(std::nextafter(0x1p-25f, 1.f)) == 1);
  CHECK(to_f16(3 * 0x1p-25f) == 2);
  CHECK(to_f16(1 + 0x1p-11f) == 0x3C00);
  CHECK(to_f16(1 + 3 * 0x1p-11f) == 0x3C02);
  CHECK(to_f16(-0.f) == 0x8000);
  CHECK(to_f16(std::numeric_limits<float>::infinity()) == 0x7C00);
  CHECK(to_f16(1.00048828125f + 0x1p-20f) == 0x3C01);
}

TEST_CASE("binary16: every float lies between its neighbours as the nearest") {
  RandomStream random(1);
  for (int i = 0; i < 200000; ++i) {
    const auto x = std::bit_cast<float>(random.bits());
    if (!std::isfinite(x) || std::abs(x) >= 65520) continue;
    const std::uint16_t bits = to_f16(x);
    const float here = from_f16(bits);
    const double distance = std::abs(static_cast<double>(here) - static_cast<double>(x));
    for (const int step : {-1, 1}) {
      const auto size = static_cast<int>(bits & 0x7FFF) + step;
      if (size < 0 || size > 0x7BFF) continue;
      const float other = from_f16(static_cast<std::uint16_t>((bits & 0x8000) | size));
      CHECK(distance <= std::abs(static_cast<double>(other) - static_cast<double>(x)));
    }
  }
}

TEST_CASE("bfloat16: the upper half of a float, rounded to nearest, ties to even") {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const float x = from_bf16({static_cast<std::uint16_t>(bits)});
    if (std::isnan(x))
      CHECK(std::isnan(from_bf16(to_bf16(x))));
    else if (to_bf16(x).bits != bits)
      FAIL("bits ", bits, " became ", to_bf16(x).bits);
  }
  CHECK(to_bf16(1).bits == 0x3F80);
  CHECK(to_bf16(1 + 0x1p-8f).bits == 0x3F80);
  CHECK(to_bf16(1 + 3 * 0x1p-8f).bits == 0x3F82);
  CHECK(to_bf16(1 + 0x1p-8f + 0x1p-20f).bits == 0x3F81);
  CHECK(to_bf16(std::numeric_limits<float>::max()).bits == 0x7F80);
  CHECK(to_bf16(-0.f).bits == 0x8000);
  CHECK(std::isnan(from_bf16(to_bf16(std::bit_cast<float>(0x7F800001u)))));  // not infinity
}

TEST_CASE("stored types: values go through every type that has them") {
  for (int i = 0; i <= static_cast<int>(StoredType::boolean); ++i) {
    const auto type = static_cast<StoredType>(i);
    for (int v : {0, 1}) {
      CHECK(through<double, double>(v, type) == v);
      CHECK(through<float, float>(static_cast<float>(v), type) == static_cast<float>(v));
      CHECK(through<std::int32_t, std::int32_t>(v, type) == v);
      CHECK(through<std::int64_t, std::int64_t>(v, type) == v);
      CHECK(through<std::uint8_t, std::uint8_t>(static_cast<std::uint8_t>(v), type) == v);
    }
  }
  CHECK(through<double, double>(-.5, StoredType::f16) == -.5);
  CHECK(through<double, double>(1e-3, StoredType::f32) == static_cast<double>(1e-3f));
  CHECK(std::isnan(through<double, double>(NAN, StoredType::bf16)));
  CHECK(through<float, double>(-INFINITY, StoredType::f16) == -INFINITY);
  CHECK(through<std::int64_t, std::int64_t>(INT64_MIN, StoredType::i64) == INT64_MIN);
  CHECK(through<std::int64_t, double>(std::int64_t{1} << 53, StoredType::i64) == 0x1p53);
}

TEST_CASE("stored types: what has no such value is told, with its place") {
  CHECK(!fits(1e300, StoredType::f32));
  CHECK(fits(1e-300, StoredType::f32));  // rounds to 0: reals are rounded to reals
  CHECK(!fits(65520.f, StoredType::f16));
  CHECK(!fits(3.4e38f, StoredType::bf16));
  CHECK(!fits(.5, StoredType::i32));
  CHECK(!fits(std::nan(""), StoredType::i64));
  CHECK(!fits(0x1p63, StoredType::i64));
  CHECK(fits(-0x1p63, StoredType::i64));
  CHECK(!fits(2147483648., StoredType::i32));
  CHECK(fits(-2147483648., StoredType::i32));
  CHECK(!fits(-1., StoredType::u8));
  CHECK(!fits(std::int32_t{256}, StoredType::u8));
  CHECK(!fits(std::int32_t{-1}, StoredType::u64));
  CHECK(!fits(std::int64_t{(1 << 24) + 1}, StoredType::f32));
  CHECK(fits(std::int64_t{1 << 24}, StoredType::f32));
  CHECK(!fits(std::int32_t{2049}, StoredType::f16));
  CHECK(!fits(std::int32_t{257}, StoredType::bf16));
  CHECK(!fits(INT64_MAX, StoredType::f64));
  CHECK(!fits(2., StoredType::boolean));
  CHECK(!reads<float>(1e300, StoredType::f64));
  CHECK(!reads<std::int32_t>(std::int64_t{1} << 40, StoredType::i64));
  CHECK(!reads<std::int64_t>(~std::uint64_t{0}, StoredType::u64));
  CHECK(!reads<double>(~std::uint64_t{0}, StoredType::u64));
  CHECK(!reads<std::int32_t>(1.5f, StoredType::f32));
  CHECK(!reads<std::uint8_t>(std::int16_t{-1}, StoredType::i16));

  const std::array<double, 4> list{1, 2, 2.5, 4};
  std::array<std::byte, 4> bytes;
  const auto misfit = to_stored<double>(list, StoredType::u8, bytes);
  REQUIRE(misfit);
  CHECK(misfit->element == 2);
  CHECK(misfit->value == 2.5);
}
