// Tape: the append-only list of nodes on which a computation is recorded. Var: a cheap handle to one node.
//
// Always holds: the inputs of a node come before it; a node's type and shape are what its op infers from its inputs.
// Walking and freeing a tape needs no recursion. The nodes live as long as the Tape or any of its Vars, so that no Var is ever
// left without them; a Tape is neither copied nor moved. Threads: one thread records; a tape that no longer changes may be read
// by any number.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <reel/graph/call_site.h>
#include <reel/graph/op.h>
#include <reel/graph/parameter.h>

namespace reel {

class Tape;
using TapeIdentity = std::shared_ptr<const char>;  // tells a tape from another that later lies at its address
using NodeId = std::uint32_t;
inline constexpr NodeId kNoNode = 0xffffffffu;  // of no tape: a tape has fewer nodes

struct Node {
  const Op* op;
  Shape shape;
  Type type;
  std::uint32_t first_input;
  std::uint32_t input_count;
  std::uint32_t scope;
  CallSite site;
};

class Var {
 public:
  Var() = default;
  Var(Tape& tape, NodeId id);

  explicit operator bool() const { return tape_ != nullptr; }
  Tape& tape() const {  // this, shape() and type(): InputError for an empty Var
    if (!tape_) refuse_empty();
    return *tape_;
  }
  NodeId id() const { return id_; }
  const Shape& shape() const;
  Type type() const;
  bool operator==(const Var&) const = default;

 private:
  [[noreturn]] static void refuse_empty();
  std::shared_ptr<Tape> tape_;  // shares the nodes
  NodeId id_ = 0;
};

// One Var per time step. As an input it binds one time-major tensor [T, B, ...].
using Sequence = std::vector<Var>;

// The counts of rows of a tape, by number: which input binds each, and which cannot be more than which.
struct RowCountTable {
  struct Entry {
    std::string name;
    Index step, steps;
  };
  std::vector<Entry> counts;
  std::set<std::pair<std::uint32_t, std::uint32_t>> at_most;
};

// Owns the ops that the nodes of a tape, and of the tapes that passes derive from it, point to, and their counts of rows.
class OpPool {
 public:
  explicit OpPool(std::shared_ptr<const OpPool> parent = nullptr)
      : parent_(std::move(parent)),
        row_counts_(parent_ ? parent_->row_counts_ : std::make_shared<RowCountTable>()),
        borrows_row_counts_(parent_ != nullptr) {}

  const RowCountTable& row_counts() const { return *row_counts_; }
  // To change them: what is borrowed of the parent is copied first.
  RowCountTable& own_row_counts();

  std::size_t size() const { return ops_.size(); }  // without the parent's
  const Op* find(const Op& op, std::size_t hash) const;
  const Op* add(std::unique_ptr<const Op> op, std::size_t hash);

 private:
  std::shared_ptr<const OpPool> parent_;
  std::shared_ptr<RowCountTable> row_counts_;
  bool borrows_row_counts_;  // of the parent, which may be read by other threads
  std::vector<std::unique_ptr<const Op>> ops_;
  std::unordered_multimap<std::size_t, const Op*> by_hash_;
};

class Tape {
 public:
  Tape() : Tape(nullptr) {}
  explicit Tape(std::shared_ptr<const OpPool> parent);  // derived tapes share their parent's ops
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // Whether both are the same list of nodes: Var::tape() is another object than the Tape that the Var was recorded on.
  bool operator==(const Tape& other) const { return state_ == other.state_; }

  // ---- leaves ----
  // Real and id inputs, bound by name when a plan runs. InputError when the name is taken.
  Var input(const std::string& name, Shape shape, CallSite site = CallSite::current());
  Var ids(const std::string& name, Shape shape, CallSite site = CallSite::current());
  Sequence input(const std::string& name, Index steps, Shape step_shape, CallSite site = CallSite::current());
  Sequence ids(const std::string& name, Index steps, Shape step_shape, CallSite site = CallSite::current());

  // Counts n_t <= B of the batch's first rows, bound by name as ids [steps] when a plan runs: see ops/rows.h.
  std::vector<RowCount> row_counts(const std::string& name, Index steps);
  void require_at_most(RowCount n, RowCount m);  // checked when both are bound

  // A value that a workspace keeps between runs: zero at first, then what carry() named in the last successful run.
  Var carried(const std::string& name, Shape shape, CallSite site = CallSite::current());
  // InputError unless `state` came from carried() and `next` has its shape.
  void carry(Var state, Var next);

  Var parameter(const Parameter& parameter, CallSite site = CallSite::current());
  Var constant(double value, CallSite site = CallSite::current());                 // []
  Var constant(const Tensor<double>& value, CallSite site = CallSite::current());  // the tensor's shape
  Var fill(Shape shape, double value, CallSite site = CallSite::current());        // may carry B
  Var zeros(Shape shape, CallSite site = CallSite::current()) { return fill(shape, 0.0, site); }
  Var batch_size(CallSite site = CallSite::current());  // [], the number of rows B

  // ---- recording ----
  // ShapeError, with the op's name, every shape and the caller's line, when the op refuses its inputs.
  template <class O>
  Var append(O op, std::span<const Var> x, CallSite site = {}) {
    return append_interned(intern(std::move(op)), x, site);
  }
  template <class O>
  Var append(O op, std::initializer_list<Var> x, CallSite site = {}) {
    return append(std::move(op), std::span<const Var>(x.begin(), x.size()), site);
  }
  template <class O>
  const Op* intern(O op) {
    const std::size_t hash = op.hash();
    if (const Op* known = pool()->find(op, hash)) return known;
    return pool()->add(std::make_unique<O>(std::move(op)), hash);
  }
  const Op* intern(std::unique_ptr<const Op> op);
  Var append_interned(const Op* op, std::span<const Var> x, CallSite site);
  // Appends a node of another tape over inputs of this one, keeping its scope, site and names. No checks.
  NodeId copy(const Tape& from, NodeId id, std::span<const NodeId> inputs);

