#include <reel/models/parameter_set.h>

#include <fmt/format.h>

namespace reel {

ParameterSet::ParameterSet() : data_(std::make_shared<Data>()) {}

Parameter ParameterSet::add(const std::string& name, Shape shape, Initializer begin) {
  for (const Parameter& p : data_->parameters)
    if (p.name() == name) throw InputError(fmt::format("parameter \"{}\" already exists, with shape {}", name, p.shape().text()));
  if (!begin) throw InputError(fmt::format("parameter \"{}\" has no initializer", name));
  // What may fail comes first: a parameter without its initializer would give every later one the wrong one.
  Parameter added(name, shape, size(), data_->identity);
  const auto make_room = [](auto& list) {
    if (list.size() == list.capacity()) list.reserve(2 * list.size() + 8);
  };
  make_room(data_->parameters);
  make_room(data_->frozen);
  data_->initializers.push_back(std::move(begin));
  data_->frozen.push_back(false);
  data_->parameters.push_back(added);
  return added;
}

Parameter ParameterSet::find(const std::string& name) const {
  std::string known;
  for (const Parameter& p : data_->parameters) {
    if (p.name() == name) return p;
    known += (known.empty() ? "" : ", ") + p.name();
  }
  throw InputError(fmt::format("there is no parameter \"{}\" among: {}", name, known));
}

Index ParameterSet::elements() const {
  Index n = 0;
  for (const Parameter& p : data_->parameters) n += p.shape().row_size();
  return n;
}

void ParameterSet::freeze(const std::string& name, bool frozen) {
  auto known = data_->frozen[static_cast<std::size_t>(find(name).index())];
  data_->freezes += known != frozen;
  known = frozen;
}

bool ParameterSet::frozen(const Parameter& p) const {
  if (p.set() != data_->identity) throw InputError(fmt::format("parameter {} is of another set", p.name()));
  return data_->frozen[static_cast<std::size_t>(p.index())];
}

std::vector<Parameter> ParameterSet::trainable() const {
  std::vector<Parameter> result;
  for (const Parameter& p : data_->parameters)
    if (!frozen(p)) result.push_back(p);
  return result;
}

template <class T>
ParameterValues<T> ParameterSet::initial(std::uint64_t seed) const {
  ParameterValues<T> values(all());
  for (const Parameter& p : data_->parameters) {
    std::vector<double> numbers(static_cast<std::size_t>(p.shape().row_size()));
    RandomStream random(seed, static_cast<std::uint64_t>(p.index()) + 1, RandomUse::parameters);
    data_->initializers[static_cast<std::size_t>(p.index())](numbers, p.shape(), random);
    std::ranges::transform(numbers, values.edit(p).begin(), [](double x) { return static_cast<T>(x); });
  }
  return values;
}
template ParameterValues<float> ParameterSet::initial<float>(std::uint64_t) const;
template ParameterValues<double> ParameterSet::initial<double>(std::uint64_t) const;

std::string ParameterSet::summary() const {
  std::string out;
  for (const Parameter& p : data_->parameters)
    out += fmt::format("{:<24} {:<14} {:>10}{}\n", p.name(), p.shape().text(), p.shape().row_size(), frozen(p) ? "  frozen" : "");
  return out + fmt::format("{:<24} {:<14} {:>10}\n", "all parameters", "", elements());
}

template <class T>
void set_values(const ParameterSet& set, ParameterValues<T>& to, const std::string& name,
                std::type_identity_t<TensorView<const T>> values) {
  const Parameter p = set.find(name);
  if (values.shape() != p.shape())
    throw ShapeError(fmt::format("parameter {} {}: was given {}", name, p.shape().text(), values.shape().text()));
  std::copy_n(values.data(), values.size(), to.edit(p).data());
}
template void set_values<float>(const ParameterSet&, ParameterValues<float>&, const std::string&, TensorView<const float>);
template void set_values<double>(const ParameterSet&, ParameterValues<double>&, const std::string&, TensorView<const double>);

}  // namespace reel
