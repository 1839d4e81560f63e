// Per-target tile registers, by AMX or emulated: eight, of which 0 to 3 hold results, 4 and 5 left operands, 6 and 7 right ones.
// Include after hwy/foreach_target.h, inside no namespace.
#include <cstring>

#include <reel/ops/kernels/bf16-inl.h>

#if defined(REEL_OPS_KERNELS_TILE_REGISTERS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef REEL_OPS_KERNELS_TILE_REGISTERS_INL_H_
#undef REEL_OPS_KERNELS_TILE_REGISTERS_INL_H_
#else
#define REEL_OPS_KERNELS_TILE_REGISTERS_INL_H_
#endif

// Whether a vector is as wide as a tile's row; the processor may lack AMX still.
#undef REEL_TARGET_MAY_HAVE_TILES
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86_64
#define REEL_TARGET_MAY_HAVE_TILES 1
#else
#define REEL_TARGET_MAY_HAVE_TILES 0
#endif

HWY_BEFORE_NAMESPACE();
namespace reel::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr Index kTilePairs = 16;  // along k
constexpr Index kMostTileRows = 16;
constexpr int kFirstLeft = 4, kFirstRight = 6;

// What each instruction does, one after the other. Results and right operands are a vector wide.
class EmulatedTiles {
 public:
  explicit EmulatedTiles(Index rows) : rows_(rows) {}

  template <int kTile>
  void zero() {
    std::memset(tiles_[kTile], 0, sizeof tiles_[kTile]);
  }
  // Rows `stride` bytes apart.
  template <int kTile>
  void load(const void* from, Index stride) {
    zero<kTile>();
    for (Index r = 0; r < rows_of(kTile); ++r)
      std::memcpy(tiles_[kTile][r], static_cast<const std::byte*>(from) + r * stride, bytes_of(kTile));
  }
  template <int kTile>
  void store(void* to, Index stride) const {
    for (Index r = 0; r < rows_of(kTile); ++r)
      std::memcpy(static_cast<std::byte*>(to) + r * stride, tiles_[kTile][r], bytes_of(kTile));
  }
  template <int kResult, int kLeft, int kRight>
  void multiply() {
    const hn::ScalableTag<float> d;
    const hn::RebindToUnsigned<decltype(d)> du;
    for (Index m = 0; m < rows_; ++m) {
      auto first = hn::Zero(d), second = hn::Zero(d);
      for (Index k = 0; k < kTilePairs; ++k) {
        const auto left = hn::Set(du, tiles_[kLeft][m][k]), right = hn::LoadU(du, tiles_[kRight][k]);
        first = hn::MulAdd(FirstOf(d, left), FirstOf(d, right), first);
        second = hn::MulAdd(SecondOf(d, left), SecondOf(d, right), second);
      }
      float* to = reinterpret_cast<float*>(tiles_[kResult][m]);
      hn::StoreU(hn::Add(hn::LoadU(d, to), hn::Add(first, second)), d, to);
    }
  }

 private:
  Index rows_of(int tile) const { return tile < kFirstRight ? rows_ : kTilePairs; }
  static std::size_t bytes_of(int tile) {
    const bool left = tile >= kFirstLeft && tile < kFirstRight;
    return left ? kTilePairs * sizeof(std::uint32_t) : hn::Lanes(hn::ScalableTag<float>()) * sizeof(float);
  }

  Index rows_;  // of results and left operands
  std::uint32_t tiles_[8][kMostTileRows][std::max<std::size_t>(kTilePairs, HWY_MAX_BYTES / sizeof(float))] = {};
};

#if REEL_TARGET_MAY_HAVE_TILES
// By names of the instructions, so that it needs no more of the compiler than AVX-512. REQUIRES: the process has permission.
class AmxTiles {
 public:
  explicit AmxTiles(Index rows) {
    Configuration c;
    for (int tile = 0; tile < 8; ++tile) {
      c.row_bytes[tile] = kTilePairs * sizeof(std::uint32_t);
      c.rows[tile] = static_cast<std::uint8_t>(tile < kFirstRight ? rows : kTilePairs);
    }
    asm volatile("ldtilecfg %0" : : "m"(c));
  }
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;
  ~AmxTiles() { asm volatile("tilerelease"); }

  template <int kTile>
  HWY_INLINE void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
  }
  template <int kTile>
  HWY_INLINE void load(const void* from, Index stride) {
    asm volatile("tileloadd (%1,%2,1), %%tmm%c0" : : "i"(kTile), "r"(from), "r"(stride) : "memory");
  }
  template <int kTile>
  HWY_INLINE void store(void* to, Index stride) const {
    asm volatile("tilestored %%tmm%c0, (%1,%2,1)" : : "i"(kTile), "r"(to), "r"(stride) : "memory");
  }
  template <int kResult, int kLeft, int kRight>
  HWY_INLINE void multiply() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kResult), "i"(kLeft), "i"(kRight));
  }

 private:
  struct alignas(64) Configuration {
    std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {};
    std::uint8_t rows[16] = {};
  };
  static_assert(sizeof(Configuration) == 64);
};
#endif

}  // namespace reel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
