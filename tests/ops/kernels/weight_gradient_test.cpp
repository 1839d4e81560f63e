#include <reel/ops/kernels/weight_gradient.h>
#include <reel/ops/reduction.h>

#include <cstring>
#include <limits>
#include <utility>

#include "numbers.h"

using namespace reel;
using namespace reel::test;
using kernels::weight_gradient_kernels;
using kernels::WeightGradientPanel;

namespace {

template <class T>
Tensor<T> aligned_numbers(Index n, std::uint64_t seed) {
  return Tensor<T>(Shape{n}, numbers<T>(n, seed));
}

constexpr Index kGap = 3;

// C [M, columns] of one panel whose last vectors have `counts` columns in memory, in `blocks` calls over K rows each.
template <class T>
struct PanelCase {
  Index M, K, blocks;
  std::vector<Index> counts;  // by vector
  bool side_by_side = true;   // else each vector's columns lie in a matrix of its own
  bool in_strips = true;      // else A is one strip

  void check() const {
    const Index lanes = weight_gradient_kernels<T>().lanes, vectors = static_cast<Index>(counts.size());
    const Index width = vectors * lanes, c_stride = (side_by_side ? width : lanes) + kGap;
    const Index strip_width = in_strips ? kernels::kStrip : M, strip = blocks * K * strip_width + kGap;
    const auto numbers_of_a = numbers<T>(ceil_div(M, strip_width) * strip, 1);
    const kernels::Strips<const T> a{numbers_of_a.data(), strip_width, strip_width, strip};
    const auto b = aligned_numbers<T>(blocks * K * width, 2);
    const Index matrices = side_by_side ? 1 : vectors;
    std::vector<T> c(static_cast<std::size_t>(matrices * M * c_stride), T(7));
    const auto place = [&](Index v) { return side_by_side ? v * lanes : v * M * c_stride; };
    for (Index block = 0; block < blocks; ++block) {
      WeightGradientPanel<T> p{M,
                               K,
                               {a.at(block * K, 0), a.width, a.row_stride, a.strip_stride},
                               b.data() + block * K * width,
                               static_cast<int>(vectors),
                               c_stride,
                               block > 0,
                               {}};
      for (Index v = 0; v < vectors; ++v) p.columns[v] = {c.data() + place(v), counts[static_cast<std::size_t>(v)]};
      weight_gradient_kernels<T>().panel(p);
    }
    std::vector<T> expected(c.size(), T(7));
    double worst = 0;
    for (Index m = 0; m < M; ++m)
      for (Index v = 0; v < vectors; ++v)
        for (Index n = 0; n < counts[static_cast<std::size_t>(v)]; ++n) {
          double sum = 0;
          for (Index k = 0; k < blocks * K; ++k)
            sum += static_cast<double>(*a.at(k, m)) * static_cast<double>(b[k * width + v * lanes + n]);
          const auto at = static_cast<std::size_t>(place(v) + m * c_stride + n);
          worst = std::max(worst, std::abs(static_cast<double>(c[at]) - sum));
          expected[at] = c[at];
        }
    INFO("M ", M, ", K ", K, ", blocks ", blocks, ", vectors ", vectors, ", last ", counts.back(), ", side by side ",
         side_by_side);
    CHECK(worst <= std::numeric_limits<T>::epsilon() * static_cast<double>(blocks * K + 1));
    CHECK(c == expected);  // nothing beside the columns is written
  }
};

}  // namespace

TEST_CASE_TEMPLATE("weight gradient kernel: a panel equals naive loops, whatever its edges", T, float, double) {
  const Index lanes = weight_gradient_kernels<T>().lanes, most = weight_gradient_kernels<T>().widest_panel;
  for (Index M : {1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 24, 25, 50})
    for (Index vectors = 1; vectors <= most; ++vectors)
      for (Index last : {Index{1}, lanes - 1, lanes}) {
        if (last < 1) continue;
        std::vector<Index> counts(static_cast<std::size_t>(vectors), lanes);
        counts.back() = last;
        for (bool side_by_side : {true, false}) {
          PanelCase<T>{M, 9, 1, counts, side_by_side}.check();
          PanelCase<T>{M, 5, 3, counts, side_by_side}.check();
          PanelCase<T>{M, 5, 2, counts, side_by_side, false}.check();
        }
      }
}

TEST_CASE_TEMPLATE("weight gradient kernel: no rows give zeros, or what was there", T, float, double) {
  const Index lanes = weight_gradient_kernels<T>().lanes;
  PanelCase<T>{5, 0, 1, {lanes}}.check();
  PanelCase<T>{5, 0, 2, {lanes}}.check();
  PanelCase<T>{7, 1, 1, {1}}.check();
}

