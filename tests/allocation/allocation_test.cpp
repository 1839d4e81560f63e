// Memory that runs out at any allocation is a typed error, and what was there before is as it was.
#include <reel/data/files.h>
#include <reel/data/images.h>
#include <reel/data/png.h>
#include <reel/data/word_vectors.h>
#include <reel/graph/gradients.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/initializers.h>
#include <reel/models/layers.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/loss.h>
#include <reel/ops/reduction.h>
#include <reel/plan/session.h>
#include <reel/train/trainer.h>

#include "allocation/watched_new.h"
#include "directory.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// Does something with its first, its second, ... allocation failing, until it does without failing; `after`: what must hold after
// every failure. Returns how many allocations there were.
template <class Do, class After>
long at_every_allocation(Do act, After after) {
#ifdef __SANITIZE_ADDRESS__
  constexpr long kAll = 300, kStep = 11;  // each of the first, and some of the others: every attempt is slow here
#else
  constexpr long kAll = 200000, kStep = 1;
#endif
  for (long n = 1;; n += n < kAll ? 1 : kStep) {
    REQUIRE(n < 200000);
    bool failed = false;
    try {
      const FailingAllocation failing(n);
      act();
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    if (!failed) {
      CHECK(!allocation_failed());  // one that failed unnoticed
      return n - 1;
    }
    after();
  }
}

struct Model {
  ParameterSet set;
  Lstm cell{set, "cell", 2, 3};
  Linear head{set, "head", 3, 2};
  ParameterValues<float> values = set.initial<float>(1);
  Tensor<float> x{Shape{3, 2, 2}, std::vector<float>{.1f, .2f, .3f, .4f, .5f, .6f, .7f, .8f, .9f, 1, 1.1f, 1.2f}};
  Tensor<std::int32_t> y{Shape{3, 2}, {0, 1, 1, 0, 1, 1}};

  Var record(Tape& tape) const {
    const Sequence in = tape.input("x", 3, {B, 2}), ids = tape.ids("y", 3, {B});
    const Sequence out = unroll(cell, in, carried_state(tape, cell, "state")).outputs;
    return cross_entropy(map_steps(out, head), ids);
  }
  std::vector<float> whole() const {
    Tape tape;
    const Var loss = record(tape);
    std::vector<Var> outputs = gradients(loss, set.all());
    outputs.push_back(loss);
    const Plan<float> plan = compile<float>(tape, outputs);
    Workspace<float> workspace(plan, &values);
    plan.run(workspace, {{"x", x}, {"y", y}});
    std::vector<float> all;
    for (const Var& v : outputs) {
      const auto value = workspace.value(v);
      all.insert(all.end(), value.begin(), value.end());
    }
    return all;
  }
};

const auto nothing = [] {};

}  // namespace

TEST_CASE("allocation: recording, gradients, compilation and a first run") {
  const Model model;
  const std::vector<float> expected = model.whole();
  std::vector<float> given;
  CHECK(at_every_allocation([&] { given = model.whole(); }, nothing) > 1000);
  CHECK(given == expected);
}

TEST_CASE("allocation: an input that could not be recorded leaves its name free") {
  Tape tape;
  at_every_allocation([&] { tape.input("x", {B, 2}); }, [&] { CHECK(!tape.has_input("x")); });
  at_every_allocation([&] { tape.input("s", 3, {B, 2}); }, [&] { CHECK(!tape.has_input("s")); });
  at_every_allocation([&] { tape.ids("i", 3, {B}); }, [&] { CHECK(!tape.has_input("i")); });
  at_every_allocation([&] { tape.row_counts("n", 3); }, [&] { CHECK(!tape.has_input("n")); });
  at_every_allocation([&] { tape.carried("h", {B}); }, [&] { CHECK(!tape.has_input("h")); });
}

TEST_CASE("allocation: a parameter that could not be added leaves the set as it was") {
  ParameterSet set;
  for (int i = 0; i < 20; ++i) {
    const std::string name = fmt::format("a parameter with quite a long name {}", i);
    at_every_allocation([&] { set.add(name, {1}, init::constant(i)); }, [&] { CHECK(set.size() == i); });
  }
  const auto values = set.initial<double>(1);
  for (Index i = 0; i < 20; ++i) CHECK(values.at(i)[0] == static_cast<double>(i));
}

