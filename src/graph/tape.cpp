#include <reel/graph/tape.h>

#include <bit>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/structural.h>

namespace reel {
namespace {

void check_steps(const std::string& name, Index steps, const Shape& shape) {
  if (steps < 0) throw InputError(fmt::format("input \"{}\": {} steps; a Sequence has 0 or more", name, steps));
  checked_product(steps, shape.row_size());
}

}  // namespace

const Op* OpPool::find(const Op& op, std::size_t hash) const {
  if (parent_)
    if (const Op* known = parent_->find(op, hash)) return known;
  const auto [first, last] = by_hash_.equal_range(hash);
  for (auto it = first; it != last; ++it)
    if (it->second->equals(op)) return it->second;
  return nullptr;
}

RowCountTable& OpPool::own_row_counts() {
  if (borrows_row_counts_) row_counts_ = std::make_shared<RowCountTable>(*row_counts_);
  borrows_row_counts_ = false;
  return *row_counts_;
}

const Op* OpPool::add(std::unique_ptr<const Op> op, std::size_t hash) {
  ops_.push_back(std::move(op));
  by_hash_.emplace(hash, ops_.back().get());
  return ops_.back().get();
}

Tape::Tape(std::shared_ptr<const OpPool> parent) : owner_(std::make_shared<State>()) {
  state_ = owner_.get();
  state_->pool = std::make_shared<OpPool>(std::move(parent));
}

// ---- leaves ----

// The claim of a name by an input that is being recorded: given up again when that fails.
class Tape::Claim {
 public:
  Claim(Tape& tape, const std::string& name, Type type, Shape shape, Index steps) : claims_(tape.state_->claims) {
    if (shape.rows().is_counted())
      throw ShapeError(fmt::format("input \"{}\" has a count of rows in its shape {}; bind all B rows and take the first of them",
                                   name, shape.text()));
    const auto [it, added] = claims_.try_emplace(name, State::Claim{type, shape, steps});
    if (!added)
      throw InputError(
          fmt::format("the name \"{}\" is already taken on this tape, with shape {}", name, it->second.shape.text()));
    claim_ = it;
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    if (!kept_) claims_.erase(claim_);
  }
  template <class Leaf>
  Leaf keep(Leaf leaf) {
    kept_ = true;
    return leaf;
  }

