#include <reel/graph/dependence.h>

#include <algorithm>

namespace reel {

std::vector<char> parameter_only(const Tape& tape) {
  std::vector<char> only(tape.size(), 0);
  for (NodeId id = 0; id < tape.size(); ++id) {
    const Op& op = *tape.node(id).op;
    const LeafInfo* leaf = op.leaf();
    only[id] = leaf ? leaf->kind == LeafInfo::Kind::parameter || leaf->kind == LeafInfo::Kind::constant
                    : !op.varies() && std::ranges::all_of(tape.inputs(id), [&](NodeId x) { return only[x] != 0; });
  }
  return only;
}

}  // namespace reel
