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
