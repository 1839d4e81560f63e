#include <reel/graph/bindings.h>
#include <complex>
#include <type_traits>

#include "support.h"

using namespace reel;
using namespace reel::test;

TEST_CASE_TEMPLATE("tensor: begins as zeros, aligned to 64 bytes", T, float, double, std::int32_t, std::complex<double>) {
  for (Index n : {1, 3, 64, 1001}) {
    const Tensor<T> t(Shape{n});
    CHECK(t.size() == n);
    CHECK(reinterpret_cast<std::uintptr_t>(t.data()) % kAlignment == 0);
    CHECK(std::all_of(t.begin(), t.end(), [](T x) { return x == T{}; }));
  }
}

TEST_CASE("tensor: holds the values given, row-major") {
  const Tensor<double> t({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(t[1 * 3 + 2] == 6);
  const std::vector<double> numbers{1, 2, 3, 4, 5, 6};
  CHECK(std::equal(t.begin(), t.end(), Tensor<double>({6}, numbers).begin()));
}

TEST_CASE("tensor: refuses B and a wrong number of values") {
  check_throws<ShapeError>([] { Tensor<float>(Shape{B, 2}); }, {"[B, 2]", "must not contain B"});
  check_throws<ShapeError>([] { Tensor<float>({2, 3}, {1, 2}); }, {"[2, 3]", "6 elements, not 2"});
  check_throws<ShapeError>([] { Tensor<float>(Shape{}, std::vector<float>{}); }, {"[]", "1 elements, not 0"});
}

TEST_CASE("tensor: copies are independent, a moved-from tensor is empty") {
  Tensor<double> a({2}, {1, 2});
  Tensor<double> b = a;
  b[0] = 9;
  CHECK(a[0] == 1);
  const double* data = a.data();
  const Tensor<double> c = std::move(a);
  CHECK(c.data() == data);
  CHECK(a.size() == 0);  // NOLINT: what is left is specified
  CHECK(a.shape() == Shape{0});
  a = b;
  CHECK(a[0] == 9);
  b = std::move(a);
  CHECK(b[0] == 9);
  Tensor<double>& same = b;
  b = same;
  CHECK(b[1] == 2);
}

TEST_CASE("tensor: the default is empty") {
  const Tensor<float> t;
  CHECK(t.size() == 0);
  CHECK(t.shape() == Shape{0});
}

TEST_CASE("tensor: views share memory") {
  Tensor<float> t({2, 2}, {1, 2, 3, 4});
  const TensorView<float> view = t.view();
  view[3] = 7;
  CHECK(t[3] == 7);
  const TensorView<const float> read = view;
  CHECK(read.data() == t.data());
  CHECK(read.end() - read.begin() == 4);
  CHECK(TensorView<float>().size() == 0);
}

TEST_CASE("tensor: an input view knows its element type") {
  const Tensor<double> d({2});
  const Tensor<std::int32_t> i({3});
  const std::vector<float> f(4);
  CHECK(InputView(d).element == Element::f64);
  CHECK(InputView(i).element == Element::i32);
  CHECK(InputView(TensorView<const float>(f.data(), {2, 2})).element == Element::f32);
  CHECK(InputView(Tensor<std::complex<double>>({1})).element == Element::c128);
  CHECK(InputView(d).shape == Shape{2});
  CHECK(std::string(element_name(Element::f32)) == "float");
  CHECK(std::string(element_name(Element::c128)) == "complex<double>");
}

TEST_CASE("Tensor: elements by their indices, rows and stretches of rows") {
  Tensor<double> t(Shape{2, 3, 4});
  for (Index i = 0; i < t.size(); ++i) t[i] = static_cast<double>(i);
  CHECK(t(1, 2, 3) == 23);
  t(0, 1, 2) = -1;
  CHECK(t[6] == -1);
  CHECK(t.row(1).shape() == Shape{3, 4});
  CHECK(t.row(1)(0, 1) == 13);
  CHECK(t.row(1).row(2)(3) == 23);
  CHECK(t.rows(1, 2).shape() == Shape{1, 3, 4});
  t.row(0).row(0)(0) = 7;
  CHECK(t.at(0) == 7);
  const Tensor<double>& constant = t;
  CHECK(constant.row(1).at(0) == 12);
  check_throws<InputError>([&] { t.at(24); }, {"24", "[2, 3, 4]"});
  check_throws<InputError>([&] { t.at(-1); }, {"-1"});
  check_throws<InputError>([&] { t(1, 2); }, {"2 indices", "[2, 3, 4]"});
  check_throws<InputError>([&] { t(1, 3, 0); }, {"(1, 3, 0)", "[2, 3, 4]"});
  check_throws<InputError>([&] { t.row(2); }, {"row 2", "[2, 3, 4]"});
  check_throws<InputError>([&] { t.rows(1, 3); }, {"[1, 3)", "[2, 3, 4]"});
  check_throws<InputError>([&] { t.row(0).row(0).row(0).row(0); }, {"row 0"});
}

TEST_CASE("InputView: a temporary is kept") {
  std::vector<InputView> views;
  for (int i = 0; i < 50; ++i) views.push_back(Tensor<double>(Shape{100}, std::vector<double>(100, i)));
  for (int i = 0; i < 50; ++i) CHECK(static_cast<const double*>(views[static_cast<std::size_t>(i)].data)[99] == i);
  const auto long_name = [](int i) { return fmt::format("a name that is too long to be kept in place {}", i); };
  std::vector<Binding> bindings;
  for (int i = 0; i < 50; ++i) bindings.push_back({long_name(i), Tensor<float>(Shape{100})});
  for (int i = 0; i < 50; ++i) CHECK(bindings[static_cast<std::size_t>(i)].name == long_name(i));
  const Tensor<double> lasting(Shape{3});
  CHECK(InputView(lasting).data == lasting.data());
}

TEST_CASE("aligned_bytes: more than there is names the size") {
  for (const std::size_t bytes : {std::size_t{1} << 62, ~std::size_t{0}}) {
    check_throws<MemoryError>([&] { aligned_bytes(bytes); }, {"memory", std::to_string(bytes).c_str()});
    CHECK_THROWS_AS(aligned_bytes(bytes), std::bad_alloc);
  }
}
