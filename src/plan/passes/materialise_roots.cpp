#include <reel/plan/passes/materialise_roots.h>

#include <reel/graph/structural.h>

namespace reel::passes {
namespace {

// Whether a node, followed through its views, is a dense part of what some node computes.
bool is_dense(const Tape& tape, NodeId id) {
  for (;;) {
    const Node& node = tape.node(id);
    if (node.op->leaf()) return false;
    const auto inputs = tape.inputs(id);
    const auto view = inputs.size() == 1 ? node.op->view(tape.node(inputs[0]).shape, node.shape) : std::nullopt;
    if (!view) return true;
    const Shape& from = tape.node(inputs[0]).shape;
    const bool dense = view->output >= 0 || !node.shape.batched() || node.shape.row_size() == from.row_size();
    if (view->repeats_row || view->splat || !dense) return false;
    id = inputs[0];
  }
}

}  // namespace

Program materialise_roots(const Program& program, Element) {
  Rewriter rewriter(program);
  const Tape& tape = *program.tape;
  for (NodeId id = 0; id < tape.size(); ++id) rewriter.keep(id);
  Program result = rewriter.finish();
  for (NodeId& root : result.roots)
    if (!is_dense(tape, root)) root = result.tape->append(Copy{}, {result.tape->var(root)}, tape.node(root).site).id();
  return result;
}

}  // namespace reel::passes
