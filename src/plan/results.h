// Results that are asked for, as one list. Internal to src/plan and src/export.
#pragma once

#include <span>
#include <string_view>

#include <reel/plan/builder.h>
#include <reel/plan/compile.h>

namespace reel {

// Compiles them. InputError, in the name of `who` asks, when there is none, for one that is empty or on another tape than the
// first, and for a name given to two.
template <class T>
Plan<T> compile_results(std::string_view who, std::span<const Result> results, const CompileOptions& options);

}  // namespace reel
