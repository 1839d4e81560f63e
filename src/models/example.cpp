#include <reel/models/example.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

constexpr std::string_view kInput = "example.input.", kOutput = "example.output.";
constexpr const char* kTolerance = "example.tolerance";

double tolerance_of(const SafetensorsFile& file) {
  const auto text = file.metadata().find(kTolerance);
  if (text == file.metadata().end()) throw FileError(fmt::format("{}: its example has no {}", file.path(), kTolerance));
  double tolerance = 0;
  const auto [end, error] = std::from_chars(text->second.data(), text->second.data() + text->second.size(), tolerance);
  if (error != std::errc() || end != text->second.data() + text->second.size() || !(tolerance >= 0) || !std::isfinite(tolerance))
    throw FileError(fmt::format("{}: {} must be a number of 0 or more", file.path(), kTolerance));
  return tolerance;
}

// The element that is farthest from its own.
void compare(const SafetensorsFile& file, const StoredTensor& stored, std::string_view name, std::span<const double> got,
             double tolerance) {
  std::vector<double> right(static_cast<std::size_t>(stored.elements()));
  file.read<double>(stored, right);
  if (got.size() != right.size())
    throw FileError(fmt::format("{}: the example's output {} is {}, but the model gives {} numbers", file.path(), name,
                                stored.text(), got.size()));
  double largest = 1, worst = -1;
  std::size_t at = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    if (std::isfinite(right[i])) largest = std::max(largest, std::abs(right[i]));
    const bool same = got[i] == right[i] || (std::isnan(got[i]) && std::isnan(right[i]));
    const double off = same ? 0 : std::abs(got[i] - right[i]);
    if (!(off <= worst)) worst = std::isnan(off) ? INFINITY : off, at = i;
  }
  if (worst > tolerance * largest)
    throw FileError(fmt::format("{}: element {} of the example's output {} is {}, but must be {} (tolerance {} of {})",
                                file.path(), at, name, got[at], right[at], tolerance, largest));
}

template <class T>
std::vector<double> numbers(const Session<T>& session, const Result& result) {
  if (result.value.type() == Type::id) {
    const auto ids = session.ids(result.value);
    return {ids.begin(), ids.end()};
  }
  const auto reals = session[result.value];
  return {reals.begin(), reals.end()};
}

}  // namespace

bool has_example(const SafetensorsFile& file) {
  return std::ranges::any_of(file.tensors(), [](const StoredTensor& t) { return t.name.starts_with(kOutput); });
}

template <class T>
void check_example(const SafetensorsFile& file, Session<T>& session) {
  if (!has_example(file)) throw FileError(fmt::format("{}: carries no example", file.path()));
  const double tolerance = tolerance_of(file);
  std::deque<Tensor<T>> reals;
  std::deque<Tensor<std::int32_t>> ids;
  std::vector<Binding> bindings;
  for (const StoredTensor& stored : file.tensors()) {
    if (!stored.name.starts_with(kInput)) continue;
    const std::string_view name = std::string_view(stored.name).substr(kInput.size());  // a Binding has no name of its own
    if (stored_real(stored.type))
      bindings.emplace_back(name, reals.emplace_back(file.read<T>(stored.name)));
    else
      bindings.emplace_back(name, ids.emplace_back(file.read<std::int32_t>(stored.name)));
  }
  session.run(bindings);
  for (const StoredTensor& stored : file.tensors()) {
    if (!stored.name.starts_with(kOutput)) continue;
    const std::string name = stored.name.substr(kOutput.size());
    const auto result = std::ranges::find(session.results(), name, &Result::name);
    if (result == session.results().end())
      throw FileError(fmt::format("{}: the example has an output {}, which the model does not give", file.path(), name));
    compare(file, stored, name, numbers(session, *result), tolerance);
  }
}
template void check_example<float>(const SafetensorsFile&, Session<float>&);
template void check_example<double>(const SafetensorsFile&, Session<double>&);

template <class T>
Example<T>::Example(Session<T>& session, std::span<const Binding> inputs, double tolerance) : tolerance_(tolerance) {
  session.run(inputs);
  const auto copy = [](auto view) { return Tensor(view.shape(), std::span(view.data(), static_cast<std::size_t>(view.size()))); };
  for (const Binding& b : inputs) {
    Kept& kept = kept_.emplace_back(Kept{fmt::format("{}{}", kInput, b.name), {}, {}, b.view.element == Element::i32});
    const auto size = static_cast<std::size_t>(b.view.shape.row_size());
    if (kept.is_ids)
      kept.ids = Tensor<std::int32_t>(b.view.shape, std::span(static_cast<const std::int32_t*>(b.view.data), size));
    else
      kept.real = Tensor<T>(b.view.shape, std::span(static_cast<const T*>(b.view.data), size));
  }
  bool named = false;
  for (const Result& result : session.results()) {
    if (result.name.empty()) continue;
    named = true;
    const bool is_ids = result.value.type() == Type::id;
    Kept& kept = kept_.emplace_back(Kept{fmt::format("{}{}", kOutput, result.name), {}, {}, is_ids});
    if (is_ids)
      kept.ids = copy(session.ids(result.value));
    else
      kept.real = copy(session[result.value]);
  }
  if (!named) throw InputError("Example: none of the session's results has a name");
}

template <class T>
void Example<T>::add_to(std::vector<TensorToStore>& tensors, std::map<std::string, std::string>& metadata) const {
  for (const Kept& kept : kept_) {
    if (kept.is_ids)
      tensors.emplace_back(kept.name, kept.ids.view());
    else
      tensors.emplace_back(kept.name, kept.real.view());
  }
  metadata[kTolerance] = fmt::format("{}", tolerance_);
}
template class Example<float>;
template class Example<double>;

}  // namespace reel
