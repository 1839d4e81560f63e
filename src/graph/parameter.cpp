#include <reel/graph/parameter.h>

#include <fmt/format.h>

namespace reel {

Parameter::Parameter(std::string name, Shape shape, Index index, SetIdentity set) {
  if (shape.batched()) throw ShapeError(fmt::format("parameter {}: its shape {} must not contain B", name, shape.text()));
  info_ = std::make_shared<const Info>(Info{std::move(name), shape, index, std::move(set)});
}

const Parameter::Info& Parameter::info() const {
  if (!info_) throw InputError("an empty Parameter was used; make it with ParameterSet::add");
  return *info_;
}

}  // namespace reel
