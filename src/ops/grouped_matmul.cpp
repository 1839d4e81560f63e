#include <reel/ops/grouped_matmul.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/fixed_sum.h>
#include <reel/ops/kernels/bf16.h>
#include <reel/ops/kernels/gemm.h>
#include <reel/ops/packed_weights.h>
#include <reel/ops/product_form.h>
#include <reel/ops/scalar.h>
#include <reel/ops/transpose.h>

namespace reel {
namespace {

using kernels::gemm_kernels;

bool rounds_left(Precision p) { return in_pairs(p) && p != Precision::bf16_weights; }

// The shape of the result, from the first x and N.
Shape result_shape(const GroupedMatmulLayout& layout, const Shape& x, Index N) {
  return layout.results() == 1 ? x.with_dim(-1, N) : Shape{x.rows(), layout.results(), N};
}

// Of x (steps x terms) and what follows.
double flop_of(const GroupedMatmulLayout& layout, std::span<const Signature> x, const Signature& y, const RunContext& run) {
  double per_result = layout.init ? 1 : 0;
  for (const Signature& term : x.first(static_cast<std::size_t>(layout.terms)))
    per_result += 2 * static_cast<double>(term.shape.last());
  return per_result * static_cast<double>(y.elements(run));
}

// The product of one row and one step.
template <class T>
class BoundProduct final : public BoundCall {
 public:
  BoundProduct(const GroupedMatmulLayout& layout, Index N, const KernelCall& c)
      : products_(gemm_kernels<T>().products),
        whole_vectors_(round_up(N, gemm_kernels<T>().lanes)),
        call_(c),
        terms_(size(layout.terms)),
        groups_(size(layout.groups)) {
    const std::size_t P = terms_.size(), G = groups_.size();
    x_.resize(P);
    init_.resize(layout.init ? G : 0);
    y_.resize(G);
    for (std::size_t p = 0; p < P; ++p) terms_[p] = {&x_[p], nullptr, c.x[p].shape->last()};
    for (std::size_t g = 0; g < G; ++g) groups_[g] = {layout.init ? &init_[g] : nullptr, &y_[g]};
  }
  void run() override {
    const std::size_t P = terms_.size(), G = groups_.size();
    for (std::size_t p = 0; p < P; ++p) {
      x_[p].first = call_.x[p].row<const T>(0);
      terms_[p].packed = call_.x[P + p].row<const T>(0);
    }
    for (std::size_t g = 0; g < init_.size(); ++g) init_[g].first = call_.x[2 * P + g].row<const T>(0);
    for (std::size_t g = 0; g < G; ++g) y_[g].first = call_.results[g].row<T>(0);
    products_(1, 1, whole_vectors_, terms_, groups_, {});
  }
  std::size_t bytes() const override {
    return sizeof *this + terms_.size() * (sizeof terms_[0] + sizeof x_[0]) +
           groups_.size() * (sizeof groups_[0] + sizeof y_[0]) + init_.size() * sizeof(kernels::RowRun<const T>);
  }

 private:
  static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

