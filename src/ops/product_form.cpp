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
REEL_INLINE Lanes all_lanes(float x) { return x - Lanes{}; }  // without rounding, nor an addition
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

// Adds what x and those after it give, each by as many rows of w as it has elements.
template <int V, int kRow>
REEL_INLINE void add_terms(Sums<V>&, const float*) {}
template <int V, int kRow, int K, int... kOthers, class... Others>
REEL_INLINE void add_terms(Sums<V>& sums, const float* w, const float* x, Others... others) {
  constexpr int kChained = V <= 2 ? K / 4 * 4 : 0;
  if constexpr (kChained > 0) {  // several chains of additions, as each waits for its last one
    Sums<V> second, third, fourth;
    second.begin_from_zero(), third.begin_from_zero(), fourth.begin_from_zero();
    for (int k = 0; k < kChained; k += 4) {
      sums.add(all_lanes(x[k]), w + k * kRow);
      second.add(all_lanes(x[k + 1]), w + (k + 1) * kRow);
      third.add(all_lanes(x[k + 2]), w + (k + 2) * kRow);
      fourth.add(all_lanes(x[k + 3]), w + (k + 3) * kRow);
    }
    sums.add(second), third.add(fourth), sums.add(third);
  }
  for (int k = kChained; k < K; ++k) sums.add(all_lanes(x[k]), w + k * kRow);
  add_terms<V, kRow, kOthers...>(sums, w + K * kRow, others...);
}

// y[n] = begin[n] + sum over terms and k of x[k] w[k][n] for kWidth columns, of which rows lie kRow apart.
template <int kWidth, int kRow, int... K, class... X>
REEL_INLINE void multiply_columns(const float* w, const float* begin, float* y, X... x) {
  Sums<kWidth / kLanes> sums;
  sums.begin(begin);
  add_terms<kWidth / kLanes, kRow, K...>(sums, w, x...);
  sums.end(y);
}
template <int kWidth, int... K, class... X>
REEL_INLINE void multiply_panel(const float* w, const float* begin, float* y, X... x) {
  constexpr int kAtOnce = 8 * kLanes, kWhole = kWidth / kAtOnce * kAtOnce;
  for (int n = 0; n < kWhole; n += kAtOnce) multiply_columns<kAtOnce, kWidth, K...>(w + n, begin + n, y + n, x...);
  if constexpr (kWhole < kWidth)
    multiply_columns<kWidth - kWhole, kWidth, K...>(w + kWhole, begin + kWhole, y + kWhole, x...);
}
// y[n] = begin[n] + sum over terms and k of x[k] w[k][n], N a multiple of 16; w in panels of 128 columns.
template <int N, int... K, class... X>
REEL_INLINE void multiply(const float* w, const float* begin, float* y, X... x) {
  constexpr int kPanel = 128, kWhole = N / kPanel * kPanel, kRows = (K + ...);
  for (int n = 0; n < kWhole; n += kPanel) multiply_panel<kPanel, K...>(w + n * kRows, begin + n, y + n, x...);
  if constexpr (kWhole < N) multiply_panel<N - kWhole, K...>(w + kWhole * kRows, begin + kWhole, y + kWhole, x...);
}
)",
                           {&kLanes}};

const CppFunction kDots{R"(template <int K>
REEL_INLINE float dot(const float* x, const float* w) {
  constexpr int kAtOnce = K < 8 ? 4 : K < 16 ? 8 : 16;
  float sums[kAtOnce] = {}, rest = 0;
  constexpr int kWhole = K / kAtOnce * kAtOnce;
  for (int k = 0; k < kWhole; k += kAtOnce)
    for (int i = 0; i < kAtOnce; ++i) sums[i] += x[k + i] * w[k + i];
  for (int k = kWhole; k < K; ++k) rest += x[k] * w[k];
  if constexpr (kAtOnce > 8)
    for (int i = 0; i < 8; ++i) sums[i] += sums[i + 8];
  if constexpr (kAtOnce > 4)
    for (int i = 0; i < 4; ++i) sums[i] += sums[i + 4];
  return ((sums[0] + sums[2]) + (sums[1] + sums[3])) + rest;
}
template <class = void>
REEL_INLINE float dots(const float*) { return 0; }
template <int K, int... kOthers, class... Others>
REEL_INLINE float dots(const float* w, const float* x, Others... others) {
  return dot<K>(x, w) + dots<kOthers...>(w + K, others...);
}
// y[n] = begin[n] + sum over terms and k of x[k] w[n][k], for few columns.
template <int N, int... K, class... X>
REEL_INLINE void multiply_few(const float* w, const float* begin, float* y, X... x) {
  for (int n = 0; n < N; ++n) y[n] = begin[n] + dots<K...>(w + n * (K + ...), x...);
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
      const std::string begin = begin_of(s, row_y);
      std::string sizes, lefts;
      for (Index p = 0; p < terms_; ++p) {
        const std::string left = w_.pointer(left_port(s, p));
        sizes += fmt::format(", {}", x(s, p).shape.last());
        lefts += fmt::format(", {}", rows > 1 ? fmt::format("{} + m * {}", left, K_) : left);
      }
      w_.line(fmt::format("  {}<{}{}>({}, {}, {}{});", few_ ? "multiply_few" : "multiply", width_, sizes, weights, begin, row_y,
                          lefts));
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
