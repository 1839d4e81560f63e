#include <reel/ops/product_form.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

// Vectors as wide as the processor's; with other compilers than g++ and clang++, of four floats.
const CppFunction kLanes{R"(#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
#if defined(__GNUC__)
typedef float Lanes __attribute__((vector_size(4 * kLanes)));
REEL_INLINE Lanes all_lanes(float x) { return Lanes{} + x; }
#else
struct Lanes {
  float at[kLanes];
};
REEL_INLINE Lanes all_lanes(float x) {
  Lanes y;
  for (int i = 0; i < kLanes; ++i) y.at[i] = x;
  return y;
}
REEL_INLINE Lanes operator*(Lanes a, Lanes b) {
  for (int i = 0; i < kLanes; ++i) a.at[i] *= b.at[i];
  return a;
}
REEL_INLINE Lanes& operator+=(Lanes& a, Lanes b) {
  for (int i = 0; i < kLanes; ++i) a.at[i] += b.at[i];
  return a;
}
#endif
REEL_INLINE Lanes load(const float* x) {
  Lanes y;
  std::memcpy(&y, x, sizeof y);
  return y;
}
REEL_INLINE void store(Lanes x, float* y) { std::memcpy(y, &x, sizeof x); }
)"};

// The panel's width is that of kPanel below.
const CppFunction kProduct{R"(// V vectors of sums, which stay in registers.
template <int V>
struct Sums {
  Lanes first;
  Sums<V - 1> others;
  REEL_INLINE void begin(const float* y) { first = load(y), others.begin(y + kLanes); }
  REEL_INLINE void begin_from_zero() { first = Lanes{}, others.begin_from_zero(); }
  REEL_INLINE void add(Lanes x, const float* w) { first += x * load(w), others.add(x, w + kLanes); }
  REEL_INLINE void add(const Sums& x) { first += x.first, others.add(x.others); }
  REEL_INLINE void end(float* y) const { store(first, y), others.end(y + kLanes); }
};
template <>
struct Sums<0> {
  REEL_INLINE void begin(const float*) {}
  REEL_INLINE void begin_from_zero() {}
  REEL_INLINE void add(Lanes, const float*) {}
  REEL_INLINE void add(const Sums&) {}
  REEL_INLINE void end(float*) const {}
};

// y[n] = begin[n] + sum over k of x[k] w[k][n] for V vectors of columns; rows of w lie `kRow` apart.
template <int K, int V, int kRow>
REEL_INLINE void multiply_columns(const float* x, const float* w, const float* begin, float* y) {
  Sums<V> sums;
  sums.begin(begin);
  int k = 0;
  if constexpr (V <= 2) {  // two chains of additions, as one waits for the last
    Sums<V> odd;
    odd.begin_from_zero();
    for (; k + 1 < K; k += 2) {
      sums.add(all_lanes(x[k]), w + k * kRow);
      odd.add(all_lanes(x[k + 1]), w + (k + 1) * kRow);
    }
    sums.add(odd);
  }
  for (; k < K; ++k) sums.add(all_lanes(x[k]), w + k * kRow);
  sums.end(y);
}
template <int K, int kWidth>
REEL_INLINE void multiply_panel(const float* x, const float* w, const float* begin, float* y) {
  constexpr int kAtOnce = 8 * kLanes, kWhole = kWidth / kAtOnce * kAtOnce;
  for (int n = 0; n < kWhole; n += kAtOnce) multiply_columns<K, 8, kWidth>(x, w + n, begin + n, y + n);
  if constexpr (kWhole < kWidth) multiply_columns<K, (kWidth - kWhole) / kLanes, kWidth>(x, w + kWhole, begin + kWhole, y + kWhole);
}
// y[n] = begin[n] + sum over k of x[k] w[k][n], N a multiple of 16; w in panels of 128 columns.
template <int K, int N>
REEL_INLINE void multiply(const float* x, const float* w, const float* begin, float* y) {
  constexpr int kPanel = 128, kWhole = N / kPanel * kPanel;
  for (int n = 0; n < kWhole; n += kPanel) multiply_panel<K, kPanel>(x, w + n * K, begin + n, y + n);
  if constexpr (kWhole < N) multiply_panel<K, N - kWhole>(x, w + kWhole * K, begin + kWhole, y + kWhole);
}
)",
                           {&kLanes}};

const CppFunction kDots{R"(// y[n] = begin[n] + sum over k of x[k] w[n][k], for few columns.
template <int K, int N>
REEL_INLINE void multiply_few(const float* x, const float* w, const float* begin, float* y) {
  for (int n = 0; n < N; ++n, w += K) {
    float sums[16] = {}, rest = begin[n];
    int k = 0;
    for (; k + 16 <= K; k += 16)
      for (int i = 0; i < 16; ++i) sums[i] += x[k + i] * w[k + i];
    for (; k < K; ++k) rest += x[k] * w[k];
    for (int i = 0; i < 8; ++i) sums[i] += sums[i + 8];
    for (int i = 0; i < 4; ++i) sums[i] += sums[i + 4];
    y[n] = ((sums[0] + sums[2]) + (sums[1] + sums[3])) + rest;
  }
}
)"};

constexpr Index kPanel = 128;     // columns: bench_stream, who "emitted"; 64 take 1.2 times as long at 64 units
constexpr Index kFewColumns = 8;  // below which a product is rows of dots
constexpr Index kMultiple = CppWriter::kRoom;

