// Parameter: an untyped handle to one trainable array of a set. ParameterValues<T>: the numbers of a whole set.
//
// Always holds: the shape has no B; indices are dense within a set. Threads: handles are immutable; values as a container.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
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

// Tells one ParameterValues from every other that is, was or will be: what was derived from it has its identity and version.
class ValuesIdentity {
 public:
  ValuesIdentity() : unique_(std::make_shared<char>()) {}
  ValuesIdentity(const ValuesIdentity&) : ValuesIdentity() {}  // of a copy: another
  ValuesIdentity(ValuesIdentity&&) noexcept = default;
  ValuesIdentity& operator=(const ValuesIdentity&) = delete;
  const std::shared_ptr<const char>& key() const { return unique_; }

 private:
  std::shared_ptr<const char> unique_;
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
  TensorView<const T> at(Index index) const { return tensors_[checked(index)].view(); }  // InputError where there is none

  // Write access, for before the next run: what is derived from the parameters (packed weights) is made anew then, and not
  // again for a view that was kept.
  TensorView<T> edit(const Parameter& p) { return edit(checked(p)); }
  TensorView<T> edit(Index index) {
    Tensor<T>& tensor = tensors_[checked(index)];
    ++version_;
    return tensor.view();
  }
  void touch() { ++version_; }  // as if all had been edited
  std::uint64_t version() const { return version_; }
  const ValuesIdentity& identity() const { return identity_; }

 private:
  std::size_t checked(Index index) const {
    if (index >= 0 && index < size()) return static_cast<std::size_t>(index);
    throw InputError("there is no parameter " + std::to_string(index) + " among " + std::to_string(size()));
  }
  Index checked(const Parameter& p) const {
    if (p.set() == set_ && p.index() < size()) return p.index();
    throw InputError("parameter " + p.name() + " is not among these values");
  }

  std::vector<Tensor<T>> tensors_;
  SetIdentity set_;
  std::uint64_t version_ = 1;
  ValuesIdentity identity_;
};

// The values that an interpretation reads, of either type, or none.
class ParameterSource {
 public:
  ParameterSource() = default;
  ParameterSource(std::nullptr_t) {}                                        // NOLINT: implicit
  ParameterSource(const ParameterValues<float>* values) : f32_(values) {}   // NOLINT: implicit
  ParameterSource(const ParameterValues<double>* values) : f64_(values) {}  // NOLINT: implicit
  // The values of a parameter; nothing when it is not among them.
  std::optional<InputView> find(const Parameter& p) const {
    return f32_ ? find_in(*f32_, p) : f64_ ? find_in(*f64_, p) : std::nullopt;
  }

 private:
  template <class T>
  static std::optional<InputView> find_in(const ParameterValues<T>& values, const Parameter& p) {
    if (p.set() != values.set() || p.index() >= values.size()) return std::nullopt;
    return InputView(values.at(p.index()));
  }
  const ParameterValues<float>* f32_ = nullptr;
  const ParameterValues<double>* f64_ = nullptr;
};

}  // namespace reel