 private:
  using Claims = decltype(State::claims);
  Claims& claims_;
  Claims::iterator claim_;
  bool kept_ = false;
};

Var Tape::leaf_input(const std::string& name, Index step, Index steps, Type type, Shape shape, CallSite site) {
  LeafInfo info{LeafInfo::Kind::input, name, step, steps};
  return append(InputLeaf(std::move(info), {type, shape}), {}, site);
}

Var Tape::input(const std::string& name, Shape shape, CallSite site) {
  Claim claim(*this, name, Type::real, shape, -1);
  return claim.keep(leaf_input(name, -1, 0, Type::real, shape, site));
}

Var Tape::ids(const std::string& name, Shape shape, CallSite site) {
  Claim claim(*this, name, Type::id, shape, -1);
  return claim.keep(leaf_input(name, -1, 0, Type::id, shape, site));
}

Sequence Tape::input(const std::string& name, Index steps, Shape step_shape, CallSite site) {
  check_steps(name, steps, step_shape);
  Claim claim(*this, name, Type::real, step_shape, steps);
  Sequence s;
  for (Index t = 0; t < steps; ++t) s.push_back(leaf_input(name, t, steps, Type::real, step_shape, site));
  return claim.keep(std::move(s));
}

Sequence Tape::ids(const std::string& name, Index steps, Shape step_shape, CallSite site) {
  check_steps(name, steps, step_shape);
  Claim claim(*this, name, Type::id, step_shape, steps);
  Sequence s;
  for (Index t = 0; t < steps; ++t) s.push_back(leaf_input(name, t, steps, Type::id, step_shape, site));
  return claim.keep(std::move(s));
}

std::vector<RowCount> Tape::row_counts(const std::string& name, Index steps) {
  check_steps(name, steps, Shape{});
  Claim claim(*this, name, Type::id, Shape{}, steps);
  std::vector<RowCountTable::Entry>& table = state_->pool->own_row_counts().counts;
  std::vector<RowCount> counts;
  for (Index t = 0; t < steps; ++t) {
    counts.push_back(RowCount::counted(static_cast<std::uint32_t>(table.size())));
    table.push_back({name, t, steps});
  }
  return claim.keep(std::move(counts));
}

void Tape::require_at_most(RowCount n, RowCount m) {
  if (n.is_counted() && m.is_counted()) state_->pool->own_row_counts().at_most.emplace(n.number(), m.number());
}

Var Tape::carried(const std::string& name, Shape shape, CallSite site) {
  Claim claim(*this, name, Type::real, shape, -1);
  return claim.keep(append(InputLeaf(LeafInfo{LeafInfo::Kind::carried, name}, {Type::real, shape}), {}, site));
}

void Var::refuse_empty() { throw InputError("an empty Var was used"); }

void Tape::require_own(const char* what, Var v) const {
  if (!(v.tape() == *this)) throw InputError(fmt::format("{}: {} is on another tape", what, v.tape().describe(v.id())));
}

void Tape::name(Var v, std::string name) {
  require_own("name", v);
  state_->names[v.id()] = std::move(name);
}

void Tape::carry(Var state, Var next) {
  require_own("carry", state);
  require_own("carry", next);
  const LeafInfo* leaf = node(state.id()).op->leaf();
  if (!leaf || leaf->kind != LeafInfo::Kind::carried)
    throw InputError(fmt::format("carry: {} was not made by carried()", describe(state.id())));
  if (next.shape() != state.shape() || next.type() != state.type())
    throw ShapeError(fmt::format("carry: state {} cannot become {}", describe(state.id()), describe(next.id())));
  for (auto& [known, value] : state_->carries)
    if (known == state.id()) {
      value = next.id();
      return;
    }
  state_->carries.emplace_back(state.id(), next.id());
}

Var Tape::unique_leaf(const Op* op, CallSite site) {
  const auto it = state_->unique_leaves.find(op);
  if (it != state_->unique_leaves.end()) return var(it->second);
  const Var v = append_interned(op, {}, site);
  state_->unique_leaves.emplace(op, v.id());
  return v;
}

Var Tape::parameter(const Parameter& p, CallSite site) { return unique_leaf(intern(ParameterLeaf(p)), site); }

Var Tape::constant(double value, CallSite site) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  if (const auto it = state_->numbers.find(bits); it != state_->numbers.end()) return var(it->second);
  const Var number = fill(Shape{}, value, site);  // may have been recorded before
  state_->numbers.emplace(bits, number.id());
  return number;
}

Var Tape::constant(const Tensor<double>& value, CallSite site) {
  const Shape shape = value.shape();
  return unique_leaf(intern(ConstantLeaf(shape, std::make_shared<const Tensor<double>>(value))), site);
}

Var Tape::fill(Shape shape, double value, CallSite site) {
  auto number = std::make_shared<const Tensor<double>>(Shape{}, std::initializer_list<double>{value});
  return unique_leaf(intern(ConstantLeaf(shape, std::move(number))), site);
}

Var Tape::batch_size(CallSite site) { return unique_leaf(intern(BatchSize{}), site); }

// ---- recording ----

const Op* Tape::intern(std::unique_ptr<const Op> op) {
  const std::size_t hash = op->hash();
  if (const Op* known = state_->pool->find(*op, hash)) return known;
  return state_->pool->add(std::move(op), hash);
}