class ProductForm {
 public:
  ProductForm(CppWriter& writer, const GroupedMatmulLayout& layout)
      : w_(writer), steps_(layout.steps), terms_(layout.terms), groups_(layout.groups), init_(layout.init) {
    for (Index p = 0; p < terms_; ++p) K_ += x(0, p).shape.last();
    each_ = w_.x(static_cast<int>(steps_ * terms_)).shape.dim(1);
    N_ = groups_ * each_;
    few_ = N_ < kFewColumns;
    width_ = few_ ? N_ : round_up(N_, kMultiple);
  }

  void write() {
    if (N_ == 0) return;
    const Index rows = x(0, 0).shape.leading();
    w_.use(few_ ? kDots : kProduct);
    const std::string weights = w_.constants(packed());
    for (Index s = 0; s < steps_; ++s) {
      const std::string y = cpp_offset(w_.y(), s * N_);
      w_.line("{");
      if (rows > 1) w_.line(fmt::format("for (int m = 0; m < {}; ++m) {{", rows));
      const std::string row_y = rows > 1 ? fmt::format("{} + m * {}", y, N_) : y;
      const std::string left = left_of(s, rows), begin = begin_of(s, row_y);
      w_.line(fmt::format("  {}<{}, {}>({}, {}, {}, {});", few_ ? "multiply_few" : "multiply", K_, width_, left, weights, begin,
                          row_y));
      if (rows > 1) w_.line("}");
      w_.line("}");
    }
  }

 private:
  int left_port(Index s, Index p) const { return static_cast<int>(s * terms_ + p); }
  const CppOperand& x(Index s, Index p) const { return w_.x(left_port(s, p)); }
  const CppOperand& weight(Index p, Index g) const { return w_.x(static_cast<int>(steps_ * terms_ + p * groups_ + g)); }
  int init_port(Index s, Index g) const { return static_cast<int>(steps_ * terms_ + terms_ * groups_ + s * groups_ + g); }
  const CppOperand& init(Index s, Index g) const { return w_.x(init_port(s, g)); }
  // The weights of all terms and groups as one matrix [K, N], in the order in which they are read.
  std::vector<float> packed() const {
    std::vector<float> all(static_cast<std::size_t>(K_ * width_));
    Index first = 0;  // row of the term
    for (Index p = 0; p < terms_; ++p) {
      const Index K = x(0, p).shape.last();
      for (Index g = 0; g < groups_; ++g) {
        const CppOperand& w = weight(p, g);
        if (!w.known) throw InputError("[matmul] by what is no parameter has no form in C++");
        for (Index k = 0; k < K; ++k)
          for (Index n = 0; n < each_; ++n)
            all[static_cast<std::size_t>(place(first + k, g * each_ + n))] = w.number(k * each_ + n);
      }
      first += K;
    }
    return all;
  }
  Index place(Index k, Index n) const {
    if (few_) return n * K_ + k;
    const Index panel = n / kPanel * kPanel, columns = std::min(kPanel, width_ - panel);
    return panel * K_ + k * columns + n - panel;
  }

  // Where the left operands of a step lie side by side.
  std::string left_of(Index s, Index rows) {
    if (terms_ == 1) {
      const std::string x = w_.pointer(left_port(s, 0));
      return rows > 1 ? fmt::format("{} + m * {}", x, K_) : x;
    }
    w_.line(fmt::format("  alignas(64) float left[{}];", std::max<Index>(K_, 1)));
    Index at = 0;
    for (Index p = 0; p < terms_; ++p) {
      copy(left_port(s, p), "left", at);
      at += x(s, p).size();
    }
    return "left";
  }

  // What the sums of a step begin from: the result itself, once it holds that, where it is not known beforehand.
  std::string begin_of(Index s, const std::string& y) {
    bool known = init_;
    for (Index g = 0; g < groups_ && init_; ++g) known &= init(s, g).known;
    if (known) {
      std::vector<float> numbers(static_cast<std::size_t>(width_));
      for (Index n = 0; n < N_; ++n) numbers[static_cast<std::size_t>(n)] = init(s, n / each_).number(n % each_);
      return w_.constants(numbers);
    }
    if (!init_) w_.line(fmt::format("  for (int i = 0; i < {}; ++i) {} = 0;", width_, cpp_element_at(y, "i")));
    for (Index g = 0; g < groups_ && init_; ++g) copy(init_port(s, g), y, g * each_);
    if (init_ && width_ > N_) w_.line(fmt::format("  for (int i = {}; i < {}; ++i) {} = 0;", N_, width_, cpp_element_at(y, "i")));
    return y;
  }

  void copy(int from, const std::string& to, Index at) {
    w_.line(fmt::format("  for (int i = 0; i < {}; ++i) {} = {};", w_.x(from).size(), cpp_element_at(cpp_offset(to, at), "i"),
                        w_.element(from, "i")));
  }

  CppWriter& w_;
  Index steps_, terms_, groups_;
  bool init_;
  Index K_ = 0, each_ = 0, N_ = 0, width_ = 0;  // of all terms; of a group; of all groups; with zeros up to a multiple
  bool few_ = false;
};

}  // namespace

void write_product_cpp(CppWriter& writer, const GroupedMatmulLayout& layout) { ProductForm(writer, layout).write(); }

}  // namespace reel