TEST_CASE_TEMPLATE("weight gradient kernel: an element's bits do not depend on the tile it is in", T, float, double) {
  constexpr Index K = 40, M = 31;
  const Index lanes = weight_gradient_kernels<T>().lanes, most = weight_gradient_kernels<T>().panel_vectors, width = most * lanes;
  const auto a = numbers<T>(K * M, 1);
  const auto b = aligned_numbers<T>(K * width, 2);
  const auto run = [&](Index columns_at_once) {
    std::vector<T> c(static_cast<std::size_t>(M * width));
    for (Index first = 0; first < M; first += columns_at_once)
      for (Index k = 0; k < K; k += 25) {
        WeightGradientPanel<T> p{std::min(columns_at_once, M - first),
                                 std::min<Index>(25, K - k),
                                 {a.data() + k * M + first, M, M, 0},
                                 b.data() + k * width,
                                 static_cast<int>(most),
                                 width,
                                 k > 0,
                                 {}};
        for (Index v = 0; v < most; ++v) p.columns[v] = {c.data() + first * width + v * lanes, lanes};
        weight_gradient_kernels<T>().panel(p);
      }
    return c;
  };
  const auto whole = run(M);
  for (Index columns : {1, 2, 5, 12, 30}) {
    const auto cut = run(columns);
    CHECK(std::memcmp(cut.data(), whole.data(), whole.size() * sizeof(T)) == 0);
  }
}

TEST_CASE_TEMPLATE("weight gradient kernel: packs rows of several operands, with zeros beside their columns", T, float, double) {
  const Index lanes = weight_gradient_kernels<T>().lanes;
  constexpr Index K = 11, first = 2;
  const Index n = 2 * lanes + 1;  // columns of an operand: three vectors, the last of one
  const auto dense = numbers<T>(K * n, 1), strided = numbers<T>((K - 1) * (n + 5) + n, 2), one = numbers<T>(n, 3);
  const kernels::RowRun<const T> runs[] = {{dense.data(), n}, {strided.data(), n + 5}, {one.data(), 0}};
  std::vector<kernels::PackColumn> columns;
  const Index stride = 9 * lanes;
  for (Index v = 0; v < 9; ++v) columns.push_back({v / 3, v % 3 * lanes, v % 3 == 2 ? 1 : lanes, v * lanes, stride});
  Tensor<T> block(Shape{(first + K + 1) * stride});
  std::ranges::fill(block, T(99));
  weight_gradient_kernels<T>().pack(K, runs, columns, first, block.data());
  bool right = true;
  for (Index k = -first; k < K + 1; ++k)
    for (Index i = 0; i < stride; ++i) {
      const Index operand = i / lanes / 3, column = i % (3 * lanes);
      const T given = block[(first + k) * stride + i];
      if (k < 0 || k >= K)
        right &= given == T(99);
      else
        right &= given == (column < n ? runs[operand].first[k * runs[operand].stride + column] : T(0));
    }
  CHECK(right);
}

TEST_CASE_TEMPLATE("weight gradient kernel: copies rows of any width to strips, and tells whether all are finite", T, float,
                   double) {
  constexpr Index kBefore = 3;  // rows
  for (Index width : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100})
    for (Index K : {1, 2, 12})
      for (Index stride : {Index{0}, width, width + 3})
        for (Index column : {0, 1, 5, 8, 11})
          for (Index strip_width : {kernels::kStrip, column + width}) {
            auto from = numbers<T>((K - 1) * stride + width, 1);
            const Index strips = ceil_div(column + width, strip_width), strip = (kBefore + K) * strip_width + 1;
            std::vector<T> to(static_cast<std::size_t>(strips * strip), T(99)), expected = to;
            const auto strips_of = [&](std::vector<T>& v) {
              return kernels::Strips<T>{v.data(), strip_width, strip_width, strip};
            };
            const auto copy = [&] {
              return weight_gradient_kernels<T>().copy(K, width, {from.data(), stride}, strips_of(to), kBefore, column);
            };
            INFO(K, " x ", width, ", stride ", stride, ", from column ", column, " on, strips of ", strip_width);
            CHECK(copy());
            for (Index k = 0; k < K; ++k)
              for (Index i = 0; i < width; ++i) *strips_of(expected).at(kBefore + k, column + i) = from[k * stride + i];
            CHECK(to == expected);
            for (const T wrong : {std::numeric_limits<T>::infinity(), std::numeric_limits<T>::quiet_NaN()})
              for (Index place : {Index{0}, K / 2 * stride + width / 2, (K - 1) * stride + width - 1}) {
                const auto at = static_cast<std::size_t>(place);
                const T right = std::exchange(from[at], wrong);
                CHECK(!copy());
                from[at] = right;
              }
          }
}
