#include <reel/models/cells/deep.h>

namespace reel {

Deep::Deep(std::vector<AnyCell> layers) : layers_(std::move(layers)) {
  if (layers_.empty()) throw InputError("Deep: needs at least one layer");
}

Deep::State Deep::step(Var x, const State& previous) const {
  if (previous.size() != layers_.size())
    throw InputError(fmt::format("Deep: the state has {} layers, the network {}", previous.size(), layers_.size()));
  State next;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    next.push_back(layers_[l].step(x, previous[l]));
    x = layers_[l].output(next.back());
  }
  return next;
}

std::vector<StatePart> Deep::state_layout() const {
  std::vector<StatePart> all;
  for (std::size_t l = 0; l < layers_.size(); ++l)
    for (const StatePart& part : layers_[l].state_layout()) all.push_back({fmt::format("{}.{}", l, part.name), part.shape});
  return all;
}

Deep::State Deep::make_state(std::span<const Var> parts) const {
  State state;
  std::size_t next = 0;
  for (const AnyCell& layer : layers_) {
    AnyCell::State& s = state.emplace_back();
    for (std::size_t i = 0; i < layer.state_layout().size(); ++i) s.vars.push_back(parts[next++]);
  }
  return state;
}

}  // namespace reel
