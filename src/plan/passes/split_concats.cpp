#include <reel/plan/passes/split_concats.h>

#include <algorithm>

#include <reel/graph/structural.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/joining.h>
#include <reel/ops/matmul.h>
#include <reel/ops/transpose.h>
#include <reel/ops/weight_gradient.h>

namespace reel::passes {
namespace {

class SplitConcats {
 public:
  explicit SplitConcats(const Program& p) : from_(*p.tape), rewriter_(p), to_(rewriter_.to()), only_sliced_(from_.size(), 1) {
    for (NodeId root : p.roots) only_sliced_[root] = 0;
    for (NodeId id = 0; id < from_.size(); ++id)
      if (!slices_columns(id))
        for (NodeId x : from_.inputs(id)) only_sliced_[x] = 0;
  }

  Program run() {
    for (NodeId id = 0; id < from_.size(); ++id) {
      const auto scope = to_.scope(from_.scope_label(id));
      site_ = from_.node(id).site;
      if (const Var split = rewrite(id))
        rewriter_.replace(id, split);
      else
        rewriter_.keep(id);
    }
    return rewriter_.finish();
  }

 private:
  Var rewrite(NodeId id) {
    const auto inputs = from_.inputs(id);
    if (from_.node(id).op->traits().accumulates) return sum_of_pads(id);
    if (is_matmul(from_, id))
      return is_rows(from_.node(inputs[0]).shape) ? product(mapped(inputs[0]), mapped(inputs[1]), false) : Var();
    if (slices_columns(id) && only_sliced_[inputs[0]]) return product_of_columns(id);
    if (const WeightGradientLayout* layout = weight_gradient_layout(from_, id)) return contraction_of(id, *layout);
    if (is_batch_sum(from_, id)) return batch_sum_of(id);
    return {};
  }

  Var mapped(NodeId id) { return to_.var(rewriter_.mapped(id)); }
  static bool is_rows(const Shape& s) { return s.batched() && s.rank() == 1; }

  // A slice along the columns of a product of rows.
  bool slices_columns(NodeId id) const {
    const auto range = slice_range(from_, id);
    if (!range) return false;
    const NodeId x = from_.inputs(id)[0];
    return is_matmul(from_, x) && is_rows(from_.node(from_.inputs(x)[0]).shape);
  }

  // The parts of a concat along the last axis of [B, K] on the new tape; none for other nodes.
  std::vector<Var> parts_of(Var x) const {
    const auto axis = concat_axis(to_, x.id());
    std::vector<Var> parts;
    if (axis && is_rows(x.shape()))
      for (NodeId part : to_.inputs(x.id())) parts.push_back(to_.var(part));
    return parts;
  }

  // x W, in parts where x is a concat; else as it is if `always`, and an empty Var if not.
  Var product(Var x, Var w, bool always) {
    const std::vector<Var> parts = parts_of(x);
    if (parts.empty()) return always ? append_product(x, w) : Var();
    std::vector<Var> terms;
    Index row = 0;
    for (const Var& part : parts) {
      const Index K = part.shape().last();
      terms.push_back(append_product(part, rows_of(w, row, row + K)));
      row += K;
    }
    return accumulate(terms, site_);
  }

  Var append_product(Var x, Var w) { return matmul(Operand(x, site_), Operand(w, site_)); }

  bool turned(Var w) const { return is_transpose(to_, w.id()); }
  Var untransposed(Var w) const { return to_.var(to_.inputs(w.id())[0]); }
  Var part_of(Var w, int axis, Index begin, Index end) {
    return begin == 0 && end == w.shape().dim(axis) ? w : slice(Operand(w, site_), axis, begin, end);
  }
  Var rows_of(Var w, Index begin, Index end) {
    return turned(w) ? transpose(part_of(untransposed(w), 1, begin, end)) : part_of(w, 0, begin, end);
  }
  Var columns_of(Var w, Index begin, Index end) {
    return turned(w) ? transpose(part_of(untransposed(w), 0, begin, end)) : part_of(w, 1, begin, end);
  }

