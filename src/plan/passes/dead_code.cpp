#include <reel/plan/passes/dead_code.h>

namespace reel::passes {

Program live_part(const Tape& tape, std::vector<NodeId> roots) {
  std::vector<char> live(tape.size(), 0);
  for (NodeId root : roots) live[root] = 1;
  for (NodeId id = tape.size(); id-- > 0;)
    if (live[id])
      for (NodeId x : tape.inputs(id)) live[x] = 1;
  Rewriter rewriter(tape, std::move(roots));
  for (NodeId id = 0; id < tape.size(); ++id)
    if (live[id]) rewriter.keep(id);
  return rewriter.finish();
}

Program dead_code(const Program& program, Element) { return live_part(*program.tape, program.roots); }

}  // namespace reel::passes
