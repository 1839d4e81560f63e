#include <cmath>
#include <cstring>

#include <reel/data/keeper.h>
#include <reel/data/text_corpus.h>

#include "directory.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Point {
  int x = 0;
  double y = 0;
  void keep(Keeper& k) {
    k("x", x);
    k("y", y);
  }
};

// One of everything.
struct Everything {
  Index whole = 0;
  std::uint64_t large = 0;
  bool on = false;
  int small = 0;
  double real = 0;
  std::string text;
  std::vector<double> reals;
  std::vector<Index> wholes;
  std::vector<std::int32_t> ids;
  Tensor<float> tensor;
  Point point;
  void keep(Keeper& k) {
    k("whole", whole);
    k("large", large);
    k("on", on);
    k("small", small);
    k("real", real);
    k("text", text);
    k("reals", reals);
    k("wholes", wholes);
    k("ids", ids);
    k("tensor", tensor);
    k("point", point);
    k.same("version", 3);
    k.same("kind", "everything");
  }
};

void write(const std::string& path, auto f) {
  Keeper keeper;
  f(keeper);
  keeper.write(path, {});
}
void restore(const std::string& path, auto f) {
  const SafetensorsFile file(path);
  Keeper keeper(file);
  f(keeper);
  keeper.require_all_restored();
}

}  // namespace

TEST_CASE("keeper: the same lines keep and restore values of every kind") {
  const Directory directory;
  const std::string path = directory / "kept";
  Everything all;
  all.whole = INT64_MIN;
  all.large = ~std::uint64_t{0};
  all.on = true;
  all.small = -7;
  all.real = -0.;
  all.text = std::string("a\0\xFF", 3);
  all.reals = {1, NAN, -INFINITY, 5e-324};
  all.wholes = {3, INT64_MAX};
  all.ids = {1, -1};
  all.tensor = Tensor<float>(Shape{2, 2}, std::array{1.f, 2.f, 3.f, 4.f});
  all.point = {5, .1};
  write(path, [&](Keeper& k) { k("all", all); });

  Everything back;
  restore(path, [&](Keeper& k) { k("all", back); });
  CHECK(back.whole == INT64_MIN);
  CHECK(back.large == ~std::uint64_t{0});
  CHECK(back.on);
  CHECK(back.small == -7);
  CHECK(std::signbit(back.real));
  CHECK(back.text == all.text);
  REQUIRE(back.reals.size() == 4);
  CHECK(std::memcmp(back.reals.data(), all.reals.data(), 4 * sizeof(double)) == 0);
  CHECK(back.wholes == all.wholes);
  CHECK(back.ids == all.ids);
  CHECK(back.tensor.shape() == Shape{2, 2});
  check_close(back.tensor, {1, 2, 3, 4});
  CHECK(back.point.x == 5);
  CHECK(back.point.y == .1);
}

TEST_CASE("keeper: a random stream goes on from any position") {
  const Directory directory;
  for (int drawn = 0; drawn < 10; ++drawn) {
    RandomStream random(3, 5, RandomUse::data), other(9);
    for (int i = 0; i < drawn; ++i) random.bits();
    write(directory / "kept", [&](Keeper& k) { k("random", random); });
    restore(directory / "kept", [&](Keeper& k) { k("random", other); });
    for (int i = 0; i < 20; ++i) CHECK(random.bits() == other.bits());
    CHECK(random.normal() == other.normal());
  }
  RandomStream random(1);
  check_throws<InputError>([&] { random.set_position({1, 1, 0, 2}); }, {"no position"});
  check_throws<InputError>([&] { random.set_position({1, 1, 1, 5}); }, {"no position"});
  std::vector<Index> wrong{1, 2, 3};
  write(directory / "kept", [&](Keeper& k) { k("random", wrong); });
  check_throws<FileError>([&] { restore(directory / "kept", [&](Keeper& k) { k("random", random); }); },
                          {"kept", "\"random\"", "no position"});
}

TEST_CASE("keeper: text streams go on where they were, and only over the same windows") {
  const Directory directory;
  const std::string path = directory / "kept";
  std::vector<std::int32_t> ids(1000);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(i % 97);
  for (int moves : {0, 1, 5, 40}) {
    TextStreams one(ids, 4, 7), two(ids, 4, 7);
    for (int i = 0; i < moves; ++i) one.next();
    write(path, [&](Keeper& k) { k("streams", one); });
    restore(path, [&](Keeper& k) { k("streams", two); });
    for (int i = 0; i < 50; ++i) {
      CHECK(std::ranges::equal(one.input(), two.input()));
      CHECK(one.next() == two.next());
      CHECK(std::ranges::equal(one.target(), two.target()));
    }
  }
  TextStreams other(ids, 5, 7), shorter(std::span<const std::int32_t>(ids).first(900), 4, 7);
  check_throws<FileError>([&] { restore(path, [&](Keeper& k) { k("streams", other); }); },
                          {"streams/batch", "4 there", "5 here"});
  check_throws<FileError>([&] { restore(path, [&](Keeper& k) { k("streams", shorter); }); },
                          {"streams/characters", "1000", "900"});
}

TEST_CASE("keeper: what does not fit is refused, naming file, item, and both sides") {
  const Directory directory;
  const std::string path = directory / "kept";
  Index n = 300;
  double x = 2;
  std::string text = "t";
  std::vector<double> list{1, 2};
  Tensor<float> t(Shape{2, 3});
  write(path, [&](Keeper& k) {
    k("n", n);
    k("x", x);
    k("text", text);
    k("list", list);
    k("t", t);
    k.same("kind", "lstm");
  });
  const auto refused = [&](auto f, std::initializer_list<const char*> parts) {
    check_throws<FileError>([&] { restore(path, f); }, parts);
  };
  std::int8_t small = 0;
  refused([&](Keeper& k) { k("m", n); }, {path.c_str(), "\"m\"", "not in the file"});
  refused([&](Keeper& k) { k("n", x); }, {"\"n\"", "I64 []", "F64 was expected"});
  refused([&](Keeper& k) { k("n", small); }, {"\"n\"", "300", "beyond the range"});
  refused([&](Keeper& k) { k("x", list); }, {"\"x\"", "F64 []", "1 dimensions"});
  refused([&](Keeper& k) { k("list", x); }, {"\"list\"", "F64 [2]", "0 dimensions"});
  refused([&](Keeper& k) { k.same("kind", "gru"); }, {"\"kind\"", "\"lstm\" there", "\"gru\" here"});
  refused([&](Keeper& k) { k.same("n", 301); }, {"\"n\"", "300 there", "301 here"});
  Tensor<float> other(Shape{3, 2});
  refused([&](Keeper& k) { k.in_place<float>("t", other.view()); }, {"\"t\"", "F32 [2, 3]", "[3, 2] here"});
  refused([&](Keeper& k) { k("n", n); }, {"\"kind\"", "nothing here asks for it"});
  CHECK(n == 300);
  Keeper twice;
  twice("n", n);
  twice("n", n);
  check_throws<InputError>([&] { twice.write(path, {}); }, {"\"n\" comes twice"});
}
