// Tensor<T>: an owning, dense, row-major array aligned to 64 bytes, for T in {float, double, std::int32_t,
// std::complex<double>}. TensorView<T>: the same without owning. InputView: a read-only view of either, with its element type.
//
// Always holds: the shape has no B. A moved-from Tensor is an empty scalar-less tensor of shape [0].
// Threads: as std::vector; concurrent reads are safe.
#pragma once

#include <algorithm>
#include <complex>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

#include <reel/graph/error.h>
#include <reel/graph/shape.h>

namespace reel {

inline constexpr std::size_t kAlignment = 64;

enum class Element : std::uint8_t { f32, f64, i32, c128 };

template <class T>
constexpr Element element_of();
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

const char* element_name(Element e);  // "float", "double", "int32", "complex<double>"
std::size_t element_bytes(Element e);

struct AlignedDelete {
  std::size_t alignment = kAlignment;
  void operator()(void* p) const { ::operator delete (p, std::align_val_t{alignment}); }
};
using AlignedBytes = std::unique_ptr<std::byte[], AlignedDelete>;
// Uninitialised memory, aligned to 64 bytes, or to a huge page when it is that large.
AlignedBytes aligned_bytes(std::size_t bytes);

template <class T>
class TensorView {
 public:
  TensorView() = default;
  TensorView(T* data, Shape shape) : data_(data), shape_(shape) {}
  operator TensorView<const T>() const { return {data_, shape_}; }

  const Shape& shape() const { return shape_; }
  Index size() const { return shape_.row_size(); }
  T* data() const { return data_; }
  T& operator[](Index i) const { return data_[i]; }
  T* begin() const { return data_; }
  T* end() const { return data_ + size(); }

 private:
  T* data_ = nullptr;
  Shape shape_{0};
};

template <class T>
class Tensor {
 public:
  Tensor() : Tensor(Shape{0}) {}
  explicit Tensor(Shape shape) : shape_(checked(shape)), data_(aligned_bytes(static_cast<std::size_t>(size()) * sizeof(T))) {
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
  T& operator[](Index i) { return data()[i]; }
  const T& operator[](Index i) const { return data()[i]; }
  T* begin() { return data(); }
  T* end() { return data() + size(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }

  TensorView<T> view() { return {data(), shape_}; }
  TensorView<const T> view() const { return {data(), shape_}; }
  operator TensorView<const T>() const { return view(); }

 private:
  static Shape checked(Shape s) {
    if (s.batched()) throw ShapeError("a Tensor holds numbers: its shape " + s.text() + " must not contain B");
    return s;
  }
  [[noreturn]] static void wrong_count(const Shape& s, Index given) {
    throw ShapeError("a Tensor of shape " + s.text() + " holds " + std::to_string(s.row_size()) + " elements, not " +
                     std::to_string(given));
  }

  Shape shape_;
  AlignedBytes data_;
};

// A borrowed array with its element type, as bound to an input by name.
struct InputView {
  Element element = Element::f32;
  const void* data = nullptr;
  Shape shape{0};

  InputView() = default;
  template <class T>
  InputView(const Tensor<T>& t) : element(element_of<T>()), data(t.data()), shape(t.shape()) {}  // NOLINT: implicit
  template <class T>
  InputView(TensorView<T> t)  // NOLINT: implicit
      : element(element_of<std::remove_const_t<T>>()), data(t.data()), shape(t.shape()) {}
};

}  // namespace reel