Var Tape::append_interned(const Op* op, std::span<const Var> x, CallSite site) {
  site = this->site(site);
  state_->signatures.clear();
  for (const Var& v : x) {
    if (!v) throw InputError(fmt::format("[{}] an empty Var was used ({})", op->name(), site.text()));
    if (!(v.tape() == *this)) throw InputError(fmt::format("[{}] operands are on different tapes ({})", op->name(), site.text()));
    state_->signatures.push_back({v.type(), v.shape()});
  }
  Signature y;
  try {
    y = op->infer(Arguments(state_->signatures, [this, x](int i) { return describe(x[i].id()); }));
    if (y.shape.rows().is_counted() && y.shape.rows().number() >= state_->pool->row_counts().counts.size())
      throw ShapeError(fmt::format("{} has a count of rows that is not of this tape", y.shape.text()));
  } catch (const ShapeError& e) {
    std::string where = site.text();
    if (state_->scope != 0) where = where.empty() ? state_->scopes[state_->scope] : state_->scopes[state_->scope] + ", " + where;
    throw ShapeError(fmt::format("[{}] {}{}", op->name(), e.what(), where.empty() ? "" : " (" + where + ")"));
  }
  if (state_->nodes.size() >= kNoNode) throw ShapeError("a tape holds at most 2^32 - 1 nodes");
  const auto first = static_cast<std::uint32_t>(state_->inputs.size());
  for (const Var& v : x) state_->inputs.push_back(v.id());
  state_->nodes.push_back({op, y.shape, y.type, first, static_cast<std::uint32_t>(x.size()), state_->scope, site});
  return Var(*this, size() - 1);
}

NodeId Tape::copy(const Tape& from, NodeId id, std::span<const NodeId> inputs) {
  const Node& n = from.node(id);
  Node mine = n;
  mine.first_input = static_cast<std::uint32_t>(state_->inputs.size());
  mine.input_count = static_cast<std::uint32_t>(inputs.size());
  state_->inputs.insert(state_->inputs.end(), inputs.begin(), inputs.end());
  const auto [it, added] =
      state_->scope_ids.try_emplace(from.state_->scopes[n.scope], static_cast<std::uint32_t>(state_->scopes.size()));
  if (added) state_->scopes.push_back(it->first);
  mine.scope = it->second;
  state_->nodes.push_back(mine);
  if (const auto name = from.state_->names.find(id); name != from.state_->names.end())
    state_->names.emplace(size() - 1, name->second);
  return size() - 1;
}

Tape::Site Tape::at(CallSite site) {
  if (state_->site.line) return Site(nullptr);
  state_->site = site;
  return Site(site.line ? this : nullptr);
}

Tape::Scope Tape::scope(const std::string& label) {
  const std::uint32_t outer = state_->scope;
  std::string path = outer == 0 ? label : state_->scopes[outer] + "/" + label;
  const auto [it, added] = state_->scope_ids.try_emplace(path, static_cast<std::uint32_t>(state_->scopes.size()));
  if (added) state_->scopes.push_back(std::move(path));
  state_->scope = it->second;
  return Scope(*this, outer);
}

Tape::Scope Tape::scope_of(NodeId id) { return Scope(*this, std::exchange(state_->scope, state_->nodes[id].scope)); }

// ---- reading ----

std::string Tape::name(NodeId id) const {
  if (const auto it = state_->names.find(id); it != state_->names.end()) return it->second;
  const LeafInfo* leaf = state_->nodes[id].op->leaf();
  if (!leaf) return {};
  return leaf->step < 0 ? leaf->name : fmt::format("{}[{}]", leaf->name, leaf->step);
}

std::string Tape::describe(NodeId id) const {
  std::string n = name(id);
  if (n.empty()) n = std::string(state_->nodes[id].op->name());
  return fmt::format("{}{} {}", state_->nodes[id].type == Type::id ? "ids " : "", n, state_->nodes[id].shape.text());
}

std::string Tape::place(NodeId id) const {
  const std::string& scope = scope_label(id);
  const std::string site = state_->nodes[id].site.text();
  return scope.empty() || site.empty() ? scope + site : scope + ", " + site;
}

std::vector<std::pair<std::string, Index>> Tape::sequences() const {
  std::vector<std::pair<std::string, Index>> all;
  for (const auto& [name, claim] : state_->claims)
    if (claim.steps >= 0) all.emplace_back(name, claim.steps);
  return all;
}

std::size_t Tape::bytes() const {
  constexpr std::size_t kOp = 200,
                        kEntry = 64;  // an op with its attributes and place in the pool; what a map or string costs besides
  std::size_t total = state_->nodes.size() * sizeof(Node) + state_->inputs.capacity() * sizeof(NodeId);
  for (const std::string& label : state_->scopes) total += 2 * label.size() + 2 * kEntry;
  return total + state_->pool->size() * kOp + (state_->names.size() + state_->unique_leaves.size()) * kEntry;
}

}  // namespace reel
