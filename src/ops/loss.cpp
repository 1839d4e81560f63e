#include <reel/ops/loss.h>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/onnx_form.h>
#include <reel/graph/structural.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/chain_rule.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/kernels/softmax_rows.h>
#include <reel/ops/naive_softmax.h>
#include <reel/ops/reduction.h>
#include <reel/ops/reshape.h>
#include <reel/ops/rows.h>
#include <reel/ops/selection.h>
#include <reel/ops/softmax.h>

namespace reel {
namespace {

// [.., V] and ids [..], perhaps weights [..] -> [..]
class CrossEntropy final : public OpOf<CrossEntropy> {
 public:
  static constexpr std::string_view kName = "cross_entropy";

  Signature infer(const Arguments& x) const override {
    if (x.size() != 2 && x.size() != 3)
      throw ShapeError(fmt::format("takes logits, ids and perhaps weights, was given {} inputs", x.size()));
    x.require_type(0, Type::real);
    x.require_type(1, Type::id);
    if (x.shape(0).rank() == 0 || x.shape(0).without(-1) != x.shape(1))
      throw ShapeError(fmt::format("needs one id per row of logits: {} with {}", x.describe(0), x.describe(1)));
    if (x.size() == 3) {
      x.require_type(2, Type::real);
      if (x.shape(2) != x.shape(1))
        throw ShapeError(fmt::format("needs one weight per id: {} with {}", x.describe(2), x.describe(1)));
    }
    return {Type::real, x.shape(1)};
  }

  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override {
    const Index V = x[0].shape().last();
    const auto per_row = [](Var v) { return reshape(v, v.shape().with_last(1)); };
    const Var shares = softmax(x[0]), target = one_hot(x[1], V), error = shares - target;
    if (x.size() == 2) return {chain_product(per_row(dy), error), Var()};
    const Var weighted = chain_product(per_row(chain_product(dy, x[2])), error);
    return {weighted, Var(), chain_product(dy, cross_entropy_rows(x[0], x[1]))};
  }

  void write_onnx(OnnxWriter& w) const override {
    const float off_on[] = {0, -1};
    const std::string picked =
        w.add("OneHot", {w.input(1), w.whole(w.x(0).shape.last()), w.numbers(off_on, Shape{2})}, {{"axis", -1}});
    const std::string shares = w.add("Mul", {w.add("LogSoftmax", {w.input(0)}, {{"axis", -1}}), picked});
    const std::string loss = w.add("ReduceSum", {shares, w.wholes({-1})}, {{"keepdims", 0}});
    w.result(w.inputs() == 3 ? w.add("Mul", {loss, w.input(2)}) : loss);
  }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Index V = e.x[0].shape->last();
    std::vector<S> log_softmax(static_cast<std::size_t>(V));
    for (Index i = 0; i < e.y.size; ++i) {
      const std::int32_t id = e.x[1].ids[i];
      check_id(id, V, i / e.x[1].shape->row_size());
      naive_log_softmax(e.x[0].real + i * V, log_softmax.data(), V);
      const S loss = -log_softmax[id];
      const S weight = e.x.size() == 3 ? e.x[2].real[i] : S(1);
      e.y.real[i] = weight == S(0) ? S(0) : weight * loss;
    }
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    const Index V = c.x[0].shape->last();
    const auto loss = kernels::softmax_rows<T>().negative_log_likelihood;
    for (Index r = 0; r < c.rows; ++r)
      for (Index i = 0; i < c.y.shape->row_size(); ++i) {
        const std::int32_t id = c.x[1].row<const std::int32_t>(r)[i];
        check_id(id, V, c.first_row + r);
        const T weight = c.x.size() == 3 ? c.x[2].row<const T>(r)[i] : T(1);
        c.y.row<T>(r)[i] = weight == T(0) ? T(0) : weight * loss(c.x[0].row<const T>(r) + i * V, V, id);
      }
  }
};

void check_lengths(std::size_t logits, std::size_t other, const char* what, CallSite site) {
  if (logits != other)
    throw InputError(fmt::format("[cross_entropy] {} steps of logits but {} of {} ({})", logits, other, what, site.text()));
}

// sum / count, or 0 where count is 0.
Var safe_ratio(Var sum, Var count) { return mask(sum / select(count, count, 1.0), count); }

// f(first, end) for every longest run of steps of equal shapes.
template <class F>
void each_run(std::span<const Var> steps, F f) {
  for (std::size_t first = 0, end = 0; first < steps.size(); first = end) {
    while (end < steps.size() && steps[end].shape() == steps[first].shape()) ++end;
    f(first, end);
  }
}

// The sum over all steps -> []. Steps with the same rows add up row by row first, so that one sum over the batch is left.
Var sum_of(std::span<const Var> steps) {
  std::vector<Var> sums;
  each_run(steps,
           [&](std::size_t first, std::size_t end) { sums.push_back(sum(accumulate(steps.subspan(first, end - first)))); });
  return accumulate(sums);
}

// The number of ids in all steps -> [].
Var count_of(std::span<const Var> ids) {
  std::vector<Var> counts;
  each_run(ids, [&](std::size_t first, std::size_t end) {
    const Shape& s = ids[first].shape();
    const auto per_row = static_cast<double>(checked_product(static_cast<Index>(end - first), s.row_size()));
    counts.push_back(row_count(ids[first].tape(), s.rows()) * per_row);
  });
  return accumulate(counts);
}

}  // namespace

