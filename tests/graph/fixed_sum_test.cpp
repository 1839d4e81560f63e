#include <reel/graph/fixed_sum.h>

#include <cmath>
#include <cstring>

#include <reel/graph/kernels/sum.h>

#include "numbers.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index kLengths[] = {0, 1, 2, 15, 16, 17, 31, 255, 256, 257, 511, 512, 513, 1000, 4097};

template <class T>
bool same_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

}  // namespace

TEST_CASE("fixed sum: pairs are added before their sums are") {
  PairwiseSum<std::string> text;
  for (const char* term : {"a", "b", "c", "d", "e", "f", "g"}) text.push(term);
  CHECK(text.total() == "abcdefg");
  PairwiseSum<float> sum;  // 1 + 2^-24 is 1 in float, and so is that again; 2^-24 + 2^-24 is not lost
  for (float term : {1.f, 0.f, 0x1p-24f, 0x1p-24f}) sum.push(term);
  CHECK(sum.total() == 1.f + 0x1p-23f);
  CHECK(PairwiseSum<double>().total() == 0);
}

TEST_CASE_TEMPLATE("fixed sum: the kernel along a row has the bits of the definition, on every length", T, float, double) {
  for (Index n : kLengths) {
    const auto x = numbers<T>(n, 1);
    CHECK(same_bits(kernels::sum_kernels<T>().along(x.data(), n),
                    sum_along<T>(n, [&](Index i) { return x[static_cast<std::size_t>(i)]; })));
  }
}

TEST_CASE_TEMPLATE("fixed sum: the kernel across rows has the bits of the definition, on every number of rows", T, float,
                   double) {
  for (Index n : kLengths)
    for (Index columns : {1, 5, 128}) {
      const auto x = numbers<T>(n * columns, 2);
      std::vector<T> y(static_cast<std::size_t>(columns));
      kernels::AcrossSum<T> sum(columns);
      for (Index r = 0; r < n; ++r) sum.push(x.data() + r * columns);
      sum.total(y.data());
      for (Index c = 0; c < columns; ++c)
        CHECK(same_bits(y[static_cast<std::size_t>(c)],
                        sum_across<T>(n, [&](Index r) { return x[static_cast<std::size_t>(r * columns + c)]; })));
    }
}

TEST_CASE("fixed sum: the error does not grow with the number of terms") {
  for (Index n : {Index{1000}, Index{100000}, Index{10000000}, Index{30000000}}) {
    const double exact = static_cast<double>(n) * static_cast<double>(0.1f);
    CHECK(std::abs(sum_along<float>(n, [](Index) { return 0.1f; }) / exact - 1) < 1e-6);
    CHECK(std::abs(sum_across<float>(n, [](Index) { return 0.1f; }) / exact - 1) < 1e-6);
  }
  CHECK(sum_along<float>(20000000, [](Index) { return 1.f; }) == 20000000.f);
  CHECK(sum_across<float>(20000000, [](Index) { return 1.f; }) == 20000000.f);
}
