#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("parameter set: names, order and numbers") {
  ParameterSet set;
  const Parameter w = set.add("w", {2, 3}), b = set.add("b", {3});
  CHECK(set.size() == 2);
  CHECK(set.elements() == 9);
  CHECK(set.all()[1] == b);
  CHECK(set.find("w") == w);
  CHECK(w.index() == 0);
  CHECK(w.shape() == Shape{2, 3});
  CHECK(ParameterSet().elements() == 0);
}

TEST_CASE("parameter set: errors name what is known") {
  ParameterSet set;
  set.add("cell.U", {2, 3});
  set.add("cell.b", {3});
  check_throws<InputError>([&] { set.add("cell.U", {3, 3}); }, {"cell.U", "[2, 3]"});
  check_throws<InputError>([&] { set.find("cell.u"); }, {"\"cell.u\"", "cell.U", "cell.b"});
  check_throws<InputError>([&] { set.freeze("U"); }, {"\"U\"", "cell.U"});
  check_throws<ShapeError>([&] { set.add("batched", {B, 3}); }, {"batched", "[B, 3]"});
  check_throws<InputError>([&] { set.add("cell.W", {3, 3}, {}); }, {"\"cell.W\"", "initializer"});
  CHECK(set.size() == 2);
}

TEST_CASE("parameter set: freezing") {
  ParameterSet set;
  const Parameter w = set.add("w", {2}), b = set.add("b", {2});
  set.freeze("w");
  CHECK(set.frozen(w));
  CHECK_FALSE(set.frozen(b));
  CHECK(set.trainable() == std::vector<Parameter>{b});
  set.freeze("w", false);
  CHECK(set.trainable() == std::vector<Parameter>{w, b});
}

TEST_CASE("parameter set: float and double models begin alike") {
  ParameterSet set;
  const Parameter w = set.add("w", {20, 30}, init::normal(1));
  const auto a = set.initial<double>(4);
  const auto b = set.initial<float>(4);
  for (Index i = 0; i < 600; ++i) CHECK(static_cast<float>(a[w][i]) == b[w][i]);
  CHECK(a[w][0] != set.initial<double>(5)[w][0]);
}

TEST_CASE("parameter set: adding a parameter changes no other's beginning") {
  ParameterSet small, large;
  const Parameter w = small.add("w", {5}), w2 = large.add("w", {5});
  large.add("v", {5});
  const auto a = small.initial<double>(1), b = large.initial<double>(1);
  for (Index i = 0; i < 5; ++i) CHECK(a[w][i] == b[w2][i]);
  CHECK(b.at(1)[0] != b.at(0)[0]);
}

TEST_CASE("parameter set: set_values copies and refuses other shapes") {
  ParameterSet set;
  const Parameter w = set.add("w", {2, 2});
  auto values = set.initial<float>(1);
  const auto version = values.version();
  set_values<float>(set, values, "w", Tensor<float>(Shape{2, 2}, {1, 2, 3, 4}));
  check_close(values[w], {1, 2, 3, 4});
  CHECK(values.version() != version);
  check_throws<ShapeError>([&] { set_values<float>(set, values, "w", Tensor<float>(Shape{4})); }, {"w", "[2, 2]", "[4]"});
  check_throws<InputError>([&] { set_values<float>(set, values, "v", Tensor<float>(Shape{4})); }, {"\"v\"", "w"});
  check_close(values[w], {1, 2, 3, 4});
}

TEST_CASE("parameter set: converted values are rounded") {
  ParameterSet set;
  const Parameter w = set.add("w", {3}, init::values({1.0 / 3, -2, 1e-30}));
  const auto values = set.initial<double>(1);
  const auto rounded = converted<float>(set, values);
  CHECK(rounded[w][0] == 1.0f / 3);
  const auto back = converted<double>(set, rounded);
  CHECK(back[w][0] == static_cast<double>(1.0f / 3));
  CHECK(back.set() == values.set());
  ParameterSet other;
  other.add("v", {1});
  check_throws<InputError>([&] { converted<float>(other, values); }, {"v", "not among"});
  set.add("later", {2});
  check_throws<InputError>([&] { converted<float>(set, values); }, {"later", "not among"});
}

TEST_CASE("parameter set: the summary has a line for each and the total") {
  ParameterSet set;
  set.add("lstm.U_i", {65, 256});
  set.add("lstm.b_i", {256});
  set.freeze("lstm.b_i");
  const std::string text = set.summary();
  for (const char* part : {"lstm.U_i", "[65, 256]", "16640", "frozen", "16896"})
    CHECK_MESSAGE(text.find(part) != std::string::npos, part);
  CHECK(std::ranges::count(text, '\n') == 3);
  CHECK(text.find("frozen") == text.rfind("frozen"));
}
