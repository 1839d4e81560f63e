#include <reel/ops/kernels/cpp_math.h>

namespace reel::kernels {

const CppFunction kCppBits{R"(REEL_INLINE float from_bits(std::int32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
REEL_INLINE std::int32_t to_bits(float x) {
  std::int32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
REEL_INLINE std::int32_t size_bits(float x) { return to_bits(x) & 0x7fffffff; }  // of |x|; they order as the numbers do
// a where all bits of the mask are set, b where none is.
REEL_INLINE float pick(std::int32_t mask, float a, float b) { return from_bits((to_bits(a) & mask) | (to_bits(b) & ~mask)); }
// Masks.
REEL_INLINE std::int32_t is_nan(float x) { return (0x7f800000 - size_bits(x)) >> 31; }
REEL_INLINE std::int32_t has_sign(float x) { return to_bits(x) >> 31; }
REEL_INLINE std::int32_t is_not_zero(float x) { return -size_bits(x) >> 31; }
// |x|, but `most` at most.
REEL_INLINE float size_within(float x, float most) {
  const std::int32_t size = size_bits(x), limit = to_bits(most);
  return from_bits(size < limit ? size : limit);
}
REEL_INLINE float with_sign_of(float x, float y) { return from_bits(size_bits(x) | (to_bits(y) & ~0x7fffffff)); }
// y, or NaN where x is.
REEL_INLINE float nan_of(float x, float y) { return from_bits(to_bits(y) | is_nan(x)); }
)"};

namespace {

// exp(x) = 2^n (1 + fraction), and 2^n, of n as x log2(e) rounded and shifted into the last bits.
const CppFunction kCppExpParts{R"(REEL_INLINE float shifted(float x) { return x * 1.44269504f + 12582912.0f; }
REEL_INLINE float power_of_shifted(float n) {
  return from_bits(static_cast<std::int32_t>((static_cast<std::uint32_t>(to_bits(n)) << 23) + 0x3f800000u));
}
// Of exp(x) = 2^n (1 + fraction).
REEL_INLINE float fraction(float x, float n) {
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f, r2 = r * r;
  const float p0 = r * (1.0f / 6) + 0.5f, p1 = r * (1.0f / 120) + 1.0f / 24, p2 = r * (1.0f / 5040) + 1.0f / 720;
  return r2 * (r2 * (r2 * p2 + p1) + p0) + r;
}
)",
                               {&kCppBits}};

}  // namespace

const CppFunction kCppExp{R"(REEL_INLINE float exp_of(float x) {
  const float y = with_sign_of(size_within(x, 104.0f), x);
  const float n = shifted(y) - 12582912.0f, q = fraction(y, n), half = shifted(y * 0.5f) - 12582912.0f;
  const float low = power_of_shifted(half + 12582912.0f), high = power_of_shifted((n - half) + 12582912.0f);
  return nan_of(x, (low * q + low) * high);
}
)",
                          {&kCppExpParts}};

const CppFunction kCppTanh{R"(REEL_INLINE float tanh_of(float x) {
  const float size = size_within(x, 30.0f), s = 12582912.0f - size * 2.88539008f;
  const float q = fraction(-(size + size), s - 12582912.0f), scale = power_of_shifted(s);
  const float less_one = scale * q + (scale - 1.0f);  // of exp(-2 |x|)
  return nan_of(x, with_sign_of(less_one, x)) / (less_one + 2.0f);
}
)",
                           {&kCppExpParts}};

const CppFunction kCppSigmoid{R"(REEL_INLINE float sigmoid_of(float x) {
  const float size = size_within(x, 88.0f), s = 12582912.0f - size * 1.44269504f;
  const float q = fraction(-size, s - 12582912.0f), scale = power_of_shifted(s);
  const float e = scale * q + scale;  // exp(-|x|)
  return nan_of(x, pick(has_sign(x), e, 1.0f)) / (1.0f + e);
}
)",
                              {&kCppExpParts}};

const CppFunction kCppRelu{R"(REEL_INLINE float relu_of(float x) { return pick(has_sign(x) & ~is_nan(x), 0.0f, x); }
)",
                           {&kCppBits}};
const CppFunction kCppSatlins{
    R"(REEL_INLINE float satlins_of(float x) { return nan_of(x, with_sign_of(size_within(x, 1.0f), x)); }
)",
    {&kCppBits}};
const CppFunction kCppStep{
    R"(REEL_INLINE float step_of(float x) { return pick(is_not_zero(x) & ~has_sign(x) & ~is_nan(x), 1.0f, 0.0f); }
)",
    {&kCppBits}};
const CppFunction kCppSelect{
    R"(REEL_INLINE float select_of(float c, float x, float otherwise) { return pick(is_not_zero(c), x, otherwise); }
)",
    {&kCppBits}};

const CppFunction kCppSum{R"(template <int N>
REEL_INLINE float sum_of(const float* x) {
  float sums[16] = {};
  int i = 0;
  for (; i + 16 <= N; i += 16)
    for (int k = 0; k < 16; ++k) sums[k] += x[i + k];
  for (int k = 0; i < N; ++i, ++k) sums[k] += x[i];
  for (int k = 0; k < 8; ++k) sums[k] += sums[k + 8];
  for (int k = 0; k < 4; ++k) sums[k] += sums[k + 4];
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}
)"};

const CppFunction kCppMax{R"(template <int N, int kAfter>
REEL_INLINE float largest_of(const float* x) {
  float largest = x[0];
  for (int i = 1; i < N; ++i)
    if (!(x[i * kAfter] <= largest) && largest == largest) largest = x[i * kAfter];
  return largest;
}
)"};

}  // namespace reel::kernels
