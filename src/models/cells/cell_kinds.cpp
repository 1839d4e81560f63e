#include <reel/models/cells/cell_kinds.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

struct CellKind {
  std::string_view name;
  AnyCell (*make)(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options);
};

template <class C>
AnyCell make_as(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options) {
  return C(set, name, I, H, options);
}

AnyCell make_jordan(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options) {
  return Jordan(set, name, I, H, H, tanh, options);
}

constexpr CellKind kKinds[] = {{"elman", make_as<Elman>},
                               {"elman-concat", make_as<ElmanConcat>},
                               {"jordan", make_jordan},
                               {"gru", make_as<Gru>},
                               {"gru-reset-after", make_as<GruResetAfter>},
                               {"lstm", make_as<Lstm>},
                               {"first-lstm", make_as<FirstGenerationLstm>},
                               {"peephole-lstm", make_as<PeepholeLstm>}};

}  // namespace

std::vector<std::string> cell_kinds() {
  std::vector<std::string> names;
  for (const CellKind& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

AnyCell make_cell(std::string_view kind, ParameterSet& set, const std::string& name, Index I, Index H,
                  const CellOptions& options) {
  for (const CellKind& known : kKinds)
    if (known.name == kind) return known.make(set, name, I, H, options);
  throw InputError(fmt::format("there is no cell \"{}\"; known are {}", kind, fmt::join(cell_kinds(), ", ")));
}

}  // namespace reel
