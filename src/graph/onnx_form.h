// What an op's form in ONNX is made of: operators of the standard opset 17 over named values (export/export_onnx.h). B is the
// first dimension of what has it; ids are int64. Threads: one per OnnxWriter.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <reel/graph/op.h>

namespace reel {

inline constexpr std::int64_t kOnnxOpset = 17;
// Types of elements, for Cast.
inline constexpr std::int64_t kOnnxFloat = 1, kOnnxInt64 = 7, kOnnxBool = 9;

using OnnxAttribute = std::pair<std::string, std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>>>;

// The form of one node while it is written.
class OnnxWriter {
 public:
  virtual ~OnnxWriter() = default;

  int inputs() const { return static_cast<int>(x_.size()); }
  const Signature& x(int i) const { return x_[static_cast<std::size_t>(i)]; }
  const Shape& y_shape() const { return y_shape_; }
  // Names of values: of an input in its whole shape; of all, some perhaps smaller, that an elementwise operator repeats to it.
  virtual std::string input(int i) = 0;
  virtual std::vector<std::string> elements() = 0;

  // Appends an operator with one result, and returns its name.
  virtual std::string add(std::string_view operation, std::span<const std::string> x,
                          std::span<const OnnxAttribute> attributes) = 0;
  std::string add(std::string_view operation, const std::vector<std::string>& x,
                  const std::vector<OnnxAttribute>& attributes = {}) {
    return add(operation, std::span<const std::string>(x), std::span<const OnnxAttribute>(attributes));
  }
  // Names of constants: numbers of a shape without B, [] where it is left out; whole numbers as a list, or one alone.
  virtual std::string numbers(std::span<const float> numbers, const Shape& shape) = 0;
  std::string number(float x) { return numbers({&x, 1}, Shape{}); }
  virtual std::string wholes(std::span<const std::int64_t> list) = 0;
  std::string wholes(const std::vector<std::int64_t>& list) { return wholes(std::span<const std::int64_t>(list)); }
  virtual std::string whole(std::int64_t x) = 0;
  virtual std::string dimensions(const Shape& shape) = 0;  // as a list of whole numbers, B as the run has it

  // What the node's value is. Of the second, the value repeats to the node's shape as elementwise operators do it.
  virtual void result(const std::string& value) = 0;
  virtual void repeated_result(const std::string& value) = 0;

  // The axis of a value of this shape, where B counts.
  static std::int64_t axis(const Shape& shape, int axis) { return shape.axis(axis) + (shape.batched() ? 1 : 0); }

 protected:
  std::vector<Signature> x_;
  Shape y_shape_;
};

}  // namespace reel