  decltype(kernels::GemmKernels<T>::products) products_;
  Index whole_vectors_;  // what the results are as wide as, up to zeros that follow
  KernelCall call_;
  std::vector<kernels::ProductTerm<T>> terms_;
  std::vector<kernels::ProductGroup<T>> groups_;
  std::vector<kernels::RowRun<const T>> x_, init_;
  std::vector<kernels::RowRun<T>> y_;
};

// Products over packed weights: inputs x (steps x terms), one pack per term, init.
class PackedMatmul final : public OpOf<PackedMatmul> {
 public:
  static constexpr std::string_view kName = "packed_matmul";
  PackedMatmul(GroupedMatmulLayout layout, Index N, Element element)
      : layout_(layout), N_(N), element_(element), form_(element, layout.products) {}
  auto key() const { return std::tuple_cat(layout_.key(), std::tuple(N_, static_cast<int>(element_)), form_.key()); }
  std::string attributes() const override {
    return fmt::format("{} steps {} terms {} groups N={}{}{}", layout_.steps, layout_.terms, layout_.groups, N_,
                       layout_.init ? " +init" : "", products_text());
  }
  Signature infer(const Arguments& x) const override { return {Type::real, result_shape(layout_, x.shape(0), N_)}; }
  double flop(std::span<const Signature> x, const Signature& y, const RunContext& run) const override {
    return flop_of(layout_, x, y, run);
  }
  Traits traits() const override { return {.shares_columns = true, .multi_output = layout_.results() > 1}; }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Index G = layout_.groups, P = layout_.terms;
    for (Index i = 0; i < e.y.size; ++i) {
      const Index n = i % N_, result = i / N_ % layout_.results(), row = i / N_ / layout_.results();
      const Index s = result / G, g = result % G;
      S sum = layout_.init ? e.x[static_cast<std::size_t>(layout_.steps * P + P + result)].real[row * N_ + n] : S{};
      for (Index p = 0; p < P; ++p) {
        const auto& x = e.x[static_cast<std::size_t>(s * P + p)];
        const Index K = x.shape->last();
        const S* w = e.x[static_cast<std::size_t>(layout_.steps * P + p)].real;
        sum += sum_across<S>(K, [&](Index k) {
          const S left = x.real[row * K + k];
          return (rounds_left(layout_.products) ? rounded_to_bf16(left) : left) * w[form_.place(K, N_, G, g, k, n)];
        });
      }
      e.y.real[i] = sum;
    }
  }

  std::size_t scratch_bytes(Element, std::span<const Signature> x) const override {
    const std::size_t lists = list_bytes(static_cast<std::size_t>(layout_.steps));
    if (!form_.pairs()) return lists;
    return lists + list_bytes(kRowsAtOnce) + kAlignment + kept_columns(x) * kRowsAtOnce * sizeof(float);
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    if (c.x[0].shape->leading() != 1) return run_matrix_rows<T>(c);
    const auto P = static_cast<std::size_t>(layout_.terms), G = static_cast<std::size_t>(layout_.groups),
               S = static_cast<std::size_t>(layout_.steps);
    auto* terms = reinterpret_cast<kernels::ProductTerm<T>*>(c.scratch);
    auto* groups = reinterpret_cast<kernels::ProductGroup<T>*>(terms + P);
    auto* inputs = reinterpret_cast<kernels::RowRun<const T>*>(groups + G);
    auto* results = reinterpret_cast<kernels::RowRun<T>*>(inputs + S * (P + G));
    // The ports of every step, `each` apart; their rows need not be spaced alike.
    const auto runs_of = [S](auto*& list, std::span<const KernelOperand> ports, std::size_t first, std::size_t each) {
      auto* begin = list;
      for (std::size_t s = 0; s < S; ++s) {
        const KernelOperand& port = ports[first + s * each];
        *list++ = {port.template row<T>(0), port.stride};
      }
      return begin;
    };
    for (std::size_t p = 0; p < P; ++p)
      terms[p] = {runs_of(inputs, c.x, p, P), c.x[S * P + p].row<const T>(0), c.x[p].shape->last()};
    for (std::size_t g = 0; g < G; ++g)
      groups[g] = {layout_.init ? runs_of(inputs, c.x, S * P + P + g, G) : nullptr, runs_of(results, c.results, g, G)};
    multiply<T>(static_cast<Index>(S), c.rows, std::span<const kernels::ProductTerm<T>>(terms, P),
                std::span<const kernels::ProductGroup<T>>(groups, G), {c.task, c.tasks}, reinterpret_cast<std::byte*>(results));
  }

  template <class T>
  std::unique_ptr<BoundCall> bind_as(const KernelCall& c) const {
    if (form_.pairs() || layout_.steps != 1 || c.x[0].shape->leading() != 1) return nullptr;
    return std::make_unique<BoundProduct<T>>(layout_, N_, c);
  }

 private:
  // Rows that are rounded, and multiplied then. 32 take 1.15 and 128 .99 of the time of 64 (bench_rnn lstm_b32: train_bf16_ms;
  // Xeon, Emerald Rapids, medians of three rounds in turns).
  static constexpr std::size_t kRowsAtOnce = 64;

