#include <reel/plan/parameter_check.h>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {

template <class T>
void check_parameters(const PlanData& p, const ParameterValues<T>* values) {
  if (p.parameter_count == 0) return;
  if (!values) throw InputError(fmt::format("the model has parameters, {} among them: give their values", p.last_parameter));
  if (values->set() != p.parameter_set)
    throw InputError(
        fmt::format("the parameter {} is of another ParameterSet than the values that were given", p.last_parameter));
  if (values->size() < p.parameter_count)
    throw InputError(
        fmt::format("the parameter {} is number {} of its set, but values were given for {}; draw them, or make the "
                    "Trainer, after all parameters were added",
                    p.last_parameter, p.parameter_count, values->size()));
}
template void check_parameters<float>(const PlanData&, const ParameterValues<float>*);
template void check_parameters<double>(const PlanData&, const ParameterValues<double>*);

}  // namespace reel