TEST_CASE("allocation: a run over more rows that fails leaves state and parameters, and the next goes on") {
  const Model model;
  Tape tape;
  const Var loss = model.record(tape);
  const Plan<float> plan = compile<float>(tape, {loss});
  Workspace<float> workspace(plan, &model.values), twin(plan, &model.values);
  const std::vector<Binding> bindings{{"x", model.x}, {"y", model.y}};
  plan.run(workspace, bindings);
  plan.run(twin, bindings);
  CHECK(at_every_allocation([&] { plan.run(workspace, bindings); }, nothing) == 0);  // replay allocates nothing
  plan.run(twin, bindings);
  CHECK(workspace.value(loss)[0] == twin.value(loss)[0]);
  // More rows, once the state is gone.
  workspace.reset();
  twin.reset();
  const Tensor<float> x(Shape{3, 700, 2});
  const Tensor<std::int32_t> y(Shape{3, 700});
  const std::vector<Binding> larger{{"x", x}, {"y", y}};
  CHECK(at_every_allocation([&] { plan.run(workspace, larger); }, nothing) > 0);
  plan.run(twin, larger);
  CHECK(workspace.value(loss)[0] == twin.value(loss)[0]);
  CHECK(std::ranges::equal(workspace.carried("state.h"), twin.carried("state.h")));
}

TEST_CASE("allocation: a trainer's step that fails is as if it had not been tried") {
  Model model;
  const Builder builder = [&model](Tape& tape, Index) { return model.record(tape); };
  Trainer<float> trainer(builder, model.set, Adam{}, ClipNorm{1}, {.threads = ThreadPool(1)}),
      twin(builder, model.set, Adam{}, ClipNorm{1}, {.threads = ThreadPool(1)});
  for (int update = 0; update < 3; ++update) {
    const std::vector<Binding> bindings{{"x", model.x}, {"y", model.y}};
    double loss = 0;
    at_every_allocation([&] { loss = trainer.step(bindings, 3); }, [&] { CHECK(trainer.updates() == update); });
    CHECK(loss == twin.step(bindings, 3));
  }
  for (Index i = 0; i < model.set.size(); ++i) CHECK(std::ranges::equal(trainer.parameters().at(i), twin.parameters().at(i)));
}

TEST_CASE("allocation: files are read, or not; what is written is whole, or what was there before") {
  const Directory directory;
  const std::string path = directory.write("file", "before");
  at_every_allocation([&] { write_file(path, "after, and a little longer"); },
                      [&] {
                        CHECK(read_file(path) == "before");
                        CHECK(directory.files() == 1);
                      });
  CHECK(read_file(path) == "after, and a little longer");
  CHECK(directory.files() == 1);
  std::string text;
  at_every_allocation([&] { text = read_text(path); }, nothing);
  CHECK(text == "after, and a little longer");
  const auto png = encode_png(5, 3, std::vector<std::uint8_t>(5 * 3 * 3, 7));
  const std::string image = directory.write("image.png", {png.begin(), png.end()});
  Tensor<float> pixels;
  at_every_allocation([&] { pixels = read_png(image); }, nothing);
  CHECK(pixels.shape() == Shape{3, 5, 3});
  at_every_allocation([&] { encode_png(5, 3, std::vector<std::uint8_t>(5 * 3 * 3, 7)); }, nothing);
  const std::string vectors = directory.write("v.txt", "3 2\nthe 1 2\ncat 3 4\nsat 5 6\n");
  WordVectors read;
  at_every_allocation([&] { read = read_word_vectors(vectors); }, nothing);
  CHECK(read.words.size() == 3);
  const std::string idx = directory.write("idx", bytes_of({0, 0, 8, 1, 0, 0, 0, 2, 9, 4}));
  at_every_allocation([&] { read_idx(idx); }, nothing);
}

TEST_CASE("allocation: what is too large is named") {
  check_throws<MemoryError>([] { Tensor<double>(Shape{Index{1} << 40, Index{1} << 17}); }, {"[1099511627776, 131072]", "bytes"});
  Tape rows;
  const Var y = rows.fill({B, 1000}, 2.0) * rows.batch_size();
  const Plan<double> wide = compile<double>(rows, {y});
  Workspace<double> other(wide);
  check_throws<InputError>([&] { wide.run(other, {}, {.rows = Index{1} << 62}); }, {"2^31 - 1", "4611686018427387904"});
  check_throws<MemoryError>([&] { wide.run(other, {}, {.rows = kMostRows}); }, {"2147483647 rows", "bytes"});
}
