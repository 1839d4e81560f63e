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

Tape::Tape(std::shared_ptr<const OpPool> parent) : pool_(std::make_shared<OpPool>(std::move(parent))) {}

// ---- leaves ----

void Tape::claim(const std::string& name, Type type, Shape shape, Index steps) {
  if (shape.rows().is_counted())
    throw ShapeError(fmt::format("input \"{}\" has a count of rows in its shape {}; bind all B rows and take the first of them",
                                 name, shape.text()));
  const auto [it, added] = claims_.try_emplace(name, Claim{type, shape, steps});
  if (added) return;
  throw InputError(fmt::format("the name \"{}\" is already taken on this tape, with shape {}", name, it->second.shape.text()));
}

Var Tape::leaf_input(const std::string& name, Index step, Index steps, Type type, Shape shape, CallSite site) {
  LeafInfo info{LeafInfo::Kind::input, name, step, steps};
  return append(InputLeaf(std::move(info), {type, shape}), {}, site);
}

Var Tape::input(const std::string& name, Shape shape, CallSite site) {
  claim(name, Type::real, shape, 0);
  return leaf_input(name, -1, 0, Type::real, shape, site);
}

Var Tape::ids(const std::string& name, Shape shape, CallSite site) {
  claim(name, Type::id, shape, 0);
  return leaf_input(name, -1, 0, Type::id, shape, site);
}

Sequence Tape::input(const std::string& name, Index steps, Shape step_shape, CallSite site) {
  check_steps(name, steps, step_shape);
  claim(name, Type::real, step_shape, steps);
  Sequence s;
  for (Index t = 0; t < steps; ++t) s.push_back(leaf_input(name, t, steps, Type::real, step_shape, site));
  return s;
}

Sequence Tape::ids(const std::string& name, Index steps, Shape step_shape, CallSite site) {
  check_steps(name, steps, step_shape);
  claim(name, Type::id, step_shape, steps);
  Sequence s;
  for (Index t = 0; t < steps; ++t) s.push_back(leaf_input(name, t, steps, Type::id, step_shape, site));
  return s;
}

std::vector<RowCount> Tape::row_counts(const std::string& name, Index steps) {
  check_steps(name, steps, Shape{});
  claim(name, Type::id, Shape{}, steps);
  std::vector<RowCountTable::Entry>& table = pool_->own_row_counts().counts;
  std::vector<RowCount> counts;
  for (Index t = 0; t < steps; ++t) {
    counts.push_back(RowCount::counted(static_cast<std::uint32_t>(table.size())));
    table.push_back({name, t, steps});
  }
  return counts;
}

void Tape::require_at_most(RowCount n, RowCount m) {
  if (n.is_counted() && m.is_counted()) pool_->own_row_counts().at_most.emplace(n.number(), m.number());
}

Var Tape::carried(const std::string& name, Shape shape, CallSite site) {
  claim(name, Type::real, shape, 0);
  return append(InputLeaf(LeafInfo{LeafInfo::Kind::carried, name}, {Type::real, shape}), {}, site);
}

void Var::refuse_empty() { throw InputError("an empty Var was used"); }

void Tape::require_own(const char* what, Var v) const {
  if (&v.tape() != this) throw InputError(fmt::format("{}: {} is on another tape", what, v.tape().describe(v.id())));
}

void Tape::name(Var v, std::string name) {
  require_own("name", v);
  names_[v.id()] = std::move(name);
}

void Tape::carry(Var state, Var next) {
  require_own("carry", state);
  require_own("carry", next);
  const LeafInfo* leaf = node(state.id()).op->leaf();
  if (!leaf || leaf->kind != LeafInfo::Kind::carried)
    throw InputError(fmt::format("carry: {} was not made by carried()", describe(state.id())));
  if (next.shape() != state.shape() || next.type() != state.type())
    throw ShapeError(fmt::format("carry: state {} cannot become {}", describe(state.id()), describe(next.id())));
  for (auto& [known, value] : carries_)
    if (known == state.id()) {
      value = next.id();
      return;
    }
  carries_.emplace_back(state.id(), next.id());
}

Var Tape::unique_leaf(const Op* op, CallSite site) {
  const auto it = unique_leaves_.find(op);
  if (it != unique_leaves_.end()) return var(it->second);
  const Var v = append_interned(op, {}, site);
  unique_leaves_.emplace(op, v.id());
  return v;
}

