#include <reel/models/cells/gate.h>

namespace reel {

Gate::Gate(ParameterSet& set, const std::string& cell, const std::string& k, Index I, Index H, const CellOptions& options) {
  const std::string suffix = k.empty() ? "" : "_" + k;
  U = set.add(cell + ".U" + suffix, {I, H}, options.weights_for(H));
  W = set.add(cell + ".W" + suffix, {H, H}, options.weights_for(H));
  b = set.add(cell + ".b" + suffix, {H}, options.bias);
}

}  // namespace reel
