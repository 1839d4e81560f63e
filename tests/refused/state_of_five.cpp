// A state of more Vars than reel can tell apart by itself.
// refused: a State is a Var, a container of States, or a struct of one to four of these
#include <reel/models/cells/recurrent_cell.h>

struct MyState {
  reel::Var a, b, c, d, e;
};

std::size_t parts(MyState& state) { return reel::state_parts(state).size(); }
