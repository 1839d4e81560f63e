#include <reel/plan/session.h>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

std::vector<Result> checked(std::span<const Result> outputs) {
  if (outputs.empty()) throw InputError("Session: there is no output");
  for (const Result& r : outputs) {
    if (!r.value) throw InputError(fmt::format("Session: the output \"{}\" is an empty Var", r.name));
    if (r.value.tape() != outputs[0].value.tape())
      throw InputError(fmt::format("Session: the output \"{}\" is on another tape than the first", r.name));
    const bool ambiguous = std::ranges::any_of(
        outputs, [&](const Result& other) { return !r.name.empty() && other.name == r.name && !(other.value == r.value); });
    if (ambiguous) throw InputError(fmt::format("Session: two outputs are called \"{}\"", r.name));
  }
  return {outputs.begin(), outputs.end()};
}

template <class T>
Plan<T> plan_of(std::span<const Result> results, const CompileOptions& options) {
  std::vector<Var> outputs;
  for (const Result& r : results) outputs.push_back(r.value);
  return compile<T>(outputs[0].tape(), outputs, options);
}

}  // namespace

template <class T>
Session<T>::Session(std::span<const Result> outputs, const ParameterValues<T>* parameters, SessionOptions options)
    : results_(checked(outputs)),
      plan_(plan_of<T>(results_, options.compile)),
      workspace_(plan_, parameters, std::move(options.threads), options.seed, std::move(options.memory)) {}

template <class T>
void Session<T>::run(std::span<const Binding> bindings, const RunOptions& options) {
  const Tape& tape = results_.front().value.tape();
  for (const Binding& b : bindings) {
    if (tape.has_input(b.name)) continue;
    std::vector<std::string> inputs;
    for (const InputSlot& slot : plan_.inputs()) inputs.push_back(slot.text());
    throw InputError(fmt::format("no input is called \"{}\"; there {} {}", b.name, inputs.size() == 1 ? "is" : "are",
                                 inputs.empty() ? "none" : fmt::format("{}", fmt::join(inputs, ", "))));
  }
  RunOptions own = options;
  own.tape = &tape;
  plan_.run(workspace_, bindings, own);
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
