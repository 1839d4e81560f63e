#include <reel/graph/passes/materialise_roots.h>

#include <reel/graph/structural.h>

namespace reel::passes {

Program materialise_roots(const Program& program, Element) {
  Rewriter rewriter(program);
  const Tape& tape = *program.tape;
  for (NodeId id = 0; id < tape.size(); ++id) rewriter.keep(id);
  Program result = rewriter.finish();
  for (NodeId& root : result.roots) {
    const Node& node = tape.node(root);
    const auto inputs = tape.inputs(root);
    const auto view = inputs.size() == 1 ? node.op->view(tape.node(inputs[0]).shape, node.shape) : std::nullopt;
    const bool piece_of_computed = view && view->piece >= 0;  // has memory of its own
    if (node.op->leaf() || (view && !piece_of_computed)) root = result.tape->append(Copy{}, {result.tape->var(root)}, node.site).id();
  }
  return result;
}

}  // namespace reel::passes
