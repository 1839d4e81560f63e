#include <reel/export/emit_cpp.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <reel/export/cpp_step.h>
#include <reel/graph/cpp_form.h>
#include <reel/graph/error.h>
#include <reel/graph/random.h>
#include <reel/plan/parameter_check.h>
#include <reel/plan/results.h>
#include <reel/plan/stream/check.h>
#include <reel/plan/stream/stream.h>

namespace reel {
namespace {

// The default ones, without those for many rows: products over weights as they are, one for each use.
std::vector<Pass> step_passes() {
  std::vector<Pass> passes = default_passes();
  std::erase_if(passes, [](const Pass& pass) { return pass.name == "hoist_products"; });
  const auto last = std::find_if(passes.rbegin(), passes.rend(), [](const Pass& pass) { return pass.name == "lower"; });
  passes.erase(std::prev(last.base()));
  return passes;
}

std::string_view type_name(Type type) { return type == Type::id ? "std::int32_t" : "float"; }

// What a run of steps gives, for the self-test.
struct Example {
  std::vector<std::vector<float>> x, y;  // by input and output, of all steps
  std::vector<std::vector<std::int32_t>> x_ids, y_ids;
};

Example make_example(const CppStep& step, const StreamModel<float>& model, const CppOptions& options) {
  Example e;
  const auto sized = [&](auto& all, auto& ids, const std::vector<CppStep::Array>& arrays) {
    for (const CppStep::Array& a : arrays) {
      const auto size = static_cast<std::size_t>(a.size * options.test_steps);
      all.emplace_back(a.type == Type::real ? size : 0);
      ids.emplace_back(a.type == Type::id ? size : 0);
    }
  };
  sized(e.x, e.x_ids, step.inputs);
  sized(e.y, e.y_ids, step.outputs);
  RandomStream random(options.seed);
  for (std::vector<float>& x : e.x)
    for (float& number : x) number = static_cast<float>(random.uniform(-1, 1));
  for (std::size_t i = 0; i < e.x_ids.size(); ++i)
    for (std::int32_t& id : e.x_ids[i])
      id = static_cast<std::int32_t>(random.below(std::max<Index>(step.inputs[i].ids_below, 1)));
  Stream<float> stream(model);
  for (Index t = 0; t < options.test_steps; ++t) {
    std::vector<StreamInput<float>> x;
    std::vector<StreamOutput<float>> y;
    const auto part = [t](auto& numbers, Index size) {
      return std::span(numbers).subspan(static_cast<std::size_t>(t * size), static_cast<std::size_t>(size));
    };
    for (std::size_t i = 0; i < e.x.size(); ++i) {
      if (step.inputs[i].type == Type::real)
        x.emplace_back(std::span<const float>(part(e.x[i], step.inputs[i].size)));
      else
        x.emplace_back(std::span<const std::int32_t>(part(e.x_ids[i], step.inputs[i].size)));
    }
    for (std::size_t i = 0; i < e.y.size(); ++i) {
      if (step.outputs[i].type == Type::real)
        y.emplace_back(part(e.y[i], step.outputs[i].size));
      else
        y.emplace_back(part(e.y_ids[i], step.outputs[i].size));
    }
    if (!stream.step(x, y)) throw Error("emit_cpp: the model refuses inputs that were made for it");
  }
  return e;
}

class Header {
 public:
  Header(const CppStep& step, const CppOptions& options) : step_(step), options_(options) {}

  std::string text(const Example& example) {
    comment();
    add("#pragma once\n\n#include <cmath>\n#include <cstddef>\n#include <cstdint>\n#include <cstring>\n\n");
    add("#if defined(__GNUC__)\n#define REEL_INLINE inline __attribute__((always_inline))\n#else\n#define REEL_INLINE inline\n"
        "#endif\n\n");
    add("namespace {} {{\n\n{}\n", options_.name, step_.functions);
    add("{}\n", step_.constants);
    model();
    self_test(example);
    add("}}  // namespace {}\n\n#undef REEL_INLINE\n", options_.name);
    return std::move(text_);
  }

 private:
  template <class... A>
  void add(fmt::format_string<A...> format, A&&... a) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<A>(a)...);
  }

  void comment() {
    std::string_view rest = options_.description;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      // A backslash at its end would make the next line part of the comment.
      add("// {}{}\n", rest.substr(0, end), rest.substr(0, end).ends_with('\\') ? " ." : "");
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (!options_.description.empty()) add("//\n");
    add("// One step of a trained model, made by reel: C++17 that needs no library.\n//\n");
    add("//   {}::Model model;   // zero state; a copy is a branch\n", options_.name);
    add("//   model.step({});\n", arguments(""));
    add("//   model.step({}, n);   // n frames, one after the other\n//\n", arguments(""));
    for (const CppStep::Array& a : step_.inputs)
      add("// {}: {} {} each{}\n", a.name, a.size, a.type == Type::id ? "ids" : "numbers",
          a.ids_below > 0 ? fmt::format(", at least 0 and below {}", a.ids_below) : "");
    for (const CppStep::Array& a : step_.outputs)
      add("// {}: {} {} each, written\n", a.name, a.size, a.type == Type::id ? "ids" : "numbers");
    add("// step() is false, and nothing has changed, for an id that is out of range; of several frames those before it were\n"
        "// made. {}::self_test() says whether this build gives the numbers that reel gave.\n",
        options_.name);
    add("// For speed: -O3 and the flags of the processor, such as -march=native; never -ffast-math.\n");
  }

