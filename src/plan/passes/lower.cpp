#include <reel/plan/passes/lower.h>

namespace reel::passes {

Program lower(const Program& program, Element element) {
  const Tape& tape = *program.tape;
  Rewriter rewriter(program);
  std::vector<Var> x;
  for (NodeId id = 0; id < tape.size(); ++id) {
    rewriter.keep(id);
    x.clear();
    for (NodeId input : tape.inputs(id)) x.push_back(rewriter.to().var(rewriter.mapped(input)));
    const auto scope = rewriter.to().scope(tape.scope_label(id));
    if (const Var lowered = tape.node(id).op->lower(x, rewriter.to().var(rewriter.mapped(id)), element))
      rewriter.replace(id, lowered);
  }
  return rewriter.finish();
}

}  // namespace reel::passes
