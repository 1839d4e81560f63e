// ParameterSet: the parameters of a model by name, with how they begin and which are frozen.
//
// A handle: copies are the same set. Always holds: names are unique; indices follow the order of adding. Threads: build it in
// one; then it may be read by any.
#pragma once

#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <reel/graph/parameter.h>
#include <reel/models/initializers.h>

namespace reel {

class ParameterSet {
 public:
  ParameterSet();

  // InputError when the name is taken and for an empty Initializer; ShapeError for a shape with B.
  Parameter add(const std::string& name, Shape shape, Initializer begin = init::glorot());

  std::span<const Parameter> all() const { return data_->parameters; }
  Parameter find(const std::string& name) const;  // InputError, listing the known names
  Index size() const { return static_cast<Index>(data_->parameters.size()); }
  Index elements() const;  // elements of all together

  // Frozen parameters are not updated by a Trainer that is made afterwards. Names as in find().
  void freeze(const std::string& name, bool frozen = true);
  bool frozen(const Parameter& p) const;            // InputError for a parameter of another set
  Index freezes() const { return data_->freezes; }  // how often freeze() changed something
  std::vector<Parameter> trainable() const;

  // The numbers at the beginning: each parameter has its own random stream, so that adding one changes no other.
  template <class T>
  ParameterValues<T> initial(std::uint64_t seed) const;

  std::string summary() const;  // one line per parameter, and the total

 private:
  struct Data {
    SetIdentity identity = std::make_shared<const char>();
    std::vector<Parameter> parameters;
    std::vector<Initializer> initializers;
    std::vector<bool> frozen;
    Index freezes = 0;
  };
  std::shared_ptr<Data> data_;
};

// Copies `values` to the parameter called `name`. InputError for an unknown name, ShapeError for a wrong shape.
template <class T>
void set_values(const ParameterSet& set, ParameterValues<T>& to, const std::string& name,
                std::type_identity_t<TensorView<const T>> values);

// The same numbers in another element type. InputError unless `from` has every parameter of the set.
template <class To, class From>
ParameterValues<To> converted(const ParameterSet& set, const ParameterValues<From>& from) {
  ParameterValues<To> to(set.all());
  for (const Parameter& p : set.all()) {
    const auto source = from[p];
    std::transform(source.begin(), source.end(), to.edit(p).begin(), [](From x) { return static_cast<To>(x); });
  }
  return to;
}

}  // namespace reel
