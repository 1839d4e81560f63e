#include <reel/ops/compile.h>

#include <reel/graph/passes/common_subexpressions.h>
#include <reel/graph/passes/constant_folding.h>
#include <reel/graph/passes/dead_code.h>
#include <reel/graph/passes/defer.h>
#include <reel/graph/passes/fuse.h>
#include <reel/graph/passes/lower.h>
#include <reel/ops/passes/hoist_products.h>
#include <reel/ops/passes/join_contractions.h>
#include <reel/ops/passes/join_products.h>
#include <reel/ops/passes/split_concats.h>
#include <reel/ops/passes/sum_products.h>

namespace reel {

std::vector<Pass> default_passes() {
  return {{"dead_code", passes::dead_code},
          {"constant_folding", passes::constant_folding},
          {"common_subexpressions", passes::common_subexpressions},
          {"defer", passes::defer},
          {"split_concats", passes::split_concats},
          {"common_subexpressions", passes::common_subexpressions},
          {"dead_code", passes::dead_code},
          {"join_contractions", passes::join_contractions},
          {"lower", passes::lower},  // matmul to products
          {"common_subexpressions", passes::common_subexpressions},
          {"dead_code", passes::dead_code},
          {"sum_products", passes::sum_products},
          {"dead_code", passes::dead_code},
          {"join_products", passes::join_products},
          {"hoist_products", passes::hoist_products},
          {"lower", passes::lower},  // products to packed products
          {"common_subexpressions", passes::common_subexpressions},
          {"dead_code", passes::dead_code},
          {"fuse", passes::fuse}};
}

}  // namespace reel
