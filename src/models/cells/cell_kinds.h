// Cells by name: the one list of what the library has, for programs that choose a cell at run time and for tests of all of them.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/cells.h>

namespace reel {

struct CellKind {
  std::string_view name;   // "gru-reset-after"
  std::string_view about;  // one line for help
  AnyCell (*make)(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options);
};

// Every kind. A Jordan cell made here feeds back H tanh outputs.
std::span<const CellKind> cell_kinds();
std::vector<std::string> cell_names();

// InputError, listing the known names, for another one.
AnyCell make_cell(std::string_view kind, ParameterSet& set, const std::string& name, Index I, Index H,
                  const CellOptions& options = {});

}  // namespace reel
