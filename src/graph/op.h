// Op: what a node of a tape computes. One immutable object per distinct op and attributes; a tape shares it among nodes.
//
// An op states, side by side: its name, the rule for its result's shape, its naive evaluation (the oracle), its kernel for
// plans, and its adjoint in terms of other ops. Generic passes and the planner know an op only through what is declared here.
//
// Always holds: a result whose shape carries B depends, row by row, only on the same rows of its batched inputs and on
// unbatched inputs. A result without B may depend on all rows. Threads: const and safe to share.
//
// Derive from OpOf<Self> (any op) or from Elementwise<Self> in ops/elementwise.h.
#pragma once

#include <algorithm>
#include <complex>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include <reel/graph/dealt_rows.h>
#include <reel/graph/parameter.h>
#include <reel/graph/shape.h>
#include <reel/graph/tensor.h>

namespace reel {

class Var;
class Op;
class CppWriter;
class OnnxWriter;
struct CppElement;

enum class Type : std::uint8_t { real, id };

// What a run has besides its inputs; equal for the interpreter and every plan that is given the same.
struct RunContext {
  Index rows = 1;                             // B
  std::uint64_t seed = 0;                     // of dropout masks
  std::uint64_t run = 0;                      // counts successful runs, so that each draws new masks
  std::span<const std::int32_t> counts = {};  // by number, what each count of rows is; unknown ones are taken to be B
  DealtRows dealt = {};                       // where the rows are in the whole batch

  Index rows_of(const Shape& s) const {
    if (!s.batched()) return 1;
    return s.rows().is_counted() && s.rows().number() < counts.size() ? counts[s.rows().number()] : rows;
  }
  Shape bind(const Shape& s) const { return s.bind(rows_of(s)); }
};

struct Signature {
  Type type = Type::real;
  Shape shape;

  Index elements(const RunContext& run) const { return shape.row_size() * run.rows_of(shape); }
};

// The inputs of a node being recorded, for the shape rule and its messages.
class Arguments {
 public:
  Arguments(std::span<const Signature> signatures, std::function<std::string(int)> describe)
      : signatures_(signatures), describe_(std::move(describe)) {}

  int size() const { return static_cast<int>(signatures_.size()); }
  const Signature& operator[](int i) const { return signatures_[i]; }
  const Shape& shape(int i) const { return signatures_[i].shape; }
  std::string describe(int i) const { return describe_(i); }  // "lstm.U [65, 256]"

  // ShapeError unless ...
  void require_count(int n) const;            // ... there are n inputs
  void require_some() const;                  // ... there is one at least
  void require_type(int i, Type type) const;  // ... input i has this type
  void require_all(Type type) const;          // ... every input has
  void require_same_shapes() const;           // ... all shapes are equal
  void require_last(int i) const;             // ... input i has a last dimension

 private:
  std::span<const Signature> signatures_;
  std::function<std::string(int)> describe_;
};

// One operand of a naive evaluation: dense, row-major, B first.
template <class S>
struct OracleOperand {
  S* real = nullptr;
  std::int32_t* ids = nullptr;
  const Shape* shape = nullptr;
  Index size = 0;
};

template <class S>
struct Evaluation {
  RunContext run;
  std::span<const OracleOperand<S>> x;
  OracleOperand<S> y;

  Index rows(const Shape& s) const { return run.rows_of(s); }
};

// One operand of a plan's kernel. Elements within a row are dense; rows lie `stride` elements apart (0: one shared row).
struct KernelOperand {
  void* data = nullptr;
  Index stride = 0;
  const Shape* shape = nullptr;
  Type type = Type::real;
  bool splat = false;  // every element of a row equals the row's first; handed to elementwise tiles only

  template <class T>
  T* row(Index r) const {
    return static_cast<T*>(data) + r * stride;
  }
};

// A kernel's call: `rows` rows beginning with global row `first_row` (1 row for a result without B whose inputs have none).
// A reduction over B sees all rows, and does task `task` of `tasks`; so does, over its rows, what shares columns (Traits).
// Operands with fewer rows than the call say so by rows_of().
struct KernelCall {
  RunContext run;
  Index first_row = 0;
  Index rows = 1;
  Index task = 0;
  Index tasks = 1;
  std::span<const KernelOperand> x;
  KernelOperand y;                         // the result, or the first of its pieces
  std::span<const KernelOperand> results;  // all pieces
  std::byte* scratch = nullptr;            // scratch_bytes() of the op, 64-byte aligned, private to this call

