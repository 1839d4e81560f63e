#include <reel/ops/embedding.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <reel/graph/cpp_form.h>
#include <reel/graph/error.h>
#include <reel/graph/kernels/sum.h>
#include <reel/graph/onnx_form.h>
#include <reel/ops/rowwise.h>

namespace reel {
namespace {

class Embedding final : public RowOp<Embedding> {
 public:
  static constexpr std::string_view kName = "embedding";

  Signature infer(const Arguments& x) const override {
    x.require_count(2);
    x.require_type(0, Type::id);
    x.require_type(1, Type::real);
    if (x.shape(1).batched() || x.shape(1).rank() != 2)
      throw ShapeError(fmt::format("the table must be [V, E]: {}", x.describe(1)));
    return {Type::real, x.shape(0).with_last(x.shape(1).dim(1))};
  }
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override {
    return {Var(), scatter_add(x[0], dy, x[1].shape().dim(0))};
  }

  void write_onnx(OnnxWriter& w) const override { w.result(w.add("Gather", {w.input(1), w.input(0)}, {{"axis", 0}})); }
  void write_cpp(CppWriter& w) const override {
    const Index V = w.x(1).shape.dim(0), E = w.x(1).shape.dim(1);
    w.check_ids(0, V);
    w.line(fmt::format("for (int i = 0; i < {0}; ++i)", w.x(0).size()));
    w.line(fmt::format("  for (int k = 0; k < {0}; ++k) {1}[i * {0} + k] = {2}[{3} * {0} + k];", E, w.y(), w.pointer(1),
                       w.element(0, "i")));
  }

  template <class Row>
  void row(const Row& r) const {
    const Index V = r.x_shape(1).dim(0), E = r.x_shape(1).dim(1);
    for (Index i = 0; i < r.x_shape(0).row_size(); ++i) {
      const std::int32_t id = r.ids(0)[i];
      check_id(id, V, r.index());
      std::copy_n(r.x(1) + id * E, E, r.y() + i * E);
    }
  }
};

// Over pairs of inputs (ids_1, x_1, ids_2, x_2, ...), so that a sum of scatters is one node.
class ScatterAdd final : public OpOf<ScatterAdd> {
 public:
  static constexpr std::string_view kName = "scatter_add";
  explicit ScatterAdd(Index V) : V_(V) {}
  auto key() const { return std::tuple(V_); }
  std::string attributes() const override { return fmt::format("V={}", V_); }

  Signature infer(const Arguments& x) const override {
    if (x.size() == 0 || x.size() % 2) throw ShapeError(fmt::format("takes pairs of inputs, was given {}", x.size()));
    for (int i = 0; i < x.size(); i += 2) {
      x.require_type(i, Type::id);
      x.require_type(i + 1, Type::real);
      if (x.shape(i + 1).rank() == 0 || x.shape(i + 1).without(-1) != x.shape(i) || x.shape(i + 1).last() != x.shape(1).last())
        throw ShapeError(fmt::format("{} do not name the rows of {}", x.describe(i), x.describe(i + 1)));
    }
    return {Type::real, Shape{V_, x.shape(1).last()}};
  }
  std::vector<Var> adjoint(std::span<const Var> x, Var, Var dy) const override {
    std::vector<Var> dx(x.size());
    for (std::size_t i = 0; i < x.size(); i += 2) dx[i + 1] = embedding(x[i], dy);
    return dx;
  }
  Traits traits() const override { return {.merges_in_sums = true}; }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Index E = e.y.shape->dim(1);
    std::vector<std::vector<const S*>> rows(static_cast<std::size_t>(V_));  // by id, in their order
    for (std::size_t p = 0; p < e.x.size(); p += 2)
      for (Index i = 0; i < e.x[p].size; ++i) {
        check_id(e.x[p].ids[i], V_, i / e.x[p].shape->row_size());
        rows[static_cast<std::size_t>(e.x[p].ids[i])].push_back(e.x[p + 1].real + i * E);
      }
    S* y = e.y.real;
    for (const auto& list : rows)
      for (Index k = 0; k < E; ++k)
        *y++ = sum_across<S>(static_cast<Index>(list.size()), [&](Index i) { return list[static_cast<std::size_t>(i)][k]; });
  }

  // Tasks own blocks of columns, so that no two add to the same element.
  Index tasks(Element, std::span<const Signature>, const Signature& y) const override {
    return std::max<Index>(ceil_div(y.shape.dim(1), kColumns), 1);
  }
  std::size_t scratch_bytes(Element, std::span<const Signature>) const override {
    return static_cast<std::size_t>(kBlock) * sizeof(Occurrence<double>) + static_cast<std::size_t>(V_) * sizeof(std::int32_t);
  }

  template <class T>
  void run_as(const KernelCall& c) const {
    const Index E = c.y.shape->dim(1), first = c.task * kColumns;
    Blocks<T> blocks{c.scratch, V_, c.y.row<T>(0) + first, E, std::min(kColumns, E - first)};
    for (std::size_t p = 0; p < c.x.size(); p += 2)
      for (Index r = 0; r < c.rows_of(c.x[p]); ++r)
        for (Index i = 0; i < c.x[p].shape->row_size(); ++i) {
          const std::int32_t id = c.x[p].row<const std::int32_t>(r)[i];
          check_id(id, V_, r);
          blocks.push(id, c.x[p + 1].row<const T>(r) + i * E + first);
        }
    blocks.end();
  }

