#include <reel/ops/weight_gradient.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/fixed_sum.h>
#include <reel/ops/matmul.h>
#include <reel/ops/scalar.h>
#include <reel/ops/transpose.h>
#include <reel/ops/weight_gradient_task.h>

namespace reel {
namespace {

using namespace weight_gradients;

class WeightGradient final : public OpOf<WeightGradient> {
 public:
  static constexpr std::string_view kName = "weight_gradient";
  explicit WeightGradient(WeightGradientLayout layout = {}) : layout_(layout) {}
  auto key() const { return layout_.key(); }
  std::string attributes() const override {
    if (layout_.key() == WeightGradientLayout{}.key()) return {};
    return fmt::format("{} lefts {} groups{}{}{}{}", layout_.lefts, layout_.groups, layout_.sums ? " +sums" : "",
                       layout_.products == Precision::full ? "" : " bf16", layout_.continues ? " continued" : "",
                       layout_.suspends ? " to be continued" : "");
  }
  const WeightGradientLayout& layout() const { return layout_; }

  Signature infer(const Arguments& x) const override {
    const int L = static_cast<int>(layout_.lefts), each = static_cast<int>(layout_.operands()), begin = layout_.continues;
    const int count = x.size() - begin;
    if (count <= 0 || count % each) throw ShapeError(fmt::format("takes {} inputs per step, was given {}", each, count));
    x.require_all(Type::real);
    for (int i = begin; i < x.size(); ++i) {
      const int first = (i - begin) % each, left = i - first;
      const Shape &a = x.shape(left), &b = x.shape(i);
      if (a.rank() == 0 || b.rank() == 0 || a.rows() != b.rows() || a.without(-1) != b.without(-1))
        throw ShapeError(fmt::format("leading dimensions differ: {} and {}", x.describe(left), x.describe(i)));
      const int like = begin + (first < L ? first : L);  // of the first step
      if (b.last() != x.shape(like).last())
        throw ShapeError(fmt::format("widths differ: {} and {}", x.describe(like), x.describe(i)));
    }
    const auto [M, N] = result_size(layout_, [&](Index i) -> const Shape& { return x.shape(begin + static_cast<int>(i)); });
    if (layout_.suspends) return {Type::real, Shape{layout_.state}};
    return {Type::real, layout_.groups > 1 ? Shape{layout_.groups, M, N} : Shape{M, N}};
  }

  std::vector<Var> adjoint(std::span<const Var> x, Var y, Var dy) const override {
    if (layout_.operands() != 2 || layout_.sums || layout_.continues || layout_.suspends)
      return Op::adjoint(x, y, dy);  // a form of plans
    std::vector<Var> dx;
    const Var turned = transpose(dy);
    for (std::size_t i = 0; i < x.size(); i += 2) {
      dx.push_back(matmul(x[i + 1], turned));
      dx.push_back(matmul(x[i], dy));
    }
    return dx;
  }

