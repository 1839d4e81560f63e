// Tensor<T>: an owning, dense, row-major array aligned to 64 bytes, for T in {float, double, std::int32_t,
// std::complex<double>}. TensorView<T>: the same without owning. x[i] is the i-th element in row-major order, x(t, r, i) the one
// at these indices, x.row(t) and x.rows(begin, end) what lies there of the first dimension. InputView: a read-only view of
// either, with its element type.
//
// Always holds: the shape has no B. A moved-from Tensor is an empty scalar-less tensor of shape [0].
// Threads: as std::vector; concurrent reads are safe.
#pragma once

#include <algorithm>
#include <complex>
#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <reel/graph/error.h>
#include <reel/graph/shape.h>

namespace reel {

inline constexpr std::size_t kAlignment = 64;

enum class Element : std::uint8_t { f32, f64, i32, c128, bf16 };

template <class T>
constexpr Element element_of() {
  static_assert(sizeof(T) == 0, "elements are float, double, std::int32_t or std::complex<double>");
  return {};
}
template <>
constexpr Element element_of<float>() {
  return Element::f32;
}
template <>
constexpr Element element_of<double>() {
  return Element::f64;
}
template <>
constexpr Element element_of<std::int32_t>() {
  return Element::i32;
}
template <>
constexpr Element element_of<std::complex<double>>() {
  return Element::c128;
}

const char* element_name(Element e);  // "float", "double", "int32", "complex<double>", "bf16"
std::size_t element_bytes(Element e);

struct AlignedDelete {
  std::size_t alignment = kAlignment;
  void operator()(void* p) const { ::operator delete (p, std::align_val_t{alignment}); }
};
using AlignedBytes = std::unique_ptr<std::byte[], AlignedDelete>;
// Uninitialised memory, aligned to 64 bytes, or to a huge page when it is that large. MemoryError, with the size, when there is
// not so much.
AlignedBytes aligned_bytes(std::size_t bytes);

namespace detail {

template <class T>
inline constexpr bool kIsElement = std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, std::int32_t> ||
                                   std::is_same_v<T, std::complex<double>>;

// Which element of a shape stands at these indices. InputError for another number of them, and for one that is outside.
Index checked_offset(const Shape& shape, std::span<const Index> indices);
[[noreturn]] void refuse_index(const Shape& shape, Index i);
// Rows [begin, end) of the first dimension, as (offset, shape); InputError where there are none such.
std::pair<Index, Shape> checked_rows(const Shape& shape, Index begin, Index end);
std::pair<Index, Shape> checked_row(const Shape& shape, Index row);

}  // namespace detail

// What Tensor and TensorView share: reading and writing single elements, rows and stretches of rows. x[i] is checked where NDEBUG
// is not defined; everything else always is, and an InputError says what was wrong.
template <class Self>
class ElementAccess {
 public:
  auto& operator[](Index i) const {
#ifndef NDEBUG
    return at(i);
#else
    return self().data()[i];
#endif
  }
  auto& at(Index i) const {  // the i-th element, row-major
    if (i < 0 || i >= self().size()) detail::refuse_index(self().shape(), i);
    return self().data()[i];
  }
  template <std::convertible_to<Index>... I>
  auto& operator()(I... i) const {  // x(t, r, i)
    const Index indices[] = {static_cast<Index>(i)...};
    return self().data()[detail::checked_offset(self().shape(), indices)];
  }
  auto row(Index r) const {  // of the first dimension, without it
    const auto [offset, shape] = detail::checked_row(self().shape(), r);
    return view_of(self().data() + offset, shape);
  }
  auto rows(Index begin, Index end) const {
    const auto [offset, shape] = detail::checked_rows(self().shape(), begin, end);
    return view_of(self().data() + offset, shape);
  }

 private:
  const Self& self() const { return static_cast<const Self&>(*this); }
  template <class T>
  static auto view_of(T* data, const Shape& shape);
};

template <class T>
class TensorView : public ElementAccess<TensorView<T>> {
 public:
  TensorView() = default;
  TensorView(T* data, Shape shape) : data_(data), shape_(shape) {}
  operator TensorView<const T>() const { return {data_, shape_}; }

  const Shape& shape() const { return shape_; }
  Index size() const { return shape_.row_size(); }
  T* data() const { return data_; }
  T* begin() const { return data_; }
  T* end() const { return data_ + size(); }

 private:
  T* data_ = nullptr;
  Shape shape_{0};
};

template <class Self>
template <class T>
auto ElementAccess<Self>::view_of(T* data, const Shape& shape) {
  return TensorView<T>(data, shape);
}

template <class T>
class Tensor {
  static_assert(detail::kIsElement<T>, "a Tensor is of float, double, std::int32_t or std::complex<double>");