  // Rows of an operand from first_row on.
  Index rows_of(const KernelOperand& p) const {
    return std::max<Index>(run.rows_of(*p.shape) - (p.shape->batched() ? first_row : 0), 0);
  }
};

// A call that is run again and again, made ready beforehand: each run reads where its operands' data lies now.
class BoundCall {
 public:
  virtual ~BoundCall() = default;
  virtual void run() = 0;
  virtual std::size_t bytes() const = 0;  // memory held
};

// Computes y[0, n) from the inputs' n elements each, of which there are at most kMostTileInputs.
inline constexpr int kMostTileInputs = 8;
template <class T>
using Tile = void (*)(const T* const* x, T* y, Index n);

struct Tiles {
  Tile<float> f32 = nullptr;
  Tile<double> f64 = nullptr;
};

// A result that is only another way to read its one input: elements [offset, offset + row size) of each row.
struct ViewRule {
  Index offset = 0;
  bool repeats_row = false;  // the input has no B and each row of the result reads all of it
  bool splat = false;        // one element of the input fills the row
  Index output = -1;         // the input is laid out in pieces (Op::multi_output) and this is one of them, whole
};

struct LeafInfo {
  enum class Kind : std::uint8_t { input, carried, parameter, constant };
  Kind kind;
  std::string name;                       // input and carried
  Index step = -1;                        // input: its step in a Sequence, or -1
  Index steps = 0;                        // input: the length of that Sequence
  Parameter parameter = {};               // parameter
  const Tensor<double>* value = nullptr;  // constant: the numbers (one number stands for all elements)
};

// What passes and the planner may use of an op.
struct Traits {
  bool varies = false;          // the result depends on the RunContext, not on the inputs alone
  bool draws = false;           // ... on its seed and count of runs: the result is random
  bool accumulates = false;     // the sum of inputs of equal shapes
  bool merges_in_sums = false;  // f(a..) + f(b..) = f(a.., b..): a sum of such nodes is one node with all their inputs in order
  bool updates_first =
      false;  // the result, without B, takes the memory of its first input, whose numbers nobody reads afterwards
  bool shares_columns = false;  // a call over rows may be cut into tasks, each of a part of the results' columns
  bool multi_output = false;    // [B, P, ...] is kept as P results [B, ...], each with memory of its own, and read by Output only
  bool continues = false;       // of a sum over the batch: the first input is the state that an earlier part of the sum left
  bool suspends = false;        // ... the result is such a state
};

// For adjoint(): no gradient flows to any of n inputs.
std::vector<Var> no_gradients(std::size_t n);

class Op {
 public:
  virtual ~Op() = default;

  virtual std::string_view name() const = 0;
  virtual std::string attributes() const { return {}; }
  std::string text() const;  // "slice(axis=0 0:2)"
  virtual std::size_t hash() const = 0;
  virtual bool equals(const Op& other) const = 0;  // the same class with the same attributes
  virtual const void* kind() const = 0;            // one address per class of ops

  // The result's type and shape; ShapeError with the broken rule and the operands (the tape adds op and place).
  virtual Signature infer(const Arguments& x) const = 0;

  // dx for each input, as Vars appended to the tape; an empty Var means that no gradient flows there (no_gradients() of them: to
  // none). InputError from an op that states no rule.
  virtual std::vector<Var> adjoint(std::span<const Var> x, Var y, Var dy) const;

  virtual void evaluate(const Evaluation<float>&) const = 0;
  virtual void evaluate(const Evaluation<double>&) const = 0;
  virtual void evaluate(const Evaluation<std::complex<double>>&) const = 0;

  // ---- capabilities ----
  virtual Traits traits() const { return {}; }
  virtual const LeafInfo* leaf() const { return nullptr; }
  virtual std::optional<Tiles> tiles(int) const { return std::nullopt; }  // for so many inputs of the result's shape

  // Every element of a result depends on the same elements of the inputs, all of one shape. Such a node's inputs may be
  // repetitions of one element that are nowhere written out (KernelOperand::splat).
  virtual bool elementwise(int inputs) const { return tiles(inputs).has_value(); }

  virtual std::optional<ViewRule> view(const Shape&, const Shape&) const { return std::nullopt; }  // (input, result)
  // What the numbers of a real result are kept as in a plan of this type.
  virtual Element stored_as(Element plan) const { return plan; }
  // Appends the form of this node that plans run best and returns it; an empty Var keeps the node.
  virtual Var lower(std::span<const Var> x, Var y, Element element) const;