  Var product_of_columns(NodeId id) {
    const AxisRange range = *slice_range(from_, id);
    const auto factors = from_.inputs(from_.inputs(id)[0]);
    return product(mapped(factors[0]), columns_of(mapped(factors[1]), range.begin, range.end), true);
  }

  Var sum_of_pads(NodeId id) {
    struct Pad {
      AxisRange at;
      Var value;
    };
    std::vector<Pad> pads;
    std::vector<Var> others;
    for (NodeId x : from_.inputs(id)) {
      const auto range = pad_range(from_, x);
      if (range && (pads.empty() || pads[0].at.axis == range->axis))
        pads.push_back({*range, mapped(from_.inputs(x)[0])});
      else
        others.push_back(mapped(x));
    }
    if (pads.size() < 2) return {};
    std::ranges::stable_sort(pads, {}, [](const Pad& p) { return p.at.begin; });
    const Shape& shape = from_.node(id).shape;
    std::vector<Var> pieces;
    Index at = 0;
    const auto fill_to = [&](Index begin) {
      if (at < begin) pieces.push_back(to_.zeros(shape.with_dim(pads[0].at.axis, begin - at), site_));
    };
    for (const Pad& p : pads) {
      if (p.at.begin < at) return {};
      fill_to(p.at.begin);
      pieces.push_back(p.value);
      at = p.at.end;
    }
    fill_to(shape.dim(pads[0].at.axis));
    others.insert(others.begin(), concat(pieces, pads[0].at.axis, site_));
    return accumulate(others, site_);
  }

  // Of a plain weight gradient, whose left or right operands all come apart alike.
  Var contraction_of(NodeId id, const WeightGradientLayout& layout) {
    if (layout.operands() != 2 || layout.sums) return {};
    const auto inputs = from_.inputs(id);
    const auto lefts = parts_of_steps(inputs, 0, 2), rights = parts_of_steps(inputs, 1, 2);
    if (lefts[0].size() == 1 && rights[0].size() == 1) return {};
    const std::size_t L = lefts[0].size(), R = rights[0].size();
    if (static_cast<Index>(L) >= kMostWeightGradientOperands) return {};
    std::vector<Var> results;
    for (std::size_t r = 0; r < R; ++r) {
      std::vector<Var> operands;
      for (std::size_t s = 0; s < lefts.size(); ++s) {
        operands.insert(operands.end(), lefts[s].begin(), lefts[s].end());
        operands.push_back(rights[s][r]);
      }
      results.push_back(grouped_weight_gradient({static_cast<Index>(L), 1, false}, operands, site_));
    }
    return concat(results, 1, site_);
  }

  Var batch_sum_of(NodeId id) {
    const auto parts = parts_of_steps(from_.inputs(id), 0, 1);
    if (parts[0].size() == 1) return {};
    std::vector<Var> sums;
    for (std::size_t i = 0; i < parts[0].size(); ++i) {
      std::vector<Var> terms;
      for (const auto& step : parts) terms.push_back(step[i]);
      sums.push_back(to_.append_interned(from_.node(id).op, terms, site_));
    }
    return concat(sums, 0, site_);
  }

  // By step of so many operands, the parts of operand `which`, or itself where not all come apart in the same widths.
  std::vector<std::vector<Var>> parts_of_steps(std::span<const NodeId> inputs, std::size_t which, std::size_t each) {
    std::vector<std::vector<Var>> parts;
    bool alike = true;
    for (std::size_t i = which; i < inputs.size(); i += each) {
      parts.push_back(parts_of(mapped(inputs[i])));
      alike = alike && !parts.back().empty() && std::ranges::equal(parts.back(), parts.front(), {}, width, width);
    }
    if (alike) return parts;
    for (std::size_t s = 0; s < parts.size(); ++s) parts[s] = {mapped(inputs[each * s + which])};
    return parts;
  }
  static Index width(const Var& v) { return v.shape().last(); }

  const Tape& from_;
  Rewriter rewriter_;
  Tape& to_;
  std::vector<char> only_sliced_;  // read by slices of columns alone
  CallSite site_;
};

}  // namespace

Program split_concats(const Program& program, Element) { return SplitConcats(program).run(); }

}  // namespace reel::passes