  // Labels what is recorded while the returned object lives ("lstm/step 3"); nested labels join with '/'.
  class Scope {
   public:
    Scope(Tape& tape, std::uint32_t restore) : tape_(&tape), restore_(restore) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();

   private:
    Tape* tape_;
    std::uint32_t restore_;
  };
  [[nodiscard]] Scope scope(const std::string& label);
  [[nodiscard]] Scope scope_of(NodeId id);  // what is recorded next belongs to the scope of an existing node

  // The line that all which is recorded while the returned object lives is said to come from, whatever lines of the library
  // record it: so composite ops name their caller. Of nested ones the outermost counts.
  class Site {
   public:
    explicit Site(Tape* tape) : tape_(tape) {}
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;
    ~Site();

   private:
    Tape* tape_;  // nullptr within another
  };
  [[nodiscard]] Site at(CallSite site);
  CallSite site(CallSite own) const;  // what messages should name

  void name(Var v, std::string name);  // shown in text, pictures and messages
  // A new key for a source of randomness on this tape.
  std::uint32_t next_random_key();

  // ---- reading ----
  NodeId size() const;
  const Node& node(NodeId id) const;
  std::span<const NodeId> inputs(NodeId id) const;
  const std::string& scope_label(NodeId id) const;
  std::string name(NodeId id) const;                           // given name, or a leaf's own, or ""
  std::string describe(NodeId id) const;                       // "lstm.U [65, 256]"
  std::string place(NodeId id) const;                          // "lstm/step 3, char_rnn.cpp:41"
  std::span<const std::pair<NodeId, NodeId>> carries() const;  // (state, next)
  const std::shared_ptr<OpPool>& pool() const;
  const TapeIdentity& identity() const;
  bool has_input(std::string_view name) const;  // a carried value or counts too
  // The Sequences by name, of counts of rows too, with their numbers of steps.
  std::vector<std::pair<std::string, Index>> sequences() const;
  std::size_t bytes() const;  // an estimate of the memory held
  Var var(NodeId id) { return Var(*this, id); }

 private:
  struct State;
  friend class Var;
  explicit Tape(State& state) : state_(&state) {}

  Var unique_leaf(const Op* op, CallSite site);
  Var leaf_input(const std::string& name, Index step, Index steps, Type type, Shape shape, CallSite site);
  void require_own(const char* what, Var v) const;
  class Claim;

  State* state_;
  std::shared_ptr<State> owner_;  // empty in the Tape that Var::tape() gives
};

struct Tape::State : std::enable_shared_from_this<Tape::State> {
  struct Claim {
    Type type;
    Shape shape;
    Index steps;  // -1: no Sequence
  };

  std::shared_ptr<OpPool> pool;
  TapeIdentity identity = std::make_shared<const char>();
  std::deque<Node> nodes;
  std::vector<NodeId> inputs;
  std::vector<std::string> scopes{""};
  std::unordered_map<std::string, std::uint32_t> scope_ids{{"", 0}};
  std::uint32_t scope = 0;
  CallSite site;  // of a Site that lives; line 0: none
  std::unordered_map<NodeId, std::string> names;
  std::map<std::string, Claim, std::less<>> claims;
  std::unordered_map<const Op*, NodeId> unique_leaves;  // one node per parameter and constant
  std::unordered_map<std::uint64_t, NodeId> numbers;    // one node per scalar constant, by its bits
  std::vector<std::pair<NodeId, NodeId>> carries;
  std::vector<Signature> signatures;  // reused by append
  std::uint32_t random_keys = 0;
  Tape self{*this};
};

inline Var::Var(Tape& tape, NodeId id) : tape_(tape.state_->shared_from_this(), &tape.state_->self), id_(id) {}
inline NodeId Tape::size() const { return static_cast<NodeId>(state_->nodes.size()); }
inline const Node& Tape::node(NodeId id) const { return state_->nodes[id]; }
inline std::span<const NodeId> Tape::inputs(NodeId id) const {
  return {state_->inputs.data() + state_->nodes[id].first_input, state_->nodes[id].input_count};
}
inline const std::string& Tape::scope_label(NodeId id) const { return state_->scopes[state_->nodes[id].scope]; }
inline std::span<const std::pair<NodeId, NodeId>> Tape::carries() const { return state_->carries; }
inline const std::shared_ptr<OpPool>& Tape::pool() const { return state_->pool; }
inline const TapeIdentity& Tape::identity() const { return state_->identity; }
inline bool Tape::has_input(std::string_view name) const { return state_->claims.contains(name); }
inline std::uint32_t Tape::next_random_key() { return state_->random_keys++; }
inline CallSite Tape::site(CallSite own) const { return state_->site.line ? state_->site : own; }
inline Tape::Scope::~Scope() { tape_->state_->scope = restore_; }
inline Tape::Site::~Site() {
  if (tape_) tape_->state_->site = {};
}

inline const Shape& Var::shape() const { return tape().node(id_).shape; }
inline Type Var::type() const { return tape().node(id_).type; }

}  // namespace reel