  // Of the lists of a call of so many steps.
  std::size_t list_bytes(std::size_t steps) const {
    const auto P = static_cast<std::size_t>(layout_.terms), G = static_cast<std::size_t>(layout_.groups);
    return P * sizeof(kernels::ProductTerm<double>) + G * sizeof(kernels::ProductGroup<double>) +
           steps * (P + 2 * G) * sizeof(kernels::RowRun<double>);
  }
  std::size_t kept_columns(std::span<const Signature> x) const {
    Index columns = 0;
    for (const Signature& term : x.first(static_cast<std::size_t>(layout_.terms))) columns += form_.kept(term.shape.last());
    return static_cast<std::size_t>(columns);
  }
  std::string products_text() const {
    if (!form_.pairs()) return {};
    if (!rounds_left(layout_.products)) return " bf16 weights";
    return fmt::format(" {}", kernels::bf16_path_name(layout_.products));
  }

  // `scratch`: what the caller's lists left.
  template <class T>
  void multiply(Index steps, Index rows, std::span<const kernels::ProductTerm<T>> terms,
                std::span<const kernels::ProductGroup<T>> groups, kernels::ColumnPart part,
                [[maybe_unused]] std::byte* scratch) const {
    if constexpr (std::is_same_v<T, float>)
      if (form_.pairs()) {
        const bool rounds = rounds_left(layout_.products);
        const auto own = kernels::bf16_kernels(kernels::bf16_path(layout_.products));
        if (rounds && own.products)
          return multiply_pairs<kernels::Bf16Operands>(own.products, own.round, steps, rows, terms, groups, part, scratch);
        const auto of_floats = kernels::bf16_weights_kernels();
        return multiply_pairs<kernels::Bf16Weights>(of_floats.products, rounds ? of_floats.round : &copy_even, steps, rows, terms,
                                                    groups, part, scratch);
      }
    gemm_kernels<T>().products(steps, rows, N_, terms, groups, part);
  }

  static void copy_even(const float* x, float* y, Index n) {
    std::copy_n(x, n, y);
    if (n % 2 == 1) y[n] = 0;
  }

  // A few rows of the left operands at a time, as the kernel takes them.
  template <class Types>
  void multiply_pairs(kernels::Bf16Products<Types> products, void (*convert)(const float*, typename Types::Left*, Index),
                      Index steps, Index rows, std::span<const kernels::ProductTerm<float>> terms,
                      std::span<const kernels::ProductGroup<float>> groups, kernels::ColumnPart part, std::byte* scratch) const {
    using Left = typename Types::Left;
    constexpr auto kAtOnce = static_cast<Index>(kRowsAtOnce);
    const Index most_rows = std::min(rows, kAtOnce), most_steps = rows == 0 ? 1 : std::max<Index>(kAtOnce / rows, 1);
    auto* own_terms = reinterpret_cast<kernels::TermOf<Types>*>(scratch);
    auto* own_groups = reinterpret_cast<kernels::ProductGroup<float>*>(own_terms + terms.size());
    auto* x_runs = reinterpret_cast<kernels::RowRun<const Left>*>(own_groups + groups.size());
    auto* y_runs = reinterpret_cast<kernels::RowRun<float>*>(x_runs + terms.size() * kRowsAtOnce);
    auto* init_runs = reinterpret_cast<kernels::RowRun<const float>*>(y_runs + groups.size() * kRowsAtOnce);
    auto* const kept = reinterpret_cast<Left*>(aligned(reinterpret_cast<std::byte*>(init_runs + groups.size() * kRowsAtOnce)));
    for (Index step = 0; step < steps; step += most_steps)
      for (Index row = 0; row < rows; row += most_rows) {
        const Index some_steps = std::min(most_steps, steps - step), some_rows = std::min(most_rows, rows - row);
        Left* to = kept;
        for (std::size_t p = 0; p < terms.size(); ++p) {
          const Index K = terms[p].K, width = form_.kept(K);
          auto* runs = x_runs + p * kRowsAtOnce;
          for (Index s = 0; s < some_steps; ++s) {
            runs[s] = {to, width};
            for (Index r = 0; r < some_rows; ++r, to += width) convert(terms[p].x[step + s].row(row + r), to, K);
          }
          own_terms[p] = {runs, reinterpret_cast<const Bf16*>(terms[p].packed), width};
        }
        for (std::size_t g = 0; g < groups.size(); ++g) {
          auto* y = y_runs + g * kRowsAtOnce;
          auto* init = init_runs + g * kRowsAtOnce;
          for (Index s = 0; s < some_steps; ++s) {
            y[s] = {groups[g].y[step + s].row(row), groups[g].y[step + s].stride};
            if (groups[g].init) init[s] = {groups[g].init[step + s].row(row), groups[g].init[step + s].stride};
          }
          own_groups[g] = {groups[g].init ? init : nullptr, y};
        }
        products(some_steps, some_rows, N_, std::span<const kernels::TermOf<Types>>(own_terms, terms.size()),
                 std::span<const kernels::ProductGroup<float>>(own_groups, groups.size()), part);
      }
  }
  static std::byte* aligned(std::byte* p) {
    const auto address = reinterpret_cast<std::uintptr_t>(p);
    return p + (static_cast<std::uintptr_t>(kAlignment) - address % kAlignment) % kAlignment;
  }

