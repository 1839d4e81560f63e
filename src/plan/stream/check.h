// What a model of which streams are made must be like. Internal to src/plan and src/export.
#pragma once

#include <span>
#include <string_view>

#include <reel/plan/builder.h>
#include <reel/plan/kernel_plan.h>

namespace reel {

// InputError, in the name of `who` asks, for an op that draws random numbers, and for an input, output or state without B.
void check_stream(std::string_view who, const PlanData& plan, std::span<const Result> outputs);

}  // namespace reel