Var cross_entropy_rows(Operand logits, Var ids) {
  Tape& tape = tape_of(CrossEntropy::kName, {&logits});
  return tape.append(CrossEntropy{}, {logits.on(tape), ids}, logits.site());
}

Var cross_entropy_rows(Operand logits, Var ids, Operand weights) {
  const auto here = at(CrossEntropy::kName, {&logits, &weights});
  Tape& tape = tape_of(CrossEntropy::kName, {&logits, &weights});
  if (!ids) throw InputError(fmt::format("[cross_entropy] the ids are an empty Var ({})", tape.site(logits.site()).text()));
  return tape.append(CrossEntropy{}, {logits.on(tape), ids, broadcast(weights.on(tape), ids.shape())});
}

Var cross_entropy(std::span<const Var> logits, std::span<const Var> ids, Reduction reduction, CallSite site) {
  return cross_entropy(logits, ids, {}, reduction, site);
}

Var cross_entropy(std::span<const Var> logits, std::span<const Var> ids, std::span<const Var> weights, Reduction reduction,
                  CallSite site) {
  check_lengths(logits.size(), ids.size(), "ids", site);
  if (!weights.empty()) check_lengths(logits.size(), weights.size(), "weights", site);
  if (logits.empty())
    throw InputError(
        fmt::format("[cross_entropy] the sequence is empty, T = 0; use tape.constant(0.0) for its loss ({})", site.text()));
  for (const Var& v : logits)
    if (!v) throw InputError(fmt::format("[cross_entropy] an empty Var among the logits ({})", site.text()));
  const auto here = logits[0].tape().at(site);
  std::vector<Var> losses, weighted;
  for (std::size_t t = 0; t < logits.size(); ++t) {
    losses.push_back(weights.empty() ? cross_entropy_rows(logits[t], ids[t]) : cross_entropy_rows(logits[t], ids[t], weights[t]));
    if (!weights.empty()) weighted.push_back(broadcast(weights[t], ids[t].shape()));
  }
  const Var total = sum_of(losses);
  if (reduction == Reduction::sum) return total;
  return safe_ratio(total, weights.empty() ? count_of(ids) : sum_of(weighted));
}

Var cross_entropy(Var logits, Var ids, Reduction reduction, CallSite site) {
  return cross_entropy(std::span(&logits, 1), std::span(&ids, 1), reduction, site);
}

Var half_squared_error(Operand y, Operand target) {
  const auto here = at("half_squared_error", {&y, &target});
  return sum(square(y - target)) * 0.5;
}

}  // namespace reel
