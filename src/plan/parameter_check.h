// Whether values are of the parameters that a plan reads. Internal to src/plan and src/export.
#pragma once

#include <reel/plan/kernel_plan.h>

namespace reel {

// InputError, naming a parameter, when there are none, or they are of another set, or too few.
template <class T>
void check_parameters(const PlanData& plan, const ParameterValues<T>* values);

}  // namespace reel
