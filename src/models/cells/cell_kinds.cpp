#include <reel/models/cells/cell_kinds.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

template <class C>
AnyCell make_as(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options) {
  return C(set, name, I, H, options);
}

AnyCell make_jordan(ParameterSet& set, const std::string& name, Index I, Index H, const CellOptions& options) {
  return Jordan(set, name, I, H, H, tanh, options);
}

constexpr CellKind kKinds[] = {
    {"elman", "the hidden state is fed back", make_as<Elman>},
    {"elman-concat", "Elman with one weight for input and state", make_as<ElmanConcat>},
    {"jordan", "the output is fed back", make_jordan},
    {"gru", "gated recurrent unit, reset before the product", make_as<Gru>},
    {"gru-reset-after", "gated recurrent unit of cuDNN and PyTorch, reset after the product", make_as<GruResetAfter>},
    {"lstm", "long short-term memory with a forget gate", make_as<Lstm>},
    {"first-lstm", "the first generation, with one state", make_as<FirstGenerationLstm>},
    {"peephole-lstm", "LSTM whose gates see the memory", make_as<PeepholeLstm>},
};

}  // namespace

std::span<const CellKind> cell_kinds() { return kKinds; }

std::vector<std::string> cell_names() {
  std::vector<std::string> names;
  for (const CellKind& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

AnyCell make_cell(std::string_view kind, ParameterSet& set, const std::string& name, Index I, Index H,
                  const CellOptions& options) {
  for (const CellKind& known : kKinds)
    if (known.name == kind) return known.make(set, name, I, H, options);
  throw InputError(fmt::format("there is no cell \"{}\"; known are {}", kind, fmt::join(cell_names(), ", ")));
}

}  // namespace reel
