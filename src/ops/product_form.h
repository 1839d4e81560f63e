// The form of products in C++ (graph/cpp_form.h).
#pragma once

#include <reel/graph/cpp_form.h>
#include <reel/ops/grouped_matmul.h>

namespace reel {

// Of a node over the inputs that grouped_matmul() takes. InputError for weights that are not known before the step runs.
void write_product_cpp(CppWriter& writer, const GroupedMatmulLayout& layout);

}  // namespace reel
