// A state with a field that is no Var.
// refused: a State is a Var, a container of States, or a struct of one to four of these
#include <reel/models/cells/recurrent_cell.h>

struct MyState {
  reel::Var h;
  int count;
};

std::size_t parts(MyState& state) { return reel::state_parts(state).size(); }
