// What an op's form in C++ is made of: how a file that runs a model without reel (export/emit_cpp.h) says what the op computes. A
// form computes one row, in float. Threads: one per CppWriter.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <reel/graph/op.h>

namespace reel {

// A definition that the file holds once where some form needs it: portable C++17 with <cmath> and <cstring> at most.
struct CppFunction {
  std::string_view text;
  std::vector<const CppFunction*> needs = {};  // which come before it
};

// Of an elementwise op: an element of the result, where {0}, {1}, .. stand for those of the inputs.
struct CppElement {
  std::string text;                       // "sigmoid_of({0})"
  const CppFunction* function = nullptr;  // that it calls
};

// A row of an operand.
struct CppOperand {
  Shape shape;
  Type type = Type::real;
  bool splat = false;                // every element equals the first; given to elementwise ops only
  bool known = false;                // from parameters and constants alone
  std::span<const float> numbers{};  // of what is known; one number where all are equal

  Index size() const { return shape.row_size(); }
  float number(Index i) const { return numbers[numbers.size() == 1 ? 0 : static_cast<std::size_t>(i)]; }  // REQUIRES: known
};

// The form of one node while it is written.
class CppWriter {
 public:
  virtual ~CppWriter() = default;

  int inputs() const { return static_cast<int>(x_.size()); }
  const CppOperand& x(int i) const { return x_[static_cast<std::size_t>(i)]; }
  // Expressions: where the first element of input x lies, and those after it; one element of it.
  virtual std::string pointer(int x) = 0;
  std::string element(int x, std::string_view index);
  // The result, or its pieces one after the other. Up to kRoom elements more may be written.
  const Shape& y_shape() const { return y_shape_; }
  const std::string& y() const { return y_; }
  static constexpr Index kRoom = 16;

  virtual void line(std::string_view statement) = 0;
  virtual void use(const CppFunction& function) = 0;
  virtual std::string constants(std::span<const float> numbers) = 0;  // the name of an array of them
  // The step ends, without effect, unless every id of input x lies in [0, n).
  virtual void check_ids(int x, Index n) = 0;

  // to[i * to_stride + k] = from[i * from_stride + k] for i < count, k < length.
  void copy(const std::string& from, Index from_stride, const std::string& to, Index to_stride, Index length, Index count = 1);

 protected:
  std::vector<CppOperand> x_;
  Shape y_shape_;
  std::string y_;
};

// pointer + offset, and pointer[index], for such pointers.
std::string cpp_offset(const std::string& pointer, Index offset);
std::string cpp_element_at(const std::string& pointer, std::string_view index);

// One of several elementwise ops in one loop.
struct CppInstruction {
  CppElement element;
  std::vector<int> x;  // < inputs: an input of the node; else inputs + index of an earlier instruction
};

// The form of an elementwise op of so many inputs. InputError, by name, from one that states none.
CppElement cpp_element_of(const Op& op, int inputs);

// The loop over elements that computes the instructions one after the other and writes those that are asked for.
void write_loop(CppWriter& writer, std::span<const CppInstruction> instructions, std::span<const int> results);

// A float as a C++ literal of the same value.
std::string cpp_literal(float x);

}  // namespace reel
