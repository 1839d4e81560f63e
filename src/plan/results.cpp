#include <reel/plan/results.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {

template <class T>
Plan<T> compile_results(std::string_view who, std::span<const Result> results, const CompileOptions& options) {
  if (results.empty()) throw InputError(fmt::format("{}: there is no output", who));
  std::vector<Var> outputs;
  for (const Result& r : results) {
    if (!r.value) throw InputError(fmt::format("{}: the output \"{}\" is an empty Var", who, r.name));
    if (r.value.tape() != results[0].value.tape())
      throw InputError(fmt::format("{}: the output \"{}\" is on another tape than the first", who, r.name));
    const bool ambiguous = std::ranges::any_of(
        results, [&](const Result& other) { return !r.name.empty() && other.name == r.name && !(other.value == r.value); });
    if (ambiguous) throw InputError(fmt::format("{}: two outputs are called \"{}\"", who, r.name));
    outputs.push_back(r.value);
  }
  return compile<T>(outputs[0].tape(), outputs, options);
}
template Plan<float> compile_results<float>(std::string_view, std::span<const Result>, const CompileOptions&);
template Plan<double> compile_results<double>(std::string_view, std::span<const Result>, const CompileOptions&);

}  // namespace reel
