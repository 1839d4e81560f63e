#include <reel/ops/kernels/bf16_tiles.h>

#include <algorithm>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reel/ops/kernels/bf16_tiles.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <reel/ops/kernels/bf16_pairs-inl.h>
#include <reel/ops/kernels/same_target-inl.h>
#include <reel/ops/kernels/tile_registers-inl.h>

#ifdef REEL_SAME_TARGET
namespace reel {
namespace REEL_SAME_TARGET {
kernels::Bf16Kernels EmulatedTileKernels();
kernels::Bf16Kernels TileKernels();
bool MayHaveTiles();
}  // namespace REEL_SAME_TARGET
namespace HWY_NAMESPACE {
kernels::Bf16Kernels EmulatedTileKernels() { return REEL_SAME_TARGET::EmulatedTileKernels(); }
kernels::Bf16Kernels TileKernels() { return REEL_SAME_TARGET::TileKernels(); }
bool MayHaveTiles() { return REEL_SAME_TARGET::MayHaveTiles(); }
}  // namespace HWY_NAMESPACE
}  // namespace reel
#else
HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {

constexpr Index kTileMultiple = 2 * kTilePairs;
constexpr Index kTilePanel = 2;     // vectors: 2 by 2 tiles of results, with two of each operand, are all eight
constexpr Index kChainTiles = 256;  // of one chain; longer sums add up chains
constexpr int kMostSumRows = 4;     // tiles of rows taken at once, of a panel of one vector

HWY_INLINE Index TileLanes() { return static_cast<Index>(hn::Lanes(hn::ScalableTag<float>())); }

// Where an operand's tiles lie. Along k, those of the left one follow each other in its rows, those of the right one below each
// other.
struct TileOperand {
  const std::byte* first;
  Index stride;  // bytes between rows
};

// Row m of tiles of results: the left operand's tile, and its products by the right one's.
template <int m, int NT, class Tiles>
HWY_INLINE void MultiplyTileRow(Tiles& tiles, const TileOperand& left, Index k) {
  constexpr int kLeft = kFirstLeft + m % 2;
  constexpr Index kBytes = kTilePairs * static_cast<Index>(sizeof(std::uint32_t));
  tiles.template load<kLeft>(left.first + m * kMostTileRows * left.stride + k * kBytes, left.stride);
  tiles.template multiply<m * NT, kLeft, kFirstRight>();
  if constexpr (NT == 2) tiles.template multiply<m * NT + 1, kLeft, kFirstRight + 1>();
}

// Adds the products of `count` tiles along k to MT x NT tiles of results.
template <int MT, int NT, class Tiles>
HWY_INLINE void MultiplyTiles(Tiles& tiles, const TileOperand& left, const TileOperand& right, Index count) {
  static_assert(MT * NT <= kFirstLeft && NT <= 2);
  for (Index k = 0; k < count; ++k) {
    const std::byte* b = right.first + k * kTilePairs * right.stride;
    tiles.template load<kFirstRight>(b, right.stride);
    if constexpr (NT == 2)
      tiles.template load<kFirstRight + 1>(b + TileLanes() * static_cast<Index>(sizeof(float)), right.stride);
    MultiplyTileRow<0, NT>(tiles, left, k);
    if constexpr (MT >= 2) MultiplyTileRow<1, NT>(tiles, left, k);
    if constexpr (MT >= 4) {
      MultiplyTileRow<2, NT>(tiles, left, k);
      MultiplyTileRow<3, NT>(tiles, left, k);
    }
  }
}

template <int MT, int NT, class Tiles>
HWY_INLINE void ZeroTiles(Tiles& tiles) {
  tiles.template zero<0>();
  if constexpr (MT * NT >= 2) tiles.template zero<1>();
  if constexpr (MT * NT >= 4) tiles.template zero<2>(), tiles.template zero<3>();
}

// MT x NT tiles of results as rows of NT vectors.
struct TileSums {
  HWY_ALIGN float rows[kMostSumRows * kMostTileRows * HWY_MAX_BYTES / sizeof(float)];

  template <int MT, int NT, class Tiles>
  HWY_INLINE void take(const Tiles& tiles) {
    store<0, NT>(tiles);
    if constexpr (MT * NT >= 2) store<1, NT>(tiles);
    if constexpr (MT * NT >= 4) store<2, NT>(tiles), store<3, NT>(tiles);
  }

 private:
  template <int kTile, int NT, class Tiles>
  HWY_INLINE void store(const Tiles& tiles) {
    const Index lanes = TileLanes();
    tiles.template store<kTile>(rows + kTile / NT * kMostTileRows * NT * lanes + kTile % NT * lanes,
                                NT * lanes * static_cast<Index>(sizeof(float)));
  }
};

// f<MT> of as many tiles of rows at once as there are: f(its first row).
template <int NT, class F>
HWY_INLINE void ForEachTileRows(Index rows, F f) {
  for (Index row = 0; row < rows;) {
    const Index left = ceil_div(rows - row, kMostTileRows);
    const int MT = NT == 1 && left >= 4 ? 4 : left >= 2 ? 2 : 1;
    if constexpr (NT == 1) {
      if (MT == 4) f(std::integral_constant<int, 4>(), row);
    }
    if (MT == 2) f(std::integral_constant<int, 2>(), row);
    if (MT == 1) f(std::integral_constant<int, 1>(), row);
    row += MT * kMostTileRows;
  }
}

using TileTerms = std::span<const kernels::TermOf<kernels::Bf16Operands> >;

// One panel of a product.
struct TilePanel {
  Index steps, rows, first_vector;
  TileTerms terms;
  struct Column {
    const kernels::ProductGroup<float>* group;
    Index column, count;
  };
  Column columns[kTilePanel];

  // Gives the results rows [row, end) of the sums, or adds these to them.
  void give(const TileSums& sums, int vectors, Index row, Index end, bool add) const {
    const hn::ScalableTag<float> d;
    const Index lanes = TileLanes();
    const float* from = sums.rows;
    for (Index step = row / rows, r = row % rows; row < end; ++row) {
      for (int v = 0; v < vectors; ++v, from += lanes) {
        const Column& c = columns[v];
        float* to = c.group->y[step].row(r) + c.column;
        auto sum = hn::LoadU(d, from);
        if (add)
          sum = hn::Add(LoadVector(d, to, c.count), sum);
        else if (c.group->init)
          sum = hn::Add(LoadVector(d, c.group->init[step].row(r) + c.column, c.count), sum);
        StoreVector(sum, d, to, c.count);
      }
      if (++r == rows) r = 0, ++step;
    }
  }
};

// MT tiles of rows from `row` on.
template <int MT, int NT, class Tiles>
HWY_INLINE void ProductOfTiles(Tiles& tiles, const TilePanel& p, Index row) {
  const Index lanes = TileLanes(), end = std::min(row + MT * kMostTileRows, p.steps * p.rows);
  TileSums sums;
  Index chain = 0;
  bool add = false;
  const auto end_chain = [&]() HWY_ATTR {
    sums.take<MT, NT>(tiles);
    p.give(sums, NT, row, end, add);
    ZeroTiles<MT, NT>(tiles);
    add = true;
    chain = 0;
  };
  ZeroTiles<MT, NT>(tiles);
  for (const auto& term : p.terms) {
    const kernels::RowRun<const Bf16>& x = term.x[0];
    const TileOperand left{reinterpret_cast<const std::byte*>(x.row(row)), x.stride * static_cast<Index>(sizeof(Bf16))};
    const TileOperand right{reinterpret_cast<const std::byte*>(term.packed + p.first_vector * lanes * term.K),
                            NT * lanes * static_cast<Index>(sizeof(std::uint32_t))};
    for (Index k = 0, count = term.K / kTileMultiple; k < count;) {
      if (chain == kChainTiles) end_chain();
      const Index some = std::min(count - k, kChainTiles - chain);
      MultiplyTiles<MT, NT>(tiles, {left.first + k * kTilePairs * static_cast<Index>(sizeof(std::uint32_t)), left.stride},
                            {right.first + k * kTilePairs * right.stride, right.stride}, some);
      k += some;
      chain += some;
    }
  }
  end_chain();
}

template <int NT, class Tiles>
HWY_NOINLINE void PanelOfTiles(Tiles& tiles, const TilePanel& p) {
  ForEachTileRows<NT>(p.steps * p.rows, [&](auto mt, Index row) HWY_ATTR { ProductOfTiles<mt(), NT>(tiles, p, row); });
}

template <class Tiles>
void TileProducts(Index steps, Index rows, Index N, TileTerms terms, std::span<const kernels::ProductGroup<float> > groups,
                  kernels::ColumnPart part) {
  if (steps * rows == 0) return;
  const Index lanes = TileLanes(), each = ceil_div(N, lanes);
  const kernels::Panels panels(each * static_cast<Index>(groups.size()), kTilePanel, kTilePanel);
  Tiles tiles(std::min(steps * rows, kMostTileRows));
  const Index end = part.end(panels);
  for (Index first = part.begin(panels), vectors = 0; first < end; first += vectors) {
    vectors = panels.vectors_of(first);
    TilePanel p{steps, rows, first, terms, {}};
    for (Index v = 0; v < vectors; ++v) {
      const Index column = (first + v) % each * lanes;
      p.columns[v] = {&groups[static_cast<std::size_t>((first + v) / each)], column, std::min(lanes, N - column)};
    }
    if (vectors == 2)
      PanelOfTiles<2>(tiles, p);
    else
      PanelOfTiles<1>(tiles, p);
  }
}

// The left operand of a weight gradient is read by its columns.
kernels::PairedRows PairAndTranspose(Index K, Index width, float* block, Index stride) {
  PairRows<kTileMultiple>(K, width, block, stride);
  const Index pairs = round_up(K, kTileMultiple) / 2;
  float* to = block + pairs * stride;
  Index n = 0;
  for (; n + kBlock<float> <= width; n += kBlock<float>)
    for (Index k = 0; k < pairs; k += kBlock<float>) TransposeBlock(block + k * stride + n, stride, to + n * pairs + k, pairs);
  for (; n < width; ++n)
    for (Index k = 0; k < pairs; ++k) std::memcpy(to + n * pairs + k, block + k * stride + n, sizeof(float));
  return {to, pairs};
}

template <int MT, int NT, class Tiles>
HWY_INLINE void WeightGradientOfTiles(Tiles& tiles, const kernels::WeightGradientPanel<float>& p, int v, Index row) {
  const hn::ScalableTag<float> d;
  const Index lanes = TileLanes(), bytes = static_cast<Index>(sizeof(float));
  ZeroTiles<MT, NT>(tiles);
  MultiplyTiles<MT, NT>(tiles, {reinterpret_cast<const std::byte*>(p.a.first + row * p.a.row_stride), p.a.row_stride * bytes},
                        {reinterpret_cast<const std::byte*>(p.b + v * lanes), p.vectors * lanes * bytes},
                        ceil_div(p.K, kTilePairs));
  TileSums sums;
  sums.take<MT, NT>(tiles);
  const float* from = sums.rows;
  for (const Index end = std::min(row + MT * kMostTileRows, p.M); row < end; ++row)
    for (int i = 0; i < NT; ++i, from += lanes) {
      float* to = p.columns[v + i].c + row * p.c_stride;
      const Index count = p.columns[v + i].count;
      const auto sum = hn::LoadU(d, from);
      StoreVector(p.add ? hn::Add(LoadVector(d, to, count), sum) : sum, d, to, count);
    }
}

template <class Tiles>
void TileWeightGradient(const kernels::WeightGradientPanel<float>& p) {
  if (p.M == 0) return;
  Tiles tiles(std::min(p.M, kMostTileRows));
  int v = 0;
  for (; v + 2 <= p.vectors; v += 2)
    ForEachTileRows<2>(p.M, [&](auto mt, Index row) HWY_ATTR { WeightGradientOfTiles<mt(), 2>(tiles, p, v, row); });
  if (v < p.vectors)
    ForEachTileRows<1>(p.M, [&](auto mt, Index row) HWY_ATTR { WeightGradientOfTiles<mt(), 1>(tiles, p, v, row); });
}

template <class Tiles>
kernels::Bf16Kernels KernelsOfTiles() {
  return {TileLanes(),
          kTilePanel,
          kTilePanel,
          kTileMultiple,
          &TileProducts<Tiles>,
          &PackPairs<kTileMultiple, kTilePanel, kTilePanel>,
          &RoundRow<kTileMultiple>,
          &PairAndTranspose,
          &PairRows<kTileMultiple>,
          &TileWeightGradient<Tiles>};
}
kernels::Bf16Kernels EmulatedTileKernels() { return KernelsOfTiles<EmulatedTiles>(); }
#if REEL_TARGET_MAY_HAVE_TILES
kernels::Bf16Kernels TileKernels() { return KernelsOfTiles<AmxTiles>(); }
#else
kernels::Bf16Kernels TileKernels() { return EmulatedTileKernels(); }
#endif
bool MayHaveTiles() { return REEL_TARGET_MAY_HAVE_TILES; }

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace reel {
HWY_EXPORT(EmulatedTileKernels);
HWY_EXPORT(TileKernels);
HWY_EXPORT(MayHaveTiles);

namespace kernels {
namespace {

TileSupport ask_for_tiles() {
#if defined(__x86_64__) && defined(__linux__)
  constexpr unsigned kTileBits = 1U << 22 | 1U << 24;  // AMX-BF16 and AMX-TILE
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!HWY_DYNAMIC_DISPATCH(MayHaveTiles)() || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kTileBits) != kTileBits)
    return TileSupport::none;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA of Linux 5.16
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0 ? TileSupport::granted : TileSupport::refused;
#else
  return TileSupport::none;
#endif
}

}  // namespace

TileSupport bf16_tile_support() {
  static const TileSupport support = ask_for_tiles();
  return support;
}

Bf16Kernels bf16_tile_kernels(bool emulated) {
  return emulated ? HWY_DYNAMIC_DISPATCH(EmulatedTileKernels)() : HWY_DYNAMIC_DISPATCH(TileKernels)();
}

}  // namespace kernels
}  // namespace reel
#endif
