#include "support.h"

using namespace reel;
using namespace reel::test;

TEST_CASE("shape: text, rank and sizes with and without B") {
  const Shape scalar, matrix{3, 4}, batched{B, 3, 4}, rows{B};
  CHECK(scalar.text() == "[]");
  CHECK(matrix.text() == "[3, 4]");
  CHECK(batched.text() == "[B, 3, 4]");
  CHECK(rows.text() == "[B]");
  CHECK(scalar.rank() == 0);
  CHECK(batched.rank() == 2);  // without B
  CHECK(scalar.row_size() == 1);
  CHECK(batched.row_size() == 12);
  CHECK(batched.last() == 4);
  CHECK(batched.leading() == 3);
  CHECK(rows.last() == 1);
  CHECK(rows.leading() == 1);
  CHECK(batched.elements(5) == 60);
  CHECK(matrix.elements(5) == 12);
}

TEST_CASE("shape: axes count without B and from the end") {
  const Shape s{B, 2, 3, 5};
  CHECK(s.dim(0) == 2);
  CHECK(s.dim(-1) == 5);
  CHECK(s.axis(-3) == 0);
  CHECK(s.leading_product(2) == 6);
  CHECK(s.trailing_product(0) == 15);
  check_throws<ShapeError>([&] { (void)s.dim(3); }, {"no axis 3", "[B, 2, 3, 5]"});
  check_throws<ShapeError>([&] { (void)s.dim(-4); }, {"no axis -4"});
  check_throws<ShapeError>([] { (void)Shape{B}.dim(0); }, {"no axis 0 in [B]"});
}

TEST_CASE("shape: derived shapes") {
  const Shape s{B, 2, 3};
  CHECK(s.row() == Shape{2, 3});
  CHECK(Shape{2, 3}.with_rows(B) == s);
  CHECK(s.with_dim(-1, 7) == Shape{B, 2, 7});
  CHECK(s.without(0) == Shape{B, 3});
  CHECK(s.without(-1) == Shape{B, 2});
  CHECK(s.with_last(4) == Shape{B, 2, 3, 4});
  CHECK(s.with_leading(4) == Shape{B, 4, 2, 3});
  CHECK(s.bind(9) == Shape{9, 2, 3});
  CHECK(Shape{2}.bind(9) == Shape{2});
  CHECK(Shape{B}.bind(0) == Shape{0});
}

TEST_CASE("shape: equality tells B from a number, and ignores what was cut away") {
  CHECK(Shape{B, 2} != Shape{2});
  CHECK(Shape{B} != Shape{});
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(Shape{2, 3}.without(1) == Shape{2});
}

TEST_CASE("shape: empty dimensions are allowed, negative ones refused") {
  CHECK(Shape{B, 0, 5}.row_size() == 0);
  CHECK(Shape{B, 3}.elements(0) == 0);
  CHECK(Shape{3, 0}.with_dim(1, 2).row_size() == 6);
  check_throws<ShapeError>([] { Shape{-1}; }, {"negative dimension -1"});
  check_throws<ShapeError>([] { (void)Shape{2}.with_dim(0, -3); }, {"negative dimension -3"});
}

TEST_CASE("shape: B comes first") {
  check_throws<ShapeError>([] { Shape{2, B}; }, {"B must be the first"});
  check_throws<ShapeError>([] { Shape{B, B}; }, {"B must be the first"});
}

TEST_CASE("shape: at most six dimensions besides B, so that steps and rows can be bound before them") {
  const Shape most{B, 1, 2, 3, 4, 5, 6};
  CHECK(most.rank() == Shape::kMaxBatchedRank);
  CHECK(most.bind(2).with_leading(3).rank() == Shape::kMaxRank);
  check_throws<ShapeError>([] { Shape{B, 1, 2, 3, 4, 5, 6, 7}; }, {"more than 6 dimensions besides B"});
  check_throws<ShapeError>([&] { (void)most.with_last(7); }, {"more than 6 dimensions besides B"});
  check_throws<ShapeError>([&] { (void)most.with_leading(7); }, {"more than 6 dimensions besides B"});
  check_throws<ShapeError>([] { Shape{1, 2, 3, 4, 5, 6, 7, 8, 9}; }, {"more than 8 dimensions"});
}

TEST_CASE("shape: sizes that overflow are refused, even beside an empty dimension") {
  const Index huge = Index{1} << 40;
  check_throws<ShapeError>([&] { Shape{huge, huge}; }, {"overflows"});
  check_throws<ShapeError>([&] { Shape{huge, huge, 0}; }, {"overflows"});
  check_throws<ShapeError>([&] { (void)Shape{B, huge}.elements(huge); }, {"overflows"});
  CHECK(checked_product(huge, 1 << 20) == Index{1} << 60);
  check_throws<ShapeError>([&] { checked_product(huge, huge); }, {"overflows"});
}