 private:
  static constexpr Index kColumns = kernels::AcrossSum<float>::kColumns;
  static constexpr std::int32_t kBlock =
      32768;  // occurrences whose rows are summed word by word; such sums go to the table one by one

  template <class T>
  struct Occurrence {
    const T* row;
    std::int32_t id, next;  // next: of the same id within the block, or kNone
  };
  static constexpr std::int32_t kNone = -1;

  // Adds rows to those of a table, each of which is the sum across the rows of its id.
  template <class T>
  class Blocks {
   public:
    Blocks(std::byte* scratch, Index V, T* table, Index stride, Index columns)
        : occurrences_(reinterpret_cast<Occurrence<T>*>(scratch)),
          first_(reinterpret_cast<std::int32_t*>(occurrences_ + kBlock)),
          table_(table),
          stride_(stride),
          columns_(columns) {
      std::fill_n(first_, V, kNone);
      for (Index v = 0; v < V; ++v) std::fill_n(table + v * stride, columns, T{});
    }
    void push(std::int32_t id, const T* row) {
      if (count_ == kBlock) end();
      occurrences_[count_++] = {row, id, kNone};
    }
    void end() {
      for (std::int32_t i = count_ - 1; i >= 0; --i) occurrences_[i].next = std::exchange(first_[occurrences_[i].id], i);
      for (std::int32_t i = 0; i < count_; ++i)
        if (first_[occurrences_[i].id] == i) add(i);
      count_ = 0;
    }

   private:
    // All of the id whose first occurrence in the block this is.
    void add(std::int32_t i) {
      T* y = table_ + occurrences_[i].id * stride_;
      first_[occurrences_[i].id] = kNone;
      if (occurrences_[i].next == kNone) return sums_.add(occurrences_[i].row, y, columns_, true);
      kernels::AcrossSum<T> sum(columns_);
      for (; i != kNone; i = occurrences_[i].next) sum.push(occurrences_[i].row);
      alignas(kAlignment) T total[kColumns];
      sum.total(total);
      sums_.add(total, y, columns_, true);
    }

    kernels::SumKernels<T> sums_ = kernels::sum_kernels<T>();
    Occurrence<T>* occurrences_;
    std::int32_t* first_;  // by id, its first occurrence in the block
    std::int32_t count_ = 0;
    T* table_;
    Index stride_, columns_;
  };

  Index V_;
};

class OneHot final : public RowOp<OneHot> {
 public:
  static constexpr std::string_view kName = "one_hot";
  explicit OneHot(Index V) : V_(V) {}
  auto key() const { return std::tuple(V_); }
  std::string attributes() const override { return fmt::format("V={}", V_); }
  Signature infer(const Arguments& x) const override {
    x.require_count(1);
    x.require_type(0, Type::id);
    return {Type::real, x.shape(0).with_last(V_)};
  }

  std::vector<Var> adjoint(std::span<const Var> x, Var, Var) const override { return no_gradients(x.size()); }

  void write_onnx(OnnxWriter& w) const override {
    const float off_on[] = {0, 1};
    w.result(w.add("OneHot", {w.input(0), w.whole(V_), w.numbers(off_on, Shape{2})}, {{"axis", -1}}));
  }
  void write_cpp(CppWriter& w) const override {
    w.check_ids(0, V_);
    w.line(fmt::format("for (int i = 0; i < {0}; ++i)", w.x(0).size()));
    w.line(
        fmt::format("  for (int k = 0; k < {0}; ++k) {1}[i * {0} + k] = {2} == k ? 1.0f : 0.0f;", V_, w.y(), w.element(0, "i")));
  }

  template <class Row>
  void row(const Row& r) const {
    using S = typename Row::Number;
    std::fill_n(r.y(), r.y_shape().row_size(), S{});
    for (Index i = 0; i < r.x_shape(0).row_size(); ++i) {
      const std::int32_t id = r.ids(0)[i];
      check_id(id, V_, r.index());
      r.y()[i * V_ + id] = S(1);
    }
  }

 private:
  Index V_;
};

}  // namespace

void check_id(std::int32_t id, Index V, Index row) {
  if (id < 0 || id >= V) throw InputError(fmt::format("id {} in row {} is outside [0, {})", id, row, V));
}

Var embedding(Var ids, Operand table) {
  if (!ids) throw InputError(fmt::format("[embedding] the ids are an empty Var ({})", table.site().text()));
  return ids.tape().append(Embedding{}, {ids, table.on(ids.tape())}, table.site());
}

Var scatter_add(Var ids, Operand x, Index V) {
  if (!ids) throw InputError(fmt::format("[scatter_add] the ids are an empty Var ({})", x.site().text()));
  return ids.tape().append(ScatterAdd(V), {ids, x.on(ids.tape())}, x.site());
}

Var one_hot(Var ids, Index V, CallSite site) {
  if (!ids) throw InputError(fmt::format("[one_hot] the ids are an empty Var ({})", site.text()));
  return ids.tape().append(OneHot(V), {ids}, site);
}

}  // namespace reel