  // One term and one result: [B, M, K] is B M rows of K.
  template <class T>
  void run_matrix_rows(const KernelCall& c) const {
    const Index lead = c.x[0].shape->leading(), K = c.x[0].shape->last();
    const bool dense = c.rows == 1 || c.x[0].stride == c.x[0].shape->row_size();
    for (Index r = 0; r < (dense ? 1 : c.rows); ++r) {
      T* const x = c.x[0].row<T>(r);
      T* const y = c.y.row<T>(r);
      const kernels::RowRun<const T> left{x, K};
      const kernels::RowRun<T> result{y, N_};
      const kernels::ProductTerm<T> term{&left, c.x[1].row<const T>(0), K};
      const kernels::ProductGroup<T> group{nullptr, &result};
      multiply<T>(1, dense ? c.rows * lead : lead, std::span(&term, 1), std::span(&group, 1), {c.task, c.tasks}, c.scratch);
    }
  }

  GroupedMatmulLayout layout_;
  Index N_;
  Element element_;
  PackedForm form_;
};

// Products over weights as they are: inputs x (steps x terms), weights (terms x groups), init (steps x groups).
class GroupedMatmul final : public OpOf<GroupedMatmul> {
 public:
  static constexpr std::string_view kName = "grouped_matmul";
  explicit GroupedMatmul(GroupedMatmulLayout layout) : layout_(layout) {}
  auto key() const { return layout_.key(); }
  std::string attributes() const override {
    return fmt::format("{} steps {} terms {} groups{}{}", layout_.steps, layout_.terms, layout_.groups,
                       layout_.init ? " +init" : "", in_pairs(layout_.products) ? " bf16" : "");
  }
  const GroupedMatmulLayout& layout() const { return layout_; }

  Signature infer(const Arguments& x) const override {
    const int weights = static_cast<int>(layout_.steps * layout_.terms);
    const int inits = weights + static_cast<int>(layout_.terms * layout_.groups);
    x.require_count(inits + (layout_.init ? static_cast<int>(layout_.results()) : 0));
    x.require_all(Type::real);
    const Index N = x.shape(weights).dim(1);
    for (int i = 0; i < weights; ++i) {
      const Index p = i % layout_.terms;
      const Shape& w = x.shape(weights + static_cast<int>(p * layout_.groups));
      if (x.shape(i).rank() == 0 || x.shape(i).last() != w.dim(0))
        throw ShapeError(fmt::format("inner dimensions differ: {} by {}", x.describe(i),
                                     x.describe(weights + static_cast<int>(p * layout_.groups))));
      if (weights > 1 && x.shape(i).with_dim(-1, 0) != Shape{x.shape(0).rows(), 0})
        throw ShapeError(fmt::format("several terms take rows [B, K], not {}", x.describe(i)));
    }
    for (int i = weights; i < inits; ++i)
      if (x.shape(i).batched() || x.shape(i).rank() != 2 || x.shape(i).dim(1) != N)
        throw ShapeError(fmt::format("the weights must be [K, {}]: {}", N, x.describe(i)));
    for (int i = inits; i < x.size(); ++i)
      if (const Shape row{x.shape(0).rows(), N}; x.shape(i) != row)
        throw ShapeError(fmt::format("the sums must begin from {}, not {}", row.text(), x.describe(i)));
    return {Type::real, result_shape(layout_, x.shape(0), N)};
  }
  double flop(std::span<const Signature> x, const Signature& y, const RunContext& run) const override {
    return flop_of(layout_, x, y, run);
  }
  Traits traits() const override { return {.multi_output = layout_.results() > 1}; }