 public:
  Tensor() : Tensor(Shape{0}) {}
  explicit Tensor(Shape shape) : shape_(checked(shape)), data_(memory_of(shape)) {
    std::uninitialized_fill_n(data(), size(), T{});
  }
  // ShapeError unless `values` has exactly the shape's number of elements.
  Tensor(Shape shape, std::span<const T> values) : Tensor(shape) {
    if (static_cast<Index>(values.size()) != size()) wrong_count(shape, static_cast<Index>(values.size()));
    std::copy(values.begin(), values.end(), data());
  }
  Tensor(Shape shape, std::initializer_list<T> values) : Tensor(shape, std::span<const T>(values.begin(), values.size())) {}
  Tensor(Shape shape, const std::vector<T>& values) : Tensor(shape, std::span<const T>(values)) {}

  Tensor(const Tensor& other) : Tensor(other.shape_) { std::copy(other.begin(), other.end(), data()); }
  Tensor(Tensor&& other) noexcept : shape_(other.shape_), data_(std::move(other.data_)) { other.shape_ = Shape{0}; }
  Tensor& operator=(Tensor other) noexcept {
    std::swap(shape_, other.shape_);
    std::swap(data_, other.data_);
    return *this;
  }

  const Shape& shape() const { return shape_; }
  Index size() const { return shape_.row_size(); }
  T* data() { return reinterpret_cast<T*>(data_.get()); }
  const T* data() const { return reinterpret_cast<const T*>(data_.get()); }
  T* begin() { return data(); }
  T* end() { return data() + size(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }

  // As ElementAccess has them.
  T& operator[](Index i) { return view()[i]; }
  const T& operator[](Index i) const { return view()[i]; }
  T& at(Index i) { return view().at(i); }
  const T& at(Index i) const { return view().at(i); }
  template <std::convertible_to<Index>... I>
  T& operator()(I... i) {
    return view()(i...);
  }
  template <std::convertible_to<Index>... I>
  const T& operator()(I... i) const {
    return view()(i...);
  }
  TensorView<T> row(Index r) { return view().row(r); }
  TensorView<const T> row(Index r) const { return view().row(r); }
  TensorView<T> rows(Index begin, Index end) { return view().rows(begin, end); }
  TensorView<const T> rows(Index begin, Index end) const { return view().rows(begin, end); }

  TensorView<T> view() { return {data(), shape_}; }
  TensorView<const T> view() const { return {data(), shape_}; }
  operator TensorView<const T>() const { return view(); }

 private:
  static Shape checked(Shape s) {
    if (s.batched()) throw ShapeError("a Tensor holds numbers: its shape " + s.text() + " must not contain B");
    return s;
  }
  static AlignedBytes memory_of(const Shape& s) {
    constexpr Index kMost = std::numeric_limits<Index>::max() / static_cast<Index>(sizeof(T));
    try {
      return aligned_bytes(s.row_size() > kMost ? ~std::size_t{0} : static_cast<std::size_t>(s.row_size()) * sizeof(T));
    } catch (const MemoryError& e) {
      throw MemoryError("a Tensor of shape " + s.text() + ": " + e.what());
    }
  }
  [[noreturn]] static void wrong_count(const Shape& s, Index given) {
    throw ShapeError("a Tensor of shape " + s.text() + " holds " + std::to_string(s.row_size()) + " elements, not " +
                     std::to_string(given));
  }

  Shape shape_;
  AlignedBytes data_;
};

// An array with its element type, as bound to an input by name: borrowed, unless it is a temporary.
struct InputView {
  Element element = Element::f32;
  const void* data = nullptr;
  Shape shape{0};

  InputView() = default;
  template <class T>
  InputView(const Tensor<T>& t) : element(element_of<T>()), data(t.data()), shape(t.shape()) {}  // NOLINT: implicit
  // A temporary is kept as long as the view and its copies are: its numbers would be gone otherwise.
  template <class T>
  InputView(Tensor<T>&& temporary) : InputView(std::make_shared<const Tensor<T>>(std::move(temporary))) {}  // NOLINT: implicit
  template <class T>
  InputView(TensorView<T> t)  // NOLINT: implicit
      : element(element_of<std::remove_const_t<T>>()), data(t.data()), shape(t.shape()) {}

 private:
  template <class T>
  explicit InputView(std::shared_ptr<const Tensor<T>> kept) : InputView(*kept) {
    owner = std::move(kept);
  }
  std::shared_ptr<const void> owner;
};

}  // namespace reel
