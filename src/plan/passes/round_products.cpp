#include <reel/plan/passes/round_products.h>

#include <reel/ops/grouped_matmul.h>
#include <reel/ops/weight_gradient.h>

namespace reel::passes {
namespace {

Program round(const Program& program, Precision products) {
  const Tape& tape = *program.tape;
  Rewriter rewriter(program);
  std::vector<Var> x;
  for (NodeId id = 0; id < tape.size(); ++id) {
    const GroupedMatmulLayout* product = grouped_matmul_layout(tape, id);
    const WeightGradientLayout* gradient = products == Precision::bf16_weights ? nullptr : weight_gradient_layout(tape, id);
    if (!product && !gradient) {
      rewriter.keep(id);
      continue;
    }
    x.clear();
    for (NodeId input : tape.inputs(id)) x.push_back(rewriter.to().var(rewriter.mapped(input)));
    const auto scope = rewriter.to().scope(tape.scope_label(id));
    if (product) {
      GroupedMatmulLayout layout = *product;
      layout.products = products;
      rewriter.replace(id, grouped_matmul(layout, x, tape.node(id).site));
    } else {
      WeightGradientLayout layout = *gradient;
      layout.products = products;
      rewriter.replace(id, grouped_weight_gradient(layout, x, tape.node(id).site));
    }
  }
  return rewriter.finish();
}

}  // namespace

Pass round_products(Precision products) {
  return {"round_products", [products](const Program& program, Element) {
            return products == Precision::full ? program : round(program, products);
          }};
}

}  // namespace reel::passes