Var Tape::parameter(const Parameter& p, CallSite site) { return unique_leaf(intern(ParameterLeaf(p)), site); }

Var Tape::constant(double value, CallSite site) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  if (const auto it = numbers_.find(bits); it != numbers_.end()) return var(it->second);
  const Var number = fill(Shape{}, value, site);  // may have been recorded before
  numbers_.emplace(bits, number.id());
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
  if (const Op* known = pool_->find(*op, hash)) return known;
  return pool_->add(std::move(op), hash);
}

Var Tape::append_interned(const Op* op, std::span<const Var> x, CallSite site) {
  site = this->site(site);
  signatures_.clear();
  for (const Var& v : x) {
    if (!v) throw InputError(fmt::format("[{}] an empty Var was used ({})", op->name(), site.text()));
    if (&v.tape() != this) throw InputError(fmt::format("[{}] operands are on different tapes ({})", op->name(), site.text()));
    signatures_.push_back({v.type(), v.shape()});
  }
  Signature y;
  try {
    y = op->infer(Arguments(signatures_, [this, x](int i) { return describe(x[i].id()); }));
    if (y.shape.rows().is_counted() && y.shape.rows().number() >= pool_->row_counts().counts.size())
      throw ShapeError(fmt::format("{} has a count of rows that is not of this tape", y.shape.text()));
  } catch (const ShapeError& e) {
    std::string where = site.text();
    if (scope_ != 0) where = where.empty() ? scopes_[scope_] : scopes_[scope_] + ", " + where;
    throw ShapeError(fmt::format("[{}] {}{}", op->name(), e.what(), where.empty() ? "" : " (" + where + ")"));
  }
  if (nodes_.size() >= 0xffffffffu) throw ShapeError("a tape holds at most 2^32 - 1 nodes");
  const auto first = static_cast<std::uint32_t>(inputs_.size());
  for (const Var& v : x) inputs_.push_back(v.id());
  nodes_.push_back({op, y.shape, y.type, first, static_cast<std::uint32_t>(x.size()), scope_, site});
  return Var(*this, size() - 1);
}

NodeId Tape::copy(const Tape& from, NodeId id, std::span<const NodeId> inputs) {
  const Node& n = from.node(id);
  Node mine = n;
  mine.first_input = static_cast<std::uint32_t>(inputs_.size());
  mine.input_count = static_cast<std::uint32_t>(inputs.size());
  inputs_.insert(inputs_.end(), inputs.begin(), inputs.end());
  const auto [it, added] = scope_ids_.try_emplace(from.scopes_[n.scope], static_cast<std::uint32_t>(scopes_.size()));
  if (added) scopes_.push_back(it->first);
  mine.scope = it->second;
  nodes_.push_back(mine);
  if (const auto name = from.names_.find(id); name != from.names_.end()) names_.emplace(size() - 1, name->second);
  return size() - 1;
}

Tape::Site Tape::at(CallSite site) {
  if (site_.line) return Site(nullptr);
  site_ = site;
  return Site(site.line ? this : nullptr);
}

Tape::Scope Tape::scope(const std::string& label) {
  const std::uint32_t outer = scope_;
  std::string path = outer == 0 ? label : scopes_[outer] + "/" + label;
  const auto [it, added] = scope_ids_.try_emplace(path, static_cast<std::uint32_t>(scopes_.size()));
  if (added) scopes_.push_back(std::move(path));
  scope_ = it->second;
  return Scope(*this, outer);
}

Tape::Scope Tape::scope_of(NodeId id) { return Scope(*this, std::exchange(scope_, nodes_[id].scope)); }

// ---- reading ----

std::string Tape::name(NodeId id) const {
  if (const auto it = names_.find(id); it != names_.end()) return it->second;
  const LeafInfo* leaf = nodes_[id].op->leaf();
  if (!leaf) return {};
  return leaf->step < 0 ? leaf->name : fmt::format("{}[{}]", leaf->name, leaf->step);
}

std::string Tape::describe(NodeId id) const {
  std::string n = name(id);
  if (n.empty()) n = std::string(nodes_[id].op->name());
  return fmt::format("{}{} {}", nodes_[id].type == Type::id ? "ids " : "", n, nodes_[id].shape.text());
}

std::string Tape::place(NodeId id) const {
  const std::string& scope = scope_label(id);
  const std::string site = nodes_[id].site.text();
  return scope.empty() || site.empty() ? scope + site : scope + ", " + site;
}

}  // namespace reel
