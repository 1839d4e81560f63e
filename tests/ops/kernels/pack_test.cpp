#include <reel/ops/kernels/pack.h>

#include <reel/ops/elementary.h>
#include <reel/ops/kernels/gemm.h>

#include "support.h"

using namespace reel;
using namespace reel::test;
using kernels::gemm_kernels;
using kernels::WeightView;

namespace {

// Numbers that tell where they are from.
template <class T>
T number(Index group, Index k, Index n) {
  return static_cast<T>(1 + group + 10 * k + 1000 * n);
}

// A weight [K, N] with gaps of so many elements, by rows or by columns, or with neither dimension dense. Exactly as long as
// its last element needs.
template <class T>
struct Weight {
  enum class Order : std::uint8_t { rows, columns, neither };
  std::vector<T> memory;
  WeightView<T> view;

  Weight(Order order, Index K, Index N, Index gap, Index group) {
    const Index step = order == Order::neither ? 2 : 1;
    const Index k_stride = order == Order::columns ? 1 : N * step + gap, n_stride = order == Order::columns ? K + gap : step;
    memory.assign(static_cast<std::size_t>(K * N == 0 ? 0 : (K - 1) * k_stride + (N - 1) * n_stride + 1), T(-1));
    for (Index k = 0; k < K; ++k)
      for (Index n = 0; n < N; ++n) memory[static_cast<std::size_t>(k * k_stride + n * n_stride)] = number<T>(group, k, n);
    view = {memory.data(), k_stride, n_stride};
  }
};

// Element by element as the header says: panels of vectors, [panel][K][vectors], each vector of one group.
template <class T>
std::vector<T> expected(Index K, Index N, Index groups) {
  const Index lanes = gemm_kernels<T>().lanes, each = (N + lanes - 1) / lanes;
  const kernels::Panels panels = gemm_kernels<T>().panels(each * groups);
  std::vector<T> packed;
  for (Index first = 0; first < panels.total; first += panels.vectors_of(first))
    for (Index k = 0; k < K; ++k)
      for (Index v = first; v < first + panels.vectors_of(first); ++v)
        for (Index lane = 0; lane < lanes; ++lane) {
          const Index n = v % each * lanes + lane;
          packed.push_back(n < N ? number<T>(v / each, k, n) : T(0));
        }
  return packed;
}

template <class T>
bool packs(std::vector<typename Weight<T>::Order> orders, Index K, Index N, Index gap) {
  std::vector<Weight<T>> weights;
  std::vector<WeightView<T>> views;
  for (std::size_t g = 0; g < orders.size(); ++g) weights.emplace_back(orders[g], K, N, gap, static_cast<Index>(g));
  for (const Weight<T>& w : weights) views.push_back(w.view);
  const auto groups = static_cast<Index>(orders.size());
  std::vector<T> packed(static_cast<std::size_t>(gemm_kernels<T>().packed_size(K, N, groups)) + 1, T(99));
  kernels::pack<T>(K, N, views, packed.data());
  const T after = packed.back();
  packed.pop_back();
  return after == T(99) && packed == expected<T>(K, N, groups);
}

constexpr Index kK[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 33};
constexpr Index kN[] = {0, 1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130};

}  // namespace

TEST_CASE("pack: panels take all vectors in order, a last one alone with the panel before it where three make a panel") {
  for (Index most : {1, 2, 3, 4})
    for (Index total : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 64}) {
      CAPTURE(most);
      CAPTURE(total);
      const kernels::Panels panels(total, most, most == 3 ? 4 : most);
      Index first = 0;
      for (; first < total; first += panels.vectors_of(first)) {
        const Index vectors = panels.vectors_of(first);
        REQUIRE(vectors >= 1);
        CHECK(vectors <= (most == 3 ? 4 : most));
        CHECK((vectors > 1 || most != 3 || total == 1));
        for (Index v = first; v < first + vectors; ++v) CHECK(panels.first_of(v) == first);
      }
      CHECK(first == total);
    }
}

TEST_CASE_TEMPLATE("pack: one weight in any order, of any size", T, float, double) {
  using Order = typename Weight<T>::Order;
  for (Order order : {Order::rows, Order::columns, Order::neither})
    for (Index K : kK)
      for (Index N : kN)
        for (Index gap : {0, 3})
          CHECK_MESSAGE(packs<T>({order}, K, N, gap), "order ", static_cast<int>(order), ", ", K, " x ", N, ", gap ", gap);
}

TEST_CASE_TEMPLATE("pack: several groups side by side, each in an order of its own", T, float, double) {
  using Order = typename Weight<T>::Order;
  const std::vector<std::vector<Order>> mixes{{Order::rows, Order::rows},
                                              {Order::columns, Order::rows, Order::neither},
                                              {Order::columns, Order::columns, Order::columns, Order::columns},
                                              std::vector<Order>(16, Order::columns)};
  for (const auto& mix : mixes)
    for (Index K : kK)
      for (Index N : kN) CHECK_MESSAGE(packs<T>(mix, K, N, 1), mix.size(), " groups, ", K, " x ", N);
}
