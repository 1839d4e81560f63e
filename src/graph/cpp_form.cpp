#include <reel/graph/cpp_form.h>

#include <cmath>

#include <fmt/args.h>
#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {

std::string cpp_literal(float x) {
  if (std::isnan(x)) return "NAN";
  if (std::isinf(x)) return x < 0 ? "-INFINITY" : "INFINITY";
  std::string text = fmt::format("{}", x);  // the shortest that is read back as the same number
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

std::string cpp_offset(const std::string& pointer, Index offset) {
  return offset == 0 ? pointer : fmt::format("{} + {}", pointer, offset);
}

std::string cpp_element_at(const std::string& pointer, std::string_view index) {
  const std::size_t plus = pointer.find(" + ");
  if (plus == std::string::npos) return fmt::format("{}[{}]", pointer, index);
  const std::string_view offset = std::string_view(pointer).substr(plus + 3);
  return fmt::format("{}[{}]", pointer.substr(0, plus),
                     index == "0" ? std::string(offset) : fmt::format("{} + {}", offset, index));
}

std::string CppWriter::element(int x, std::string_view index) {
  const CppOperand& operand = this->x(x);
  if (operand.known && operand.numbers.size() == 1) return cpp_literal(operand.numbers[0]);
  return cpp_element_at(pointer(x), operand.splat ? "0" : index);
}

void CppWriter::copy(const std::string& from, Index from_stride, const std::string& to, Index to_stride, Index length,
                     Index count) {
  if (length == 0 || count == 0) return;
  const bool one = count == 1;
  if (!one) line(fmt::format("for (int i = 0; i < {}; ++i)", count));
  const auto place = [&](const std::string& pointer, Index stride) {
    return cpp_element_at(pointer, one ? "k" : fmt::format("i * {} + k", stride));
  };
  line(fmt::format("{}for (int k = 0; k < {}; ++k) {} = {};", one ? "" : "  ", length, place(to, to_stride),
                   place(from, from_stride)));
}

CppElement cpp_element_of(const Op& op, int inputs) {
  auto element = op.cpp_element(inputs);
  if (!element) throw InputError(fmt::format("[{}] has no form in C++", op.name()));
  return *std::move(element);
}

void write_loop(CppWriter& writer, std::span<const CppInstruction> instructions, std::span<const int> results) {
  const Index n = writer.inputs() > 0 ? writer.x(0).size() : writer.y_shape().row_size();
  if (n == 0) return;
  writer.line(fmt::format("for (int i = 0; i < {}; ++i) {{", n));
  const auto value = [&](int i) {
    return i < writer.inputs() ? writer.element(i, "i") : fmt::format("t{}", i - writer.inputs());
  };
  for (std::size_t s = 0; s < instructions.size(); ++s) {
    const CppInstruction& instruction = instructions[s];
    if (instruction.element.function) writer.use(*instruction.element.function);
    fmt::dynamic_format_arg_store<fmt::format_context> x;
    for (int i : instruction.x) x.push_back(value(i));
    writer.line(fmt::format("  const float t{} = {};", s, fmt::vformat(instruction.element.text, x)));
  }
  for (std::size_t r = 0; r < results.size(); ++r) {
    const std::string at = r == 0 ? "i" : fmt::format("{} + i", static_cast<Index>(r) * n);
    writer.line(fmt::format("  {}[{}] = t{};", writer.y(), at, results[r]));
  }
  writer.line("}");
}

}  // namespace reel
