// interpret<T>(): the oracle. Evaluates a tape one node at a time, single thread, with the ops' naive formulas. It shares no
// arithmetic with plans; what only moves data (RowOp) is one function for both. T in {float, double, std::complex<double>};
// complex numbers give derivatives by the complex step.
//
// Keeps the value of every node, so memory is that of all of them together. Threads: one Interpreter per thread.
#pragma once

#include <optional>
#include <string>

#include <reel/graph/bindings.h>
#include <reel/graph/tape.h>

namespace reel {

template <class T>
class Interpreter {
 public:
  // Binds leaves. Real inputs may be float or double; carried values may be bound by name, and are zero otherwise.
  // Tapes with parameters need `parameters`. InputError for anything that does not fit.
  Interpreter(const Tape& tape, std::span<const Binding> bindings, ParameterSource parameters = nullptr, RunContext context = {},
              std::optional<Index> rows = std::nullopt);

  Interpreter(Interpreter&&) noexcept = default;

  // Evaluates nodes [0, until) in order; by default all that the tape had when this was made. May be repeated after leaves were
  // edited. InputError for an id out of range.
  void evaluate(std::optional<NodeId> until = std::nullopt);

  TensorView<const T> value(Var v) const { return value(v.id()); }
  TensorView<const T> value(NodeId id) const { return real_[checked(id)].view(); }
  TensorView<const std::int32_t> ids(Var v) const { return ids(v.id()); }
  TensorView<const std::int32_t> ids(NodeId id) const { return ids_[checked(id)].view(); }
  TensorView<T> leaf(Var v) { return real_[checked(v.id())].view(); }  // REQUIRES: v is a leaf
  Index rows() const { return context_.rows; }
  NodeId evaluated() const { return evaluated_; }  // nodes below this one have values

  // The first evaluated real node with a NaN or infinity, and a sentence about it: op, shapes, place.
  std::optional<NodeId> first_non_finite() const;
  std::string explain_non_finite() const;  // "" when all is finite

 private:
  NodeId checked(NodeId id) const;  // InputError for a node recorded after this was made
  void load_leaf(NodeId id, std::span<const Binding> bindings, const InputTable& table, std::span<const InputView* const> views,
                 const ParameterSource& parameters);
  void evaluate_node(NodeId id);

  const Tape& tape_;
  std::vector<std::int32_t> counts_;
  RunContext context_;
  std::vector<Tensor<T>> real_;
  std::vector<Tensor<std::int32_t>> ids_;
  std::vector<Shape> shapes_;  // bound
  NodeId evaluated_ = 0;
  std::vector<OracleOperand<T>> operands_;
};

// One evaluation of a whole tape.
template <class T>
Interpreter<T> interpret(const Tape& tape, std::span<const Binding> bindings, ParameterSource parameters = nullptr) {
  Interpreter<T> run(tape, bindings, parameters);
  run.evaluate();
  return run;
}
template <class T>
Interpreter<T> interpret(const Tape& tape, std::initializer_list<Binding> bindings, ParameterSource parameters = nullptr) {
  return interpret<T>(tape, std::span(bindings.begin(), bindings.size()), parameters);
}

}  // namespace reel
