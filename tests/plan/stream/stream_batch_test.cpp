// Streams that are stepped together have the bits of each alone, whoever joins and leaves meanwhile.
#include <reel/plan/stream/stream_batch.h>

#include <map>

#include <reel/models/layers.h>

#include "models/cells/cell_table.h"
#include "numbers.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index I = 3, H = 10, O = 2;

struct Model {
  ParameterSet set;
  AnyCell cell;
  Linear head{set, "head", H, O};
  Tape tape;
  Var y;
  explicit Model(const std::string& kind) : cell(cell_called(kind).make(set, I, H)) {
    y = head(unroll(cell, tape.input("x", 1, {B, I}), carried_state(tape, cell, "state")).outputs.back());
  }
  template <class T>
  StreamModel<T> stream(const ParameterValues<T>& values) const {
    return StreamModel<T>({{"y", y}}, &values);
  }
};

template <class T>
void check_coming_and_going(const std::string& kind) {
  const Model m(kind);
  const auto values = m.set.template initial<T>(1), other = m.set.template initial<T>(2);
  StreamModel<T> model = m.stream(values);
  StreamBatch<T> batch(model, 5);
  struct Alone {
    typename StreamBatch<T>::Member member;
    Stream<T> stream;
  };
  std::vector<Alone> streams;
  RandomStream random(7);
  for (int step = 0; step < 200; ++step) {
    if (step == 100) model.publish(other);
    const auto choice = random.below(3);
    if (choice == 0 && batch.size() < batch.most()) streams.push_back({batch.join(), Stream<T>(model)});
    if (choice == 1 && !streams.empty()) {
      const auto at = static_cast<std::ptrdiff_t>(random.below(static_cast<Index>(streams.size())));
      batch.leave(streams[static_cast<std::size_t>(at)].member);
      CHECK_THROWS_WITH_AS(batch.row(streams[static_cast<std::size_t>(at)].member), doctest::Contains("has left"), InputError);
      streams.erase(streams.begin() + at);
    }
    REQUIRE(batch.size() == static_cast<Index>(streams.size()));
    const std::vector<T> x = numbers<T>(batch.size() * I, static_cast<std::uint64_t>(step));
    std::vector<T> y(static_cast<std::size_t>(batch.size() * O));
    REQUIRE(batch.step(x, y));
    for (Alone& s : streams) {
      const auto row = static_cast<std::size_t>(batch.row(s.member));
      std::vector<T> alone(O);
      REQUIRE(s.stream.step(std::span<const T>(x).subspan(row * I, I), alone));
      CHECK(std::equal(alone.begin(), alone.end(), y.begin() + static_cast<std::ptrdiff_t>(row * O)));
      for (const InputSlot& state : model.states())
        CHECK(std::ranges::equal(batch.state(s.member, state.name), s.stream.state(state.name)));
    }
  }
}

}  // namespace

TEST_CASE("stream batch: rows have the bits of streams alone while others join and leave, and weights are published") {
  for (const char* kind : {"elman", "gru", "lstm"}) {
    CAPTURE(kind);
    check_coming_and_going<float>(kind);
    check_coming_and_going<double>(kind);
  }
}

TEST_CASE("stream batch: a member's state is read and set; what does not fit changes nothing") {
  const Model m("gru");
  const auto values = m.set.initial<float>(1);
  const auto model = m.stream(values);
  CHECK_THROWS_WITH_AS(StreamBatch<float>(model, 0), doctest::Contains("room for 1 stream or more, not 0"), InputError);
  StreamBatch<float> batch(model, 2);
  CHECK(batch.step(std::span<const float>(), std::span<float>()));  // of nobody
  const auto a = batch.join(), b = batch.join();
  CHECK_THROWS_WITH_AS(batch.join(), doctest::Contains("2 streams, as many as"), InputError);
  Stream<float> stream(model);
  const auto x = numbers<float>(2 * I, 1);
  std::vector<float> y(2 * O), one(O);
  REQUIRE(stream.step(std::span(x).first(I), one));
  batch.set_state(b, "state.h", stream.state("state.h"));
  CHECK(std::ranges::equal(batch.state(b, "state.h"), stream.state("state.h")));
  CHECK_THROWS_WITH_AS(batch.set_state(b, "state.h", Tensor<float>(Shape{2, H})), doctest::Contains("[2, 10]"), InputError);
  CHECK_THROWS_WITH_AS(batch.state(b, "h"), doctest::Contains("carries no state \"h\""), InputError);
  CHECK(!batch.step(std::span(x).first(I), y));
  CHECK(!batch.step(x, one));
  REQUIRE(batch.step(x, y));
  REQUIRE(stream.step(std::span(x).last(I), one));
  CHECK(std::equal(one.begin(), one.end(), y.begin() + O));
  batch.leave(a);
  CHECK(batch.row(b) == 0);
  CHECK_THROWS_AS(batch.leave(a), InputError);
  const auto c = batch.join();
  CHECK(!(c == a));  // its place, and not it
  CHECK_THROWS_AS(batch.row(a), InputError);
  CHECK(std::ranges::all_of(batch.state(c, "state.h"), [](float v) { return v == 0; }));
  StreamBatch<float> moved = std::move(batch);
  CHECK(moved.size() == 2);
  CHECK_THROWS_AS(batch.join(), InputError);  // NOLINT: on purpose
  CHECK(!batch.step(x, y));
}
