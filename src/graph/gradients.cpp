#include <reel/graph/gradients.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/structural.h>

namespace reel {
namespace {

// The terms of every node's adjoint, as linked lists in one pool. The walk meets uses from last to first and pushes to the
// front, so a list reads in the order of recording.
class Contributions {
 public:
  explicit Contributions(NodeId nodes) : heads_(nodes, kNone) {}

  bool empty(NodeId id) const { return heads_[id] == kNone; }
  void add(NodeId id, Var v) {
    links_.push_back({v, heads_[id]});
    heads_[id] = static_cast<std::uint32_t>(links_.size() - 1);
  }
  std::span<const Var> collect(NodeId id) {
    terms_.clear();
    for (std::uint32_t i = heads_[id]; i != kNone; i = links_[i].next) terms_.push_back(links_[i].value);
    return terms_;
  }

 private:
  static constexpr std::uint32_t kNone = 0xffffffffu;
  struct Link {
    Var value;
    std::uint32_t next;
  };
  std::vector<std::uint32_t> heads_;
  std::vector<Link> links_;
  std::vector<Var> terms_;
};

// Which nodes below `end` depend on one of `wrt`.
std::vector<char> dependents(const Tape& tape, std::span<const Var> wrt, NodeId end) {
  std::vector<char> depends(end, 0);
  for (const Var& w : wrt)
    if (w.id() < end) depends[w.id()] = 1;
  for (NodeId id = 0; id < end; ++id)
    for (NodeId x : tape.inputs(id)) depends[id] |= depends[x];
  return depends;
}

void check_wrt(const Tape& tape, std::span<const Var> wrt) {
  for (const Var& w : wrt) {
    if (!w || w.tape() != tape) throw InputError("gradients: a variable is empty or on another tape than the outputs");
    if (w.type() == Type::id)
      throw InputError(fmt::format("gradients: {} are ids; they have no gradient", tape.describe(w.id())));
  }
}

void propagate(Tape& tape, NodeId id, Var dy, const std::vector<char>& depends, Contributions& parts) {
  const Op* op = tape.node(id).op;
  std::vector<Var> x;
  for (NodeId input : tape.inputs(id)) x.push_back(tape.var(input));
  const std::vector<Var> dx = op->adjoint(x, tape.var(id), dy);
  if (dx.size() != x.size())
    throw Error(fmt::format("[{}] its adjoint rule gives {} gradients for {} inputs", op->name(), dx.size(), x.size()));
  for (std::size_t i = x.size(); i-- > 0;) {
    if (!dx[i] || !depends[x[i].id()]) continue;
    if (dx[i].shape() != x[i].shape())
      throw ShapeError(fmt::format("[{}] its adjoint rule gives {} for input {} {}", op->name(), dx[i].shape().text(), i,
                                   tape.describe(x[i].id())));
    parts.add(x[i].id(), dx[i]);
  }
}

}  // namespace

std::vector<Var> gradients(std::span<const Var> outputs, std::span<const Var> seeds, std::span<const Var> wrt) {
  if (outputs.empty()) throw InputError("gradients: there is nothing to differentiate");
  if (outputs.size() != seeds.size())
    throw InputError(fmt::format("gradients: {} outputs but {} seeds", outputs.size(), seeds.size()));
  if (!outputs[0]) throw InputError("gradients: an output is an empty Var");
  Tape& tape = outputs[0].tape();
  check_wrt(tape, outputs);
  check_wrt(tape, wrt);
  for (const Var& seed : seeds)
    if (!seed || seed.tape() != tape) throw InputError("gradients: a seed is empty or on another tape than the outputs");
  NodeId end = 0;
  for (const Var& y : outputs) end = std::max(end, y.id() + 1);
  const std::vector<char> depends = dependents(tape, wrt, end);

  Contributions parts(end);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (seeds[i].shape() != outputs[i].shape())
      throw ShapeError(
          fmt::format("gradients: seed {} for output {}", tape.describe(seeds[i].id()), tape.describe(outputs[i].id())));
    parts.add(outputs[i].id(), seeds[i]);
  }
  std::vector<Var> total(end);
  for (NodeId id = end; id-- > 0;) {
    if (!depends[id] || parts.empty(id)) continue;
    const auto scope = tape.scope_of(id);
    total[id] = accumulate(parts.collect(id), tape.node(id).site);
    if (!tape.node(id).op->leaf()) propagate(tape, id, total[id], depends, parts);
  }

  std::vector<Var> result;
  for (const Var& w : wrt)
    result.push_back(w.id() < end && total[w.id()] ? total[w.id()] : tape.zeros(w.shape(), tape.node(w.id()).site));
  return result;
}

std::vector<Var> gradients(Var loss, std::span<const Var> wrt) {
  if (!loss) throw InputError("gradients: the loss is an empty Var");
  if (loss.shape() != Shape{} || loss.type() != Type::real)
    throw ShapeError(
        fmt::format("gradients: the loss must be a scalar [], not {}; take its sum or mean", loss.tape().describe(loss.id())));
  const Var one = loss.tape().constant(1.0);
  return gradients(std::span(&loss, 1), std::span(&one, 1), wrt);
}

Var gradient(Var loss, Var wrt) { return gradients(loss, std::span(&wrt, 1))[0]; }

std::vector<Var> gradients(Var loss, std::span<const Parameter> wrt) {
  if (!loss) throw InputError("gradients: the loss is an empty Var");
  std::vector<Var> vars;
  for (const Parameter& p : wrt) vars.push_back(loss.tape().parameter(p));
  return gradients(loss, vars);
}

}  // namespace reel