  Var lower(std::span<const Var> x, Var y, Element element) const override {
    Tape& tape = y.tape();
    const CallSite site = tape.node(y.id()).site;
    const auto S = static_cast<std::size_t>(layout_.steps), P = static_cast<std::size_t>(layout_.terms),
               G = static_cast<std::size_t>(layout_.groups);
    std::vector<Var> inputs(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(S * P));
    for (std::size_t p = 0; p < P; ++p) {
      std::vector<Var> weights;
      std::vector<bool> transposed;
      for (const Var& w : x.subspan(S * P + p * G, G)) {
        transposed.push_back(is_transpose(tape, w.id()));
        weights.push_back(transposed.back() ? tape.var(tape.inputs(w.id())[0]) : w);
      }
      inputs.push_back(packed_weights(tape, weights, transposed, element, layout_.products, site));
    }
    for (const Var& init : x.subspan(S * P + P * G)) inputs.push_back(init);
    return tape.append(PackedMatmul(layout_, y.shape().last(), element), inputs, site);
  }

  void write_cpp(CppWriter& writer) const override { write_product_cpp(writer, layout_); }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Index G = layout_.groups, P = layout_.terms, N = e.y.shape->last();
    for (Index i = 0; i < e.y.size; ++i) {
      const Index n = i % N, result = i / N % layout_.results(), row = i / N / layout_.results();
      const Index s = result / G, g = result % G;
      S sum = layout_.init ? e.x[static_cast<std::size_t>(layout_.steps * P + P * G + result)].real[row * N + n] : S{};
      for (Index p = 0; p < P; ++p) {
        const auto& x = e.x[static_cast<std::size_t>(s * P + p)];
        const S* w = e.x[static_cast<std::size_t>(layout_.steps * P + p * G + g)].real;
        const Index K = x.shape->last();
        sum += sum_across<S>(K, [&](Index k) {
          const S left = x.real[row * K + k], right = w[k * N + n];
          return (rounds_left(layout_.products) ? rounded_to_bf16(left) : left) *
                 (in_pairs(layout_.products) ? rounded_to_bf16(right) : right);
        });
      }
      e.y.real[i] = sum;
    }
  }

 private:
  GroupedMatmulLayout layout_;
};

}  // namespace

Var grouped_matmul(const GroupedMatmulLayout& layout, std::span<const Var> x, std::span<const Var> weights,
                   std::span<const Var> init, CallSite site) {
  std::vector<Var> inputs(x.begin(), x.end());
  inputs.insert(inputs.end(), weights.begin(), weights.end());
  inputs.insert(inputs.end(), init.begin(), init.end());
  return grouped_matmul(layout, inputs, site);
}

Var grouped_matmul(const GroupedMatmulLayout& layout, std::span<const Var> inputs, CallSite site) {
  return inputs[0].tape().append(GroupedMatmul(layout), inputs, site);
}

const GroupedMatmulLayout* grouped_matmul_layout(const Tape& tape, NodeId id) {
  const GroupedMatmul* op = GroupedMatmul::from(*tape.node(id).op);
  return op ? &op->layout() : nullptr;
}

}  // namespace reel