  Traits traits() const override {
    return {.merges_in_sums = !layout_.continues && !layout_.suspends,
            .updates_first = layout_.continues && layout_.suspends,
            .multi_output = layout_.groups > 1 && !layout_.suspends,
            .continues = layout_.continues,
            .suspends = layout_.suspends};
  }
  double flop(std::span<const Signature> inputs, const Signature&, const RunContext& run) const override {
    double sum = 0;
    const auto x = operands(inputs);
    const auto [M, N] = size_of(x);
    for (std::size_t i = 0; i < x.size(); i += static_cast<std::size_t>(layout_.operands()))
      sum += static_cast<double>(x[i].shape.leading() * run.rows_of(x[i].shape));
    return 2 * sum * static_cast<double>(M * N * layout_.groups);
  }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const auto L = static_cast<std::size_t>(layout_.lefts), each = static_cast<std::size_t>(layout_.operands());
    const auto x = e.x.subspan(layout_.continues);
    const S* so_far = layout_.continues ? e.x[0].real : nullptr;
    const Index N = x[L].shape->last();
    std::vector<std::pair<std::size_t, Index>> rows;  // of all steps: the step's first operand, and the row
    for (std::size_t i = 0; i < x.size(); i += each)
      for (Index r = 0; r < e.rows(*x[i].shape) * x[i].shape->leading(); ++r) rows.emplace_back(i, r);
    // y[m, n] of a group; `left` gives what multiplies the right operand's element in a row.
    const auto sum_over_rows = [&](std::size_t right, Index n, auto left) {
      return (so_far ? *so_far++ : S{}) + sum_across<S>(static_cast<Index>(rows.size()), [&](Index i) {
               const auto [step, r] = rows[static_cast<std::size_t>(i)];
               const S b = x[step + right].real[r * N + n];
               if (b == S(0)) return S{};
               const S a = left(step, r);
               return layout_.products == Precision::full ? a * b : rounded_to_bf16(a) * rounded_to_bf16(b);
             });
    };
    S* y = e.y.real;
    for (std::size_t g = L; g < each; ++g) {
      for (std::size_t l = 0; l < L; ++l) {
        const Index width = x[l].shape->last();
        for (Index m = 0; m < width; ++m)
          for (Index n = 0; n < N; ++n)
            *y++ = sum_over_rows(g, n, [&](std::size_t step, Index r) { return x[step + l].real[r * width + m]; });
      }
      for (Index n = 0; n < N && layout_.sums; ++n) *y++ = sum_over_rows(g, n, [](std::size_t, Index) { return S(1); });
    }
    std::fill(y, e.y.real + e.y.size, S{});  // a state begins with the sums so far
  }

  Index tasks(Element element, std::span<const Signature> x, const Signature&) const override {
    const auto [M, N] = size_of(operands(x));
    return Tasks(M, N, layout_.groups, lanes_of(element), width_of(element)).count();
  }

  std::size_t scratch_bytes(Element element, std::span<const Signature> inputs) const override {
    const auto x = operands(inputs);
    const std::size_t number = element == Element::f32 ? sizeof(float) : sizeof(double);
    Index M = 1;
    for (const Signature& left : x.first(static_cast<std::size_t>(layout_.lefts))) M += left.shape.last();
    const Index columns = std::min(round_up(M, kernels::kStrip), kTaskColumns), width = width_of(element) * kTaskPanels;
    const Index N = round_up(x[static_cast<std::size_t>(layout_.lefts)].shape.last(), lanes_of(element)) * layout_.groups;
    return static_cast<std::size_t>(left_size(columns) + kBlockRows * width + columns * stride_of(std::min(N, width))) * number;
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    TaskCall<T>(layout_, c).run();
  }

 private:
  std::span<const Signature> operands(std::span<const Signature> x) const { return x.subspan(layout_.continues); }
  std::pair<Index, Index> size_of(std::span<const Signature> x) const {
    return result_size(layout_, [&](Index i) -> const Shape& { return x[static_cast<std::size_t>(i)].shape; });
  }

  WeightGradientLayout layout_;
};

}  // namespace

Var weight_gradient(Operand x, Operand y) { return record(WeightGradient{}, x, y); }

Var grouped_weight_gradient(const WeightGradientLayout& layout, std::span<const Var> operands, CallSite site) {
  return operands[0].tape().append(WeightGradient(layout), operands, site);
}

Index weight_gradient_state(const WeightGradientLayout& layout, std::span<const Var> operands, Element element) {
  const auto [M, N] = result_size(layout, [&](Index i) -> const Shape& { return operands[static_cast<std::size_t>(i)].shape(); });
  const Tasks tasks(M, N, layout.groups, lanes_of(element), width_of(element));
  return checked_product(tasks.count(), StatePieces(tasks, width_of(element)).size);
}

const WeightGradientLayout* weight_gradient_layout(const Tape& tape, NodeId id) {
  const WeightGradient* op = WeightGradient::from(*tape.node(id).op);
  return op ? &op->layout() : nullptr;
}

}  // namespace reel
