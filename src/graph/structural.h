// The ops that belong to the tape itself: leaves, the n-ary accumulate of fan-in, and stop_gradient.
#pragma once

#include <algorithm>
#include <bit>

#include <reel/graph/fixed_sum.h>
#include <reel/graph/op.h>
#include <reel/graph/tape.h>

namespace reel {

// input and carried: bound by name at run. Shape and type are fixed when recorded.
class InputLeaf final : public OpOf<InputLeaf> {
 public:
  static constexpr std::string_view kName = "input";
  InputLeaf(LeafInfo info, Signature signature) : info_(std::move(info)), signature_(signature) {}
  // Tapes may share their ops, so the name alone does not tell one input from another's.
  auto key() const {
    return std::tuple(info_.name, info_.step, info_.steps, static_cast<int>(info_.kind), static_cast<int>(signature_.type),
                      signature_.shape);
  }
  std::string attributes() const override;
  Signature infer(const Arguments&) const override { return signature_; }
  const LeafInfo* leaf() const override { return &info_; }
  template <class S>
  void evaluate_as(const Evaluation<S>&) const {}

 private:
  LeafInfo info_;
  Signature signature_;
};

class ParameterLeaf final : public OpOf<ParameterLeaf> {
 public:
  static constexpr std::string_view kName = "parameter";
  explicit ParameterLeaf(const Parameter& p) : info_{LeafInfo::Kind::parameter, p.name(), -1, 0, p, nullptr} {}
  auto key() const { return std::tuple(info_.parameter.set().get(), info_.parameter.index()); }
  std::string attributes() const override { return info_.name; }
  Signature infer(const Arguments&) const override { return {Type::real, info_.parameter.shape()}; }
  const LeafInfo* leaf() const override { return &info_; }
  template <class S>
  void evaluate_as(const Evaluation<S>&) const {}

 private:
  LeafInfo info_;
};

// Numbers fixed at record: a whole tensor, or one number that stands for every element of a shape that may carry B.
class ConstantLeaf final : public OpOf<ConstantLeaf> {
 public:
  static constexpr std::string_view kName = "constant";
  ConstantLeaf(Shape shape, std::shared_ptr<const Tensor<double>> value)
      : shape_(shape), value_(std::move(value)), info_{LeafInfo::Kind::constant, {}, -1, 0, {}, value_.get()} {}
  // Equal numbers are equal constants; tensors are compared by identity.
  auto key() const {
    const auto bits = one_number() ? std::bit_cast<std::uint64_t>((*value_)[0]) : 0;
    return std::tuple(bits, one_number() ? nullptr : value_.get(), shape_);
  }
  std::string attributes() const override;
  Signature infer(const Arguments&) const override { return {Type::real, shape_}; }
  const LeafInfo* leaf() const override { return &info_; }
  bool one_number() const { return value_->size() == 1; }
  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    for (Index i = 0; i < e.y.size; ++i) e.y.real[i] = static_cast<S>((*value_)[one_number() ? 0 : i]);
  }

 private:
  Shape shape_;
  std::shared_ptr<const Tensor<double>> value_;
  LeafInfo info_;
};

// y = x_1 + ... + x_n, added as sum_across does (graph/fixed_sum.h). All shapes equal. The one form that fan-in of gradients
// takes.
class Accumulate final : public OpOf<Accumulate> {
 public:
  static constexpr std::string_view kName = "accumulate";
  Signature infer(const Arguments& x) const override;
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override { return {x.size(), dy}; }
  Traits traits() const override { return {.accumulates = true}; }
  std::optional<Tiles> tiles(int inputs) const override;
  std::optional<CppElement> cpp_element(int inputs) const override;
  void write_onnx(OnnxWriter& writer) const override;
  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    for (Index i = 0; i < e.y.size; ++i)
      e.y.real[i] =
          sum_across<S>(static_cast<Index>(e.x.size()), [&](Index k) { return e.x[static_cast<std::size_t>(k)].real[i]; });
  }
  template <class T>
  void run_as(const KernelCall& c) const;
};

// y = x, with no gradient.
class StopGradient final : public OpOf<StopGradient> {
 public:
  static constexpr std::string_view kName = "stop_gradient";
  Signature infer(const Arguments& x) const override;
  void write_onnx(OnnxWriter& writer) const override;
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var) const override { return no_gradients(x.size()); }
  std::optional<ViewRule> view(const Shape&, const Shape&) const override { return ViewRule{}; }
  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    std::copy_n(e.x[0].real, e.y.size, e.y.real);
  }
};

// y = x, of either type, in memory of its own. Appended by passes.
class Copy final : public OpOf<Copy> {
 public:
  static constexpr std::string_view kName = "copy";
  Signature infer(const Arguments& x) const override;
  void write_cpp(CppWriter& writer) const override;
  void write_onnx(OnnxWriter& writer) const override;
  double flop(std::span<const Signature>, const Signature&, const RunContext&) const override { return 0; }
  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    if (e.y.ids)
      std::copy_n(e.x[0].ids, e.y.size, e.y.ids);
    else
      std::copy_n(e.x[0].real, e.y.size, e.y.real);
  }
  template <class T>
  void run_as(const KernelCall& c) const;
};

// One output of a result [.., P, ...] that is kept in outputs: [.., ...]. Appended by passes.
class Output final : public OpOf<Output> {
 public:
  static constexpr std::string_view kName = "output";
  explicit Output(Index index) : index_(index) {}
  auto key() const { return std::tuple(index_); }
  std::string attributes() const override;
  Signature infer(const Arguments& x) const override;
  std::optional<ViewRule> view(const Shape&, const Shape&) const override { return ViewRule{.output = index_}; }
  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Index size = e.y.shape->row_size(), outputs = e.x[0].shape->dim(0);
    for (Index r = 0; r < e.rows(*e.y.shape); ++r)
      std::copy_n(e.x[0].real + (r * outputs + index_) * size, size, e.y.real + r * size);
  }

 private:
  Index index_;
};

// [] = the number of rows of the run.
class BatchSize final : public OpOf<BatchSize> {
 public:
  static constexpr std::string_view kName = "batch_size";
  void write_cpp(CppWriter& writer) const override;
  void write_onnx(OnnxWriter& writer) const override;
  Signature infer(const Arguments&) const override { return {}; }
  Traits traits() const override { return {.varies = true}; }
  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    e.y.real[0] = static_cast<S>(static_cast<double>(e.run.rows));
  }
  template <class T>
  void run_as(const KernelCall& c) const {
    *c.y.row<T>(0) = static_cast<T>(c.run.rows);
  }
};

// REQUIRES: at least one Var; all on one tape. One Var is returned as it is.
Var accumulate(std::span<const Var> x, CallSite site = CallSite::current());
Var stop_gradient(Var x, CallSite site = CallSite::current());

Var get_output(Var all, Index index, CallSite site);

}  // namespace reel
