#include <reel/models/cells/elman.h>

#include <reel/ops/joining.h>

namespace reel {

Elman::Elman(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : CellBase(name), a(set, name, "", I, H, options), phi_(options.activation) {}

Var Elman::next(Var x, Var, Var h) const { return phi_(a(x, h)); }

ElmanConcat::ElmanConcat(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options)
    : CellBase(name),
      A(set.add(name + ".A", {I + H, H}, options.weights_for(H))),
      b(set.add(name + ".b", {H}, options.bias)),
      phi_(options.activation) {}

Var ElmanConcat::next(Var x, Var, Var h) const { return phi_(matmul(concat({x, h}), A) + b); }

}  // namespace reel