  // Kernels for plans, for every op that is neither leaf nor elementwise nor always a view. Results lie apart from operands, but
  // for what updates its first one. A call has one row where neither the result nor an input has B.
  virtual void run(const KernelCall&, float) const;
  virtual void run(const KernelCall&, double) const;
  // The call of one row, for runs that all have these operands, whose data alone may move; nullptr where run() is as good.
  // Vectors may be read and written whole: kAlignment bytes after each operand can be read, and a result has memory of its own up
  // to a multiple of that. What the call refers to outlives the bound one; it has no scratch.
  virtual std::unique_ptr<BoundCall> bind(const KernelCall&, float) const { return nullptr; }
  virtual std::unique_ptr<BoundCall> bind(const KernelCall&, double) const { return nullptr; }
  // Into how many independent tasks a call over unbatched results may be cut; constant for given shapes.
  virtual Index tasks(Element, std::span<const Signature>, const Signature&) const { return 1; }
  virtual std::size_t scratch_bytes(Element, std::span<const Signature>) const { return 0; }
  // Its form in C++ (graph/cpp_form.h), for what a step in inference holds: of an elementwise op that of an element, of others
  // statements. InputError, by name, from an op that states none.
  virtual std::optional<CppElement> cpp_element(int inputs) const;
  virtual void write_cpp(CppWriter& writer) const;
  // Its form in ONNX (graph/onnx_form.h); InputError, by name, from an op that states none.
  virtual void write_onnx(OnnxWriter& writer) const;
  // Floating-point operations of a run, for profiles; a multiply-add counts as two.
  virtual double flop(std::span<const Signature> x, const Signature& y, const RunContext& run) const;
};

// Supplies the virtual functions from templates of Self:
//   static constexpr std::string_view kName;
//   auto key() const;                                        a tuple of the attributes; may be left out where there are none
//   template <class S> void evaluate_as(const Evaluation<S>&) const;
//   template <class T> void run_as(const KernelCall&) const;  may be left out by leaves, elementwise ops, views, and ops with a
//                                                             lower() that always gives another form
//   template <class T> std::unique_ptr<BoundCall> bind_as(const KernelCall&) const;  may be left out
template <class Self>
class OpOf : public Op {
 public:
  std::string_view name() const final { return Self::kName; }
  std::size_t hash() const final {
    // Two ops of equal keys are one op: attributes that the key leaves out would be lost.
    static_assert(!std::is_same_v<decltype(&Self::key), decltype(&OpOf::key)> || sizeof(Self) == sizeof(OpOf),
                  "an op with attributes must give them in key()");
    return hash_tuple(self().key());
  }
  bool equals(const Op& other) const final {
    return kind() == other.kind() && self().key() == static_cast<const Self&>(other).key();
  }
  const void* kind() const final { return &kKind; }
  static const Self* from(const Op& op) { return op.kind() == &kKind ? static_cast<const Self*>(&op) : nullptr; }

  void evaluate(const Evaluation<float>& e) const final { self().evaluate_as(e); }
  void evaluate(const Evaluation<double>& e) const final { self().evaluate_as(e); }
  void evaluate(const Evaluation<std::complex<double>>& e) const final { self().evaluate_as(e); }

  void run(const KernelCall& c, float t) const final { run_typed(c, t); }
  void run(const KernelCall& c, double t) const final { run_typed(c, t); }
  std::unique_ptr<BoundCall> bind(const KernelCall& c, float t) const final { return bind_typed(c, t); }
  std::unique_ptr<BoundCall> bind(const KernelCall& c, double t) const final { return bind_typed(c, t); }

  auto key() const { return std::tuple<>{}; }

 private:
  static constexpr char kKind = 0;
  const Self& self() const { return static_cast<const Self&>(*this); }

  template <class T>
  void run_typed(const KernelCall& c, T t) const {
    if constexpr (requires { self().template run_as<T>(c); }) {
      self().template run_as<T>(c);
    } else {
      static_assert(overrides(&Self::leaf, &Op::leaf) || overrides(&Self::tiles, &Op::tiles) ||
                        overrides(&Self::view, &Op::view) || overrides(&Self::lower, &Op::lower),
                    "an op that plans cannot do without a kernel must have run_as()");
      Op::run(c, t);
    }
  }

  template <class T>
  std::unique_ptr<BoundCall> bind_typed(const KernelCall& c, T t) const {
    if constexpr (requires { self().template bind_as<T>(c); })
      return self().template bind_as<T>(c);
    else
      return Op::bind(c, t);
  }

  template <class Own, class Base>
  static constexpr bool overrides(Own, Base) {
    return !std::is_same_v<Own, Base>;
  }

  template <class Tuple>
  static std::size_t hash_tuple(const Tuple& key) {
    std::size_t h = std::hash<std::string_view>{}(Self::kName);
    std::apply([&h](const auto&... attribute) { ((h = h * 1000003u ^ hash_of(attribute)), ...); }, key);
    return h;
  }
  template <class A>
  static std::size_t hash_of(const A& attribute) {
    if constexpr (requires { std::hash<A>{}(attribute); }) {
      return std::hash<A>{}(attribute);
    } else {  // a list
      std::size_t h = attribute.size();
      for (const auto& element : attribute) h = h * 1000003u ^ hash_of(element);
      return h;
    }
  }
};

}  // namespace reel
