#include <reel/plan/passes/constant_folding.h>

#include <algorithm>

namespace reel::passes {
namespace {

constexpr Index kLargest = 65536;

const Tensor<double>* constant_value(const Tape& tape, NodeId id) {
  const LeafInfo* leaf = tape.node(id).op->leaf();
  return leaf && leaf->kind == LeafInfo::Kind::constant ? leaf->value : nullptr;
}

Tensor<double> evaluate(const Tape& tape, const Op& op, std::span<const NodeId> inputs, const Shape& shape) {
  std::vector<Tensor<double>> values;
  std::vector<OracleOperand<double>> x;
  for (NodeId id : inputs) {
    const Tensor<double>& value = *constant_value(tape, id);
    Tensor<double>& full = values.emplace_back(tape.node(id).shape);
    for (Index i = 0; i < full.size(); ++i) full[i] = value[value.size() == 1 ? 0 : i];
  }
  for (std::size_t i = 0; i < inputs.size(); ++i)
    x.push_back({values[i].data(), nullptr, &tape.node(inputs[i]).shape, values[i].size()});
  Tensor<double> y(shape);
  op.evaluate(Evaluation<double>{{}, x, {y.data(), nullptr, &shape, y.size()}});
  return y;
}

// The number of an elementwise result over single numbers.
double evaluate_number(const Tape& tape, const Op& op, std::span<const NodeId> inputs) {
  const Shape scalar;
  std::vector<double> values;
  for (NodeId id : inputs) values.push_back((*constant_value(tape, id))[0]);
  std::vector<OracleOperand<double>> x;
  for (double& value : values) x.push_back({&value, nullptr, &scalar, 1});
  double y = 0;
  op.evaluate(Evaluation<double>{{}, x, {&y, nullptr, &scalar, 1}});
  return y;
}

// The constant that stands for a node of the new tape, or an empty Var.
Var fold(Tape& tape, const Node& node, std::span<const NodeId> inputs) {
  const auto is_number = [&](NodeId id) { return constant_value(tape, id)->size() == 1; };
  if (inputs.empty() || node.type != Type::real || node.op->traits().varies) return {};
  if (!std::ranges::all_of(inputs, [&](NodeId id) { return constant_value(tape, id) != nullptr; })) return {};
  if (std::ranges::all_of(inputs, is_number)) {
    if (node.op->elementwise(static_cast<int>(inputs.size())))
      return tape.fill(node.shape, evaluate_number(tape, *node.op, inputs), node.site);
    const auto view = node.op->view(tape.node(inputs[0]).shape, node.shape);
    if (inputs.size() == 1 && view) return tape.fill(node.shape, (*constant_value(tape, inputs[0]))[0], node.site);
  }
  const auto small = [&](const Shape& s) { return !s.batched() && s.row_size() <= kLargest; };
  if (!small(node.shape) || !std::ranges::all_of(inputs, [&](NodeId id) { return small(tape.node(id).shape); })) return {};
  return tape.constant(evaluate(tape, *node.op, inputs, node.shape), node.site);
}

}  // namespace

Program constant_folding(const Program& program, Element) {
  const Tape& tape = *program.tape;
  Rewriter rewriter(program);
  std::vector<NodeId> inputs;
  for (NodeId id = 0; id < tape.size(); ++id) {
    inputs.clear();
    for (NodeId x : tape.inputs(id)) inputs.push_back(rewriter.mapped(x));
    if (const Var folded = fold(rewriter.to(), tape.node(id), inputs))
      rewriter.replace(id, folded);
    else
      rewriter.keep(id);
  }
  return rewriter.finish();
}

}  // namespace reel::passes
