// Parameter: an untyped handle to one trainable array of a set. ParameterValues<T>: the numbers of a whole set.
//
// Always holds: the shape has no B; indices are dense within a set. Threads: handles are immutable; values as a container.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <reel/graph/tensor.h>

namespace reel {

// Identifies one set, so that values of one model are not read by a plan of another.
using SetIdentity = std::shared_ptr<const char>;

class Parameter {
 public:
  Parameter() = default;  // empty: using it is an InputError
  Parameter(std::string name, Shape shape, Index index, SetIdentity set);

  explicit operator bool() const { return info_ != nullptr; }
  const std::string& name() const { return info().name; }
  const Shape& shape() const { return info().shape; }
  Index index() const { return info().index; }
  const SetIdentity& set() const { return info().set; }
  bool operator==(const Parameter&) const = default;

 private:
  struct Info {
    std::string name;
    Shape shape;
    Index index;
    SetIdentity set;
  };
  const Info& info() const;
  std::shared_ptr<const Info> info_;
};

template <class T>
class ParameterValues {
 public:
  ParameterValues() = default;
  explicit ParameterValues(std::span<const Parameter> parameters) {
    for (const Parameter& p : parameters) {
      tensors_.emplace_back(p.shape());
      set_ = p.set();
    }
  }

  ParameterValues(const ParameterValues&) = default;
  ParameterValues(ParameterValues&&) noexcept = default;
  // An assignment is an edit of everything.
  ParameterValues& operator=(ParameterValues other) noexcept {
    std::swap(tensors_, other.tensors_);
    std::swap(set_, other.set_);
    version_ = std::max(version_, other.version_) + 1;
    return *this;
  }

  Index size() const { return static_cast<Index>(tensors_.size()); }
  const SetIdentity& set() const { return set_; }
  // InputError for a parameter of another set, or one that was added after these values were made.
  TensorView<const T> operator[](const Parameter& p) const { return at(checked(p)); }
  TensorView<const T> at(Index index) const { return tensors_[index].view(); }

  // Write access, for before the next run: what is derived from the parameters (packed weights) is made anew then, and not
  // again for a view that was kept.
  TensorView<T> edit(const Parameter& p) { return edit(checked(p)); }
  TensorView<T> edit(Index index) {
    ++version_;
    return tensors_[index].view();
  }
  void touch() { ++version_; }  // as if all had been edited
  std::uint64_t version() const { return version_; }

 private:
  Index checked(const Parameter& p) const {
    if (p.set() == set_ && p.index() < size()) return p.index();
    throw InputError("parameter " + p.name() + " is not among these values");
  }

  std::vector<Tensor<T>> tensors_;
  SetIdentity set_;
  std::uint64_t version_ = 1;
};

}  // namespace reel