  // "x, y", with something before each.
  std::string arguments(std::string_view before) const {
    std::string all;
    for (const auto* arrays : {&step_.inputs, &step_.outputs})
      for (const CppStep::Array& a : *arrays) all += fmt::format("{}{}{}", all.empty() ? "" : ", ", before, a.name);
    return all;
  }
  std::string parameters() const {
    std::string all;
    for (const CppStep::Array& a : step_.inputs)
      all += fmt::format("{}const {}* {}", all.empty() ? "" : ", ", type_name(a.type), a.name);
    for (const CppStep::Array& a : step_.outputs)
      all += fmt::format("{}{}* {}", all.empty() ? "" : ", ", type_name(a.type), a.name);
    return all;
  }

  void model() {
    add("struct Model {{\n");
    for (const auto* arrays : {&step_.inputs, &step_.outputs, &step_.states})
      for (const CppStep::Array& a : *arrays) add("  static constexpr std::size_t {}_size = {};\n", a.name, a.size);
    if (!step_.states.empty()) add("\n  // The state.\n");
    for (const CppStep::Array& a : step_.states) add("  alignas(64) float {}[{}] = {{}};\n", a.name, room(a.size));
    add("\n  void reset() noexcept {{\n");
    for (const CppStep::Array& a : step_.states) add("    std::memset({0}, 0, sizeof {0});\n", a.name);
    add("  }}\n\n  bool step({}) noexcept {{\n{}    return true;\n  }}\n\n", parameters(), step_.statements);
    std::string advanced;
    for (const auto* arrays : {&step_.inputs, &step_.outputs})
      for (const CppStep::Array& a : *arrays)
        advanced += fmt::format("{}{} + i * {}_size", advanced.empty() ? "" : ", ", a.name, a.name);
    add("  bool step({}, std::size_t frames) noexcept {{\n", parameters());
    add("    for (std::size_t i = 0; i < frames; ++i)\n      if (!step({})) return false;\n    return true;\n  }}\n}};\n\n",
        advanced);
  }

  template <class T>
  void test_array(const std::string& name, Type type, const std::vector<T>& numbers) {
    add("  static constexpr {} test_{}[] = {{", type_name(type), name);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      add("{}", i % 10 == 0 ? "\n      " : " ");
      if constexpr (std::is_same_v<T, float>)
        add("{},", cpp_literal(numbers[i]));
      else
        add("{},", numbers[i]);
    }
    add("{}}};\n", numbers.empty() ? "0" : "");
  }

  void self_test(const Example& e) {
    add("// Whether numbers lie within `off` of one another, or are the same that is none.\n");
    add("inline bool near(float a, float b, float off) noexcept {{\n"
        "  return std::fabs(a - b) <= off || a == b || (a != a && b != b);\n}}\n\n");
    add("// Whether outputs lie within 1e-5 of the largest from what they were where this was made.\n");
    add("inline bool self_test() noexcept {{\n");
    const auto arrays = [&](const std::vector<CppStep::Array>& all, const auto& numbers, const auto& ids) {
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].type == Type::real)
          test_array(all[i].name, all[i].type, numbers[i]);
        else
          test_array(all[i].name, all[i].type, ids[i]);
      }
    };
    arrays(step_.inputs, e.x, e.x_ids);
    arrays(step_.outputs, e.y, e.y_ids);
    add("  Model model;\n");
    std::string at;
    for (const CppStep::Array& a : step_.inputs)
      at += fmt::format("{}test_{} + t * Model::{}_size", at.empty() ? "" : ", ", a.name, a.name);
    for (const CppStep::Array& a : step_.outputs) {
      at += fmt::format("{}now_{}", at.empty() ? "" : ", ", a.name);
      add("  {} now_{}[{}];\n", type_name(a.type), a.name, room(a.size));
    }
    for (std::size_t i = 0; i < step_.outputs.size(); ++i) {
      float largest = 0;
      for (float y : e.y[i])
        if (std::isfinite(y)) largest = std::max(largest, std::abs(y));
      if (step_.outputs[i].type == Type::real)
        add("  const float off_{} = {};\n", step_.outputs[i].name, cpp_literal(1e-5f * largest));
    }
    add("  for (std::size_t t = 0; t < {}; ++t) {{\n    if (!model.step({})) return false;\n", options_.test_steps, at);
    for (const CppStep::Array& a : step_.outputs) {
      const std::string was = fmt::format("test_{}[t * {} + i]", a.name, a.size);
      add("    for (std::size_t i = 0; i < {}; ++i)\n", a.size);
      if (a.type == Type::real)
        add("      if (!near(now_{0}[i], {1}, off_{0})) return false;\n", a.name, was);
      else
        add("      if (now_{}[i] != {}) return false;\n", a.name, was);
    }
    add("  }}\n  return true;\n}}\n\n");
  }

  static Index room(Index size) { return std::max<Index>(size, 1); }

  const CppStep& step_;
  const CppOptions& options_;
  std::string text_;
};

}  // namespace

std::string emit_cpp(std::span<const Result> outputs, const ParameterValues<float>& values, const CppOptions& options) {
  if (!is_cpp_identifier(options.name))
    throw InputError(fmt::format("emit_cpp: \"{}\" is no name for a namespace in C++", options.name));
  if (options.test_steps < 1)
    throw InputError(fmt::format("emit_cpp: the self-test must have 1 step or more, not {}", options.test_steps));
  CompileOptions for_step;
  for_step.passes = step_passes();
  const Plan<float> plan = compile_results<float>("emit_cpp", outputs, for_step);
  check_stream("emit_cpp", plan.data(), outputs);
  check_parameters(plan.data(), &values);
  std::vector<std::string> names;
  for (const Result& r : outputs) names.push_back(r.name);
  const CppStep step = cpp_step(plan.data(), names, values);
  return Header(step, options).text(make_example(step, StreamModel<float>(outputs, &values), options));
}

}  // namespace reel
