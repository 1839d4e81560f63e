#include <reel/plan/session.h>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <reel/graph/error.h>
#include <reel/plan/results.h>

namespace reel {
template <class T>
Session<T>::Session(std::span<const Result> outputs, const ParameterValues<T>* parameters, SessionOptions options)
    : results_(outputs.begin(), outputs.end()),
      plan_(compile_results<T>("Session", results_, options.compile)),
      workspace_(plan_, parameters, std::move(options.threads), options.seed, std::move(options.memory)) {}

template <class T>
void Session<T>::require_inputs(std::span<const Binding> bindings) const {
  const Tape& tape = results_.front().value.tape();
  for (const Binding& b : bindings) {
    if (tape.has_input(b.name)) continue;
    std::vector<std::string> inputs;
    for (const InputSlot& slot : plan_.inputs()) inputs.push_back(slot.text());
    throw InputError(fmt::format("no input is called \"{}\"; there {} {}", b.name, inputs.size() == 1 ? "is" : "are",
                                 inputs.empty() ? "none" : fmt::format("{}", fmt::join(inputs, ", "))));
  }
}

template <class T>
void Session<T>::run(std::span<const Binding> bindings, const RunOptions& options) {
  require_inputs(bindings);
  RunOptions own = options;
  own.tape = &results_.front().value.tape();
  plan_.run(workspace_, bindings, own);
}

template <class T>
PreparedBindings Session<T>::prepare(std::span<const Binding> bindings) const {
  require_inputs(bindings);
  return plan_.prepare(bindings);
}

template <class T>
void Session<T>::run(const PreparedBindings& prepared, const RunOptions& options) {
  RunOptions own = options;
  own.tape = &results_.front().value.tape();
  plan_.run(workspace_, prepared, own);
}

template <class T>
Var Session<T>::named(std::string_view name) const {
  const auto found = std::ranges::find(results_, name, &Result::name);
  if (found != results_.end() && !name.empty()) return found->value;
  std::vector<std::string> names;
  for (const Result& r : results_)
    if (!r.name.empty()) names.push_back(r.name);
  throw InputError(fmt::format("Session: there is no output \"{}\"; it has {}", name,
                               names.empty() ? "none with a name" : fmt::format("{}", fmt::join(names, ", "))));
}

template class Session<float>;
template class Session<double>;

}  // namespace reel
