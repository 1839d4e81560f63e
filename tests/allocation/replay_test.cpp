// Counts what is allocated while a plan replays.
#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/lstm.h>
#include <reel/plan/stream/stream.h>

#include "allocation/watched_new.h"
#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

// Allocations of 50 runs after the first, alternating between the batches, by names and prepared.
template <class T, class Cell>
long allocations_of_replay(const Network<Cell>& network, std::initializer_list<const Batch<T>*> batches, int threads) {
  const auto values = network.set.template initial<T>(7);
  const Plan<T> plan = compile<T>(network.tape, network.outputs);
  Workspace<T> workspace(plan, &values, ThreadPool(threads));
  for (const Batch<T>* batch : batches) plan.run(workspace, batch->bindings());
  std::vector<PreparedBindings> prepared;
  for (const Batch<T>* batch : batches) prepared.push_back(plan.prepare(batch->bindings()));
  const CountingAllocations counting;
  for (int i = 0; i < 50; ++i) {
    for (const Batch<T>* batch : batches) plan.run(workspace, batch->bindings());
    for (const PreparedBindings& bound : prepared) plan.run(workspace, bound);
  }
  return counting.count();
}

}  // namespace

TEST_CASE("replay: the counter sees every form of operator new") {
  const CountingAllocations counting;
  std::vector<std::unique_ptr<double>> one;
  one.push_back(std::make_unique<double>(1.0));
  const Tensor<float> aligned(Shape{100});
  CHECK(counting.count() == 3);
  CHECK(reinterpret_cast<std::uintptr_t>(aligned.data()) % kAlignment == 0);
}

TEST_CASE("replay: allocates nothing once a workspace has seen its number of rows") {
  const Network<Lstm> lstm(6);
  const Network<Gru> carried(6, true);
  const Batch<float> f32(lstm, 70, 1);
  const Batch<double> f64(lstm, 70, 1);
  const Batch<float> other(carried, 70, 2);
  for (int threads : {1, 2}) {
    CAPTURE(threads);
    CHECK(allocations_of_replay(lstm, {&f32}, threads) == 0);
    CHECK(allocations_of_replay(lstm, {&f64}, threads) == 0);
    CHECK(allocations_of_replay(carried, {&other}, threads) == 0);
  }
}

TEST_CASE("replay: allocates nothing when known numbers of rows alternate or parameters change") {
  const Network<Elman> network(4);
  const Batch<float> small(network, 3, 1), large(network, 150, 2);
  CHECK(allocations_of_replay(network, {&small, &large}, 2) == 0);

  auto values = network.set.initial<float>(7);
  const Plan<float> plan = compile<float>(network.tape, network.outputs);
  Workspace<float> workspace(plan, &values);
  plan.run(workspace, small.bindings());
  const float before = workspace.value(network.loss)[0];
  const CountingAllocations counting;
  values.edit(network.cell.a.W)[0] += 0.5f;
  plan.run(workspace, small.bindings());
  CHECK(workspace.value(network.loss)[0] != before);
  CHECK(counting.count() == 0);
}

TEST_CASE("replay: a stream's steps allocate nothing, nor when they take new weights") {
  ParameterSet set;
  const Lstm cell(set, "cell", 3, 20);
  const Linear head(set, "head", 20, 2);
  Tape tape;
  const auto run = unroll(cell, tape.input("x", 1, {B, 3}), carried_state(tape, cell, "state"));
  const auto values = set.initial<float>(7);
  StreamModel<float> model({{"y", head(run.outputs.back())}}, &values);
  Stream<float> stream(model), other(model);
  const float x[3] = {1, -1, 2};
  float y[2];
  model.publish(values);
  const CountingAllocations counting;
  bool good = true;
  for (int i = 0; i < 1000; ++i) good &= stream.step(x, y);
  other.copy_state(stream);
  other.reset();
  CHECK(counting.count() == 0);
  CHECK(good);
}
