// A state of more Vars than reel can tell apart by itself.
// refused: a State that is no Var and no container is a struct of one to four Vars, or has std::vector<Var*> parts()
#include <reel/models/cells/recurrent_cell.h>

struct MyState {
  reel::Var a, b, c, d, e;
};

std::size_t parts(MyState& state) { return reel::state_parts(state).size(); }
