#include <reel/plan/passes/sum_products.h>

#include <algorithm>

#include <reel/graph/structural.h>
#include <reel/ops/grouped_matmul.h>
#include <reel/plan/passes/product_levels.h>
#include <reel/plan/rewriter.h>

namespace reel::passes {
namespace {

// A product over fewer k than this costs less as a term of the recurrence's product than its result costs to write and read. Not
// tuned: the layers of bench_rnn have 2 inputs, or 65 and more.
constexpr Index kFewestK = 16;

bool is_row_vector(const Shape& s) { return s.batched() && s.rank() == 1; }

// A product of one term, x [B, K] by one weight, with nothing else.
bool is_plain_product(const Tape& tape, NodeId id) {
  const GroupedMatmulLayout* layout = grouped_matmul_layout(tape, id);
  return layout && layout->steps == 1 && layout->terms == 1 && layout->groups == 1 && !layout->init &&
         is_row_vector(tape.node(tape.inputs(id)[0]).shape);
}

class SumProducts {
 public:
  explicit SumProducts(const Program& p)
      : tape_(*p.tape),
        rewriter_(p),
        uses_(count_uses(tape_, p.roots)),
        free_(parameter_only(tape_)),
        hoistable_(tape_.size(), 0) {
    for (const auto& [weights, members] : products_by_weights(tape_))
      for (const auto& group : equal_levels(tape_, members))
        if (group.size() > 1)
          for (NodeId id : group) hoistable_[id] = tape_.node(tape_.inputs(id)[0]).shape.last() >= kFewestK;
    absorbed_.assign(tape_.size(), 0);
    for (NodeId id = 0; id < tape_.size(); ++id)
      if (is_sum(id))
        for (NodeId x : tape_.inputs(id)) absorbed_[x] = is_sum(x) && uses_[x] == 1;
  }

  Program run() {
    for (NodeId id = 0; id < tape_.size(); ++id) {
      if (!is_sum(id) || absorbed_[id] || !rewrite(id)) rewriter_.keep(id);
    }
    return rewriter_.finish();
  }

 private:
  bool is_sum(NodeId id) const { return tape_.node(id).op->traits().accumulates && is_row_vector(tape_.node(id).shape); }

  // The terms of a sum and of the sums within it, in order.
  std::vector<NodeId> terms_of(NodeId sum) const {
    std::vector<NodeId> terms, pending{sum};
    while (!pending.empty()) {
      const NodeId id = pending.back();
      pending.pop_back();
      if (id != sum && !absorbed_[id]) {
        terms.push_back(id);
        continue;
      }
      const auto inputs = tape_.inputs(id);
      pending.insert(pending.end(), inputs.rbegin(), inputs.rend());
    }
    return terms;
  }

  bool rewrite(NodeId sum) {
    std::vector<NodeId> early, late, constant, other;
    for (NodeId term : terms_of(sum)) {
      if (is_plain_product(tape_, term) && uses_[term] == 1)
        (hoistable_[term] ? early : late).push_back(term);
      else
        (free_[term] ? constant : other).push_back(term);
    }
    if (early.empty() && late.empty()) return false;
    const auto scope = rewriter_.to().scope(tape_.scope_label(sum));
    site_ = tape_.node(sum).site;
    // Parameters alone, then the products that move, then the rest, then the products that stay.
    Var value = total({}, constant);
    if (!early.empty()) value = products_of(early, value);
    value = total(value, other);
    if (!late.empty()) value = products_of(late, value);
    rewriter_.replace(sum, value);
    return true;
  }

  Var mapped(NodeId id) { return rewriter_.to().var(rewriter_.mapped(id)); }

  Var total(Var first, const std::vector<NodeId>& rest) {
    std::vector<Var> terms;
    if (first) terms.push_back(first);
    for (NodeId id : rest) terms.push_back(mapped(id));
    return terms.empty() ? Var() : accumulate(terms, site_);
  }

  Var products_of(const std::vector<NodeId>& terms, Var init) {
    std::vector<Var> x, weights, inits;
    for (NodeId id : terms) {
      x.push_back(mapped(tape_.inputs(id)[0]));
      weights.push_back(mapped(tape_.inputs(id)[1]));
    }
    if (init) inits.push_back(init);
    return grouped_matmul({1, static_cast<Index>(terms.size()), 1, !inits.empty()}, x, weights, inits, site_);
  }

  const Tape& tape_;
  Rewriter rewriter_;
  std::vector<std::uint32_t> uses_;
  std::vector<char> free_;
  std::vector<char> hoistable_, absorbed_;
  CallSite site_;
};

}  // namespace

Program sum_products(const Program& program, Element) { return SumProducts(program).run(); }

}  // namespace reel::passes
