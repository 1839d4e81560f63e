#include <thread>

#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/lstm.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

template <class T, class Cell>
void check_bits_of_threads(const Network<Cell>& network) {
  const auto values = network.set.template initial<T>(7);
  const Plan<T> plan = compile<T>(network.tape, network.outputs);
  for (Index rows : {1, 5, 64, 200}) {
    const Batch<T> batch(network, rows, 100 + static_cast<std::uint64_t>(rows));
    std::vector<std::string> first;
    for (int threads : {1, 2, 3, 8}) {
      CAPTURE(rows);
      CAPTURE(threads);
      Workspace<T> workspace(plan, &values, ThreadPool(threads));
      plan.run(workspace, batch.bindings());
      CHECK(std::isfinite(workspace.value(network.loss)[0]));
      if (threads == 1) first = bits_of(workspace, network.outputs);
      CHECK(bits_of(workspace, network.outputs) == first);
    }
  }
}

// The forward results of each row are those that the row has alone.
template <class T, class Cell>
void check_rows_alone(const Network<Cell>& network) {
  const auto values = network.set.template initial<T>(7);
  const Plan<T> plan = compile<T>(network.tape, {network.logits});
  const Index steps = static_cast<Index>(network.x.size()), I = Network<Cell>::I, V = Network<Cell>::V;
  for (Index rows : {5, 64, 200}) {
    const Batch<T> batch(network, rows, 3);
    Workspace<T> together(plan, &values, ThreadPool(3)), alone(plan, &values);
    plan.run(together, batch.bindings());
    for (Index row : {Index{0}, rows / 2, rows - 1}) {
      CAPTURE(rows);
      CAPTURE(row);
      Tensor<T> x({steps, 1, I});
      for (Index t = 0; t < steps; ++t) std::copy_n(batch.x.data() + (t * rows + row) * I, I, x.data() + t * I);
      plan.run(alone, {{"x", x}});
      CHECK(bits_of(alone.value(network.logits)) ==
            bits_of(TensorView<const T>(together.value(network.logits).data() + row * V, {1, V})));
    }
  }
}

}  // namespace

TEST_CASE("bits: loss and gradients are the same for every number of threads") {
  check_bits_of_threads<float>(Network<Lstm>(6));
  check_bits_of_threads<double>(Network<Lstm>(6));
  check_bits_of_threads<float>(Network<Gru>(6));
  check_bits_of_threads<float>(Network<Elman>(6));
  check_bits_of_threads<double>(Network<ElmanConcat>(6));
}

TEST_CASE("bits: a row's forward results do not depend on the other rows") {
  check_rows_alone<float>(Network<Lstm>(6));
  check_rows_alone<double>(Network<Lstm>(6));
  check_rows_alone<float>(Network<Gru>(6));
  check_rows_alone<float>(Network<Elman>(6));
  check_rows_alone<float>(Network<ElmanConcat>(6));
}

TEST_CASE("bits: the networks of these tests compute what the interpreter computes") {
  const auto check = [](const auto& network) {
    const auto values = network.set.template initial<double>(7);
    const Batch<double> batch(network, 5, 9);
    check_plan(network.tape, network.outputs, Data().add("x", batch.x).add("y", batch.y), &values, &network.set);
  };
  check(Network<Lstm>(6));
  check(Network<Gru>(6));
  check(Network<Elman>(6));
  check(Network<ElmanConcat>(6));
}

TEST_CASE("bits: one const plan serves several threads with a workspace each") {
  const Network<Lstm> network(6);
  const auto values = network.set.initial<float>(7);
  const Plan<float> plan = compile<float>(network.tape, network.outputs);
  const Batch<float> batch(network, 30, 4);
  Workspace<float> reference(plan, &values);
  plan.run(reference, batch.bindings());
  const auto expected = bits_of(reference, network.outputs);

  std::array<int, 4> equal{};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < equal.size(); ++i)
    threads.emplace_back([&, i] {
      Workspace<float> workspace(plan, &values, ThreadPool(i % 2 ? 2 : 1));
      for (int run = 0; run < 20; ++run) {
        plan.run(workspace, batch.bindings());
        equal[i] += bits_of(workspace, network.outputs) == expected;
      }
    });
  for (std::thread& t : threads) t.join();
  for (int count : equal) CHECK(count == 20);
}

TEST_CASE("bits: workspaces of several threads may share one ThreadPool object") {
  const Network<Gru> network(4);
  const auto values = network.set.initial<float>(7);
  const Plan<float> plan = compile<float>(network.tape, network.outputs);
  const Batch<float> batch(network, 200, 4);
  const ThreadPool shared(2);
  Workspace<float> reference(plan, &values);
  plan.run(reference, batch.bindings());
  const auto expected = bits_of(reference, network.outputs);
  std::array<int, 4> equal{};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < equal.size(); ++i)
    threads.emplace_back([&, i] {
      Workspace<float> workspace(plan, &values, shared);
      for (int run = 0; run < 10; ++run) {
        plan.run(workspace, batch.bindings());
        equal[i] += bits_of(workspace, network.outputs) == expected;
      }
    });
  for (std::thread& t : threads) t.join();
  for (int count : equal) CHECK(count == 10);
}
