#include <reel/ops/batch_sum.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/kernels/sum.h>
#include <reel/graph/onnx_form.h>
#include <reel/ops/broadcast.h>

namespace reel {
namespace {

// Sums over the batch of any number of equally shaped terms, so that a sum of such sums is one node.
class BatchSum final : public OpOf<BatchSum> {
 public:
  static constexpr std::string_view kName = "batch_sum";

  Signature infer(const Arguments& x) const override {
    x.require_some();
    x.require_all(Type::real);
    for (int i = 0; i < x.size(); ++i) {
      if (!x.shape(i).batched()) throw ShapeError(fmt::format("{} has no batch to sum over", x.describe(i)));
      if (x.shape(i).row() != x.shape(0).row())
        throw ShapeError(fmt::format("shapes differ: {} and {}", x.describe(0), x.describe(i)));
    }
    return {Type::real, x.shape(0).row()};
  }

  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override {
    std::vector<Var> dx;
    for (const Var& v : x) dx.push_back(broadcast(dy, v.shape()));
    return dx;
  }

  void write_onnx(OnnxWriter& w) const override {
    std::vector<std::string> sums;
    for (int i = 0; i < w.inputs(); ++i) sums.push_back(w.add("ReduceSum", {w.input(i), w.wholes({0})}, {{"keepdims", 0}}));
    w.result(w.add("Sum", sums));
  }
  Traits traits() const override { return {.merges_in_sums = true}; }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    for (Index i = 0; i < e.y.size; ++i) {
      std::size_t port = 0;
      Index before = 0, rows = 0;  // of the ports before this one; in all
      for (const auto& x : e.x) rows += x.size / e.y.size;
      e.y.real[i] = sum_across<S>(rows, [&](Index r) {
        while ((r - before) * e.y.size >= e.x[port].size) before += e.x[port++].size / e.y.size;
        return e.x[port].real[(r - before) * e.y.size + i];
      });
    }
  }

  Index tasks(Element, std::span<const Signature>, const Signature& y) const override {
    return ceil_div(y.shape.row_size(), kColumns);
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    const Index first = c.task * kColumns;
    const Index columns = std::min(kColumns, c.y.shape->row_size() - first), bytes = columns * static_cast<Index>(sizeof(T));
    kernels::AcrossSum<T> sum(columns);
    for (const KernelOperand& port : c.x)
      for (Index r = 0, rows = c.rows_of(port); r < rows; ++r) {
        // Rows lie apart, so the hardware does not see what comes.
        const auto* ahead = reinterpret_cast<const std::byte*>(port.row<const T>(std::min(r + kAhead, rows - 1)) + first);
        for (Index at = 0; at < bytes; at += 64) __builtin_prefetch(ahead + at);
        sum.push(port.row<const T>(r) + first);
      }
    sum.total(c.y.row<T>(0) + first);
  }

 private:
  static constexpr Index kColumns = kernels::AcrossSum<float>::kColumns;
  static constexpr Index kAhead = 6;  // rows to fetch: bench_cells --profile, batch_sum
};

}  // namespace

Var batch_sum(Operand x) { return record(BatchSum{}, x); }

bool is_batch_sum(const Tape& tape, NodeId id) { return BatchSum::from(*tape.node(id).op) != nullptr; }

}  // namespace reel
