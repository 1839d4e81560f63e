// CellBase: what the library's cells have in common, so that a cell is its parameters and its equations.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <reel/models/cells/recurrent_cell.h>

namespace reel {

// A hidden state, and a memory that only the cell itself sees.
struct MemoryState {
  Var h, c;  // both [B, H]
};

// S: Var, for a cell of one state h, or MemoryState. Self supplies its equations:
//   S next(Var x, const S& previous, Var h) const;
// (and kState, the name of its one state where it is not "h"), where h is what is fed back through the recurrent weights: the
// previous hidden state, or a masked form of it (WithDropout).
template <class Self, class S>
class CellBase {
 public:
  using State = S;
  S step(Var x, const S& previous) const { return step(x, previous, recurrent(previous)); }
  S step(Var x, const S& previous, Var h) const {
    const auto scope = x.tape().scope(name_);
    return static_cast<const Self&>(*this).next(x, previous, h);
  }
  Var recurrent(const S& state) const {
    if constexpr (std::same_as<S, Var>)
      return state;
    else
      return state.h;
  }
  std::vector<StatePart> state_layout() const {
    const Shape shape{B, static_cast<const Self&>(*this).units()};
    if constexpr (requires { Self::kState; })
      return {{Self::kState, shape}};
    else if constexpr (std::same_as<S, Var>)
      return {{"h", shape}};
    else
      return {{"h", shape}, {"c", shape}};
  }

 protected:
  explicit CellBase(std::string name) : name_(std::move(name)) {}

 private:
  std::string name_;  // labels what a step records
};

}  // namespace reel
