#include <reel/graph/verify.h>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

void verify_node(const Tape& tape, NodeId id, std::vector<Signature>& signatures) {
  const Node& n = tape.node(id);
  signatures.clear();
  for (NodeId x : tape.inputs(id)) {
    if (x >= id) throw Error(fmt::format("verify: node %{} [{}] uses %{}, which does not come before it", id, n.op->name(), x));
    signatures.push_back({tape.node(x).type, tape.node(x).shape});
  }
  const auto describe = [&](int i) { return tape.describe(tape.inputs(id)[i]); };
  try {
    const Signature y = n.op->infer(Arguments(signatures, describe));
    if (y.type == n.type && y.shape == n.shape) return;
    throw Error(
        fmt::format("verify: node %{} [{}] is {} but its op infers {}", id, n.op->name(), tape.describe(id), y.shape.text()));
  } catch (const ShapeError& e) {
    throw Error(fmt::format("verify: node %{} [{}] {}", id, n.op->name(), e.what()));
  }
}

}  // namespace

void verify(const Tape& tape) {
  std::vector<Signature> signatures;
  for (NodeId id = 0; id < tape.size(); ++id) verify_node(tape, id, signatures);
  for (const auto& [state, next] : tape.carries())
    if (next >= tape.size() || tape.node(state).shape != tape.node(next).shape)
      throw Error(fmt::format("verify: carried {} has no next state of its shape", tape.describe(state)));
}

}  // namespace reel
