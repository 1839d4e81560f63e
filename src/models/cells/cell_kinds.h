// Cells by name, for programs that choose one at run time.
#pragma once

#include <string_view>
#include <vector>

#include <reel/models/cells/cells.h>
#include <reel/models/cells/deep.h>

namespace reel {

// "elman", "elman-concat", "jordan", "gru", "gru-reset-after", "lstm", "first-lstm", "peephole-lstm".
std::vector<std::string> cell_kinds();

// InputError, listing the known names, for another one. A Jordan cell feeds back H tanh outputs.
AnyCell make_cell(std::string_view kind, ParameterSet& set, const std::string& name, Index I, Index H,
                  const CellOptions& options = {});

}  // namespace reel
