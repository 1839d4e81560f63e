#include <reel/graph/mode.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/dropout.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

// An embedding and a carried LSTM, whose only reader of the ids is the embedding.
struct Lookup {
  ParameterSet set;
  Embedding table{set, "table", 9, 4};
  Lstm lstm{set, "lstm", 4, 6};
  Tape tape;
  Var loss, h;
  std::vector<Var> outputs;

  Lookup() {
    const Sequence ids = tape.ids("ids", 3, {B});
    const auto run = unroll(lstm, map_steps(ids, [this](Var v) { return table(v); }), carried_state(tape, lstm, "state"));
    h = run.last.h;
    loss = sum(square(h)) + sum(dropout(h, 0.25, Mode::training));
    outputs = gradients(loss, set.all());
    outputs.insert(outputs.begin(), {loss, h});
  }
};

std::vector<std::string> parameter_bits(const ParameterValues<float>& values) {
  std::vector<std::string> bits;
  for (Index i = 0; i < values.size(); ++i) bits.push_back(bits_of(values.at(i)));
  return bits;
}

}  // namespace

TEST_CASE("exceptions: an id out of range names op, id, row and place") {
  const Lookup lookup;
  const auto values = lookup.set.initial<float>(5);
  const auto plan = compile<float>(lookup.tape, lookup.outputs);
  Tensor<std::int32_t> ids = random_ids({3, 100}, 1, 9);
  ids[1 * 100 + 70] = 42;
  for (int threads : {1, 2, 8}) {
    CAPTURE(threads);
    Workspace<float> workspace(plan, &values, ThreadPool(threads));
    check_throws<InputError>(
        [&] {
          plan.run(workspace, {{"ids", ids}});
        },
        {"[embedding]", "id 42", "row 70", "[0, 9)", "step 1", "exceptions_test.cpp:"});
  }
  const auto exact = lookup.set.initial<double>(5);
  check_throws<InputError>(
      [&] {
        interpret<double>(lookup.tape, {{"ids", ids}}, &exact);
      },
      {"[embedding]", "id 42", "row 70", "[0, 9)", "step 1"});
}

TEST_CASE("exceptions: a failed run leaves carried state, run counter and parameters as they were") {
  const Lookup lookup;
  const auto values = lookup.set.initial<float>(5);
  const auto untouched = parameter_bits(values);
  const auto plan = compile<float>(lookup.tape, lookup.outputs);
  const Tensor<std::int32_t> first = random_ids({3, 100}, 1, 9), second = random_ids({3, 100}, 2, 9);
  Tensor<std::int32_t> bad = second;
  bad[2 * 100 + 70] = -1;

  Workspace<float> never_failed(plan, &values, ThreadPool(1), 11);
  plan.run(never_failed, {{"ids", first}});
  const std::string state = bits_of(never_failed.carried("state.c"));
  plan.run(never_failed, {{"ids", second}});
  const auto expected = bits_of(never_failed, lookup.outputs);

  for (int threads : {2, 8}) {
    CAPTURE(threads);
    Workspace<float> workspace(plan, &values, ThreadPool(threads), 11);
    CHECK_THROWS_AS(plan.run(workspace, {{"ids", bad}}), InputError);  // before any success, too
    CHECK(workspace.runs() == 0);
    plan.run(workspace, {{"ids", first}});
    for (int i = 0; i < 3; ++i) {
      CHECK_THROWS_AS(plan.run(workspace, {{"ids", bad}}), InputError);
      CHECK(workspace.runs() == 1);
      CHECK(bits_of(workspace.carried("state.c")) == state);
      check_throws<InputError>([&] { (void)workspace.value(lookup.loss); }, {"did not succeed"});
      workspace.commit();  // there is nothing to commit
      CHECK(workspace.runs() == 1);
    }
    plan.run(workspace, {{"ids", second}});
    CHECK(workspace.runs() == 2);
    CHECK(bits_of(workspace, lookup.outputs) == expected);
    CHECK(parameter_bits(values) == untouched);
  }
}

TEST_CASE("exceptions: a run refused for its bindings leaves everything as it was") {
  const Lookup lookup;
  const auto values = lookup.set.initial<float>(5);
  const auto plan = compile<float>(lookup.tape, lookup.outputs);
  const Tensor<std::int32_t> ids = random_ids({3, 4}, 1, 9), more_rows = random_ids({3, 5}, 1, 9), short_ids({2, 4});
  Workspace<float> workspace(plan, &values);
  plan.run(workspace, {{"ids", ids}});
  const std::string state = bits_of(workspace.carried("state.h"));
  CHECK_THROWS_AS(plan.run(workspace, {{"ids", short_ids}}), InputError);
  CHECK_THROWS_AS(plan.run(workspace, {{"ids", more_rows}}), InputError);
  CHECK_THROWS_AS(plan.run(workspace, {}), InputError);
  CHECK(workspace.runs() == 1);
  CHECK(bits_of(workspace.carried("state.h")) == state);
  plan.run(workspace, {{"ids", ids}});
  CHECK(workspace.runs() == 2);
}

TEST_CASE("exceptions: a workspace without any committed state takes another batch size after a failure") {
  const Lookup lookup;
  const auto values = lookup.set.initial<float>(5);
  const auto plan = compile<float>(lookup.tape, lookup.outputs);
  Tensor<std::int32_t> bad = random_ids({3, 6}, 1, 9);
  bad[0] = 9;
  const Tensor<std::int32_t> good = random_ids({3, 2}, 2, 9);
  Workspace<float> workspace(plan, &values), fresh(plan, &values);
  CHECK_THROWS_AS(plan.run(workspace, {{"ids", bad}}), InputError);
  plan.run(workspace, {{"ids", good}});
  plan.run(fresh, {{"ids", good}});
  CHECK(bits_of(workspace, lookup.outputs) == bits_of(fresh, lookup.outputs));
}
