// Runs of fewer rows than threads, whose large products are cut by columns.
#include <array>
#include <thread>

#include <reel/models/cells/cell_kinds.h>
#include <reel/models/unroll.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/embedding.h>
#include <reel/ops/reduction.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Wide {
  static constexpr Index T = 6, I = 70;
  ParameterSet set;
  Tape tape;
  std::vector<Var> outputs;

  Wide(const char* kind, Index H) {
    const AnyCell cell = make_cell(kind, set, "cell", I, H);
    const Sequence x = tape.input("x", T, {B, I});
    const Sequence y = unroll(cell, x, zero_state(tape, cell)).outputs;
    const Var loss = mean(square(y.back()));
    outputs = gradients(loss, set.all());
    outputs.push_back(loss);
    outputs.insert(outputs.end(), y.begin(), y.end());
  }
};

template <class T>
bool shares_columns(const Plan<T>& plan) {
  return plan.text().find("share the columns") != std::string::npos;
}

template <class T>
void check_threads(const char* kind, Index H, Precision products = Precision::full) {
  CAPTURE(kind);
  const Wide net(kind, H);
  const auto values = net.set.initial<T>(3);
  const Plan<T> plan = compile<T>(net.tape, net.outputs, {.products = products});
  CHECK(shares_columns(plan));
  for (Index rows : {1, 2, 5}) {
    const Tensor<T> x = cast<T>(random_tensor({Wide::T, rows, Wide::I}, 4));
    std::vector<std::string> first;
    for (int threads : {1, 2, 3, 8}) {
      CAPTURE(rows);
      CAPTURE(threads);
      Workspace<T> workspace(plan, &values, ThreadPool(threads));
      for (int again = 0; again < 3; ++again) {
        plan.run(workspace, {{"x", x}});
        const auto bits = bits_of(workspace, net.outputs);
        if (first.empty()) first = bits;
        CHECK(bits == first);
      }
    }
  }
}

}  // namespace

TEST_CASE("few rows: the bits of one thread") {
  for (const char* kind : {"lstm", "gru", "elman"}) {
    check_threads<float>(kind, 301);
    check_threads<double>(kind, 250);
  }
  check_threads<float>("lstm", 301, Precision::bf16);
  check_threads<float>("lstm", 301, Precision::bf16_weights);
  check_threads<float>("lstm", 301, Precision::bf16_portable);
  check_threads<float>("lstm", 301, Precision::bf16_emulated_tiles);
}

TEST_CASE("few rows: several threads with a workspace each share a ThreadPool object") {
  const Wide net("lstm", 250);
  const auto values = net.set.initial<float>(3);
  const Plan<float> plan = compile<float>(net.tape, net.outputs);
  const Tensor<float> x = cast<float>(random_tensor({Wide::T, 1, Wide::I}, 4));
  Workspace<float> alone(plan, &values, ThreadPool(1));
  plan.run(alone, {{"x", x}});
  const auto expected = bits_of(alone, net.outputs);
  const ThreadPool shared(3);
  std::array<int, 4> equal{};
  std::vector<std::thread> threads;
  for (int& count : equal)
    threads.emplace_back([&] {
      Workspace<float> workspace(plan, &values, shared);
      for (int run = 0; run < 20; ++run) {
        plan.run(workspace, {{"x", x}});
        count += bits_of(workspace, net.outputs) == expected;
      }
    });
  for (std::thread& t : threads) t.join();
  CHECK(equal == std::array{20, 20, 20, 20});
}

TEST_CASE("few rows: small products are left to one thread") {
  const Network<Lstm> network(6);
  CHECK_FALSE(shares_columns(compile<float>(network.tape, network.outputs)));
}

TEST_CASE("few rows: an error in the middle leaves the workspace fit for the next run") {
  ParameterSet set;
  const AnyCell cell = make_cell("lstm", set, "cell", 256, 256);
  const Parameter table = set.add("table", {10, 256});
  Tape tape;
  const Sequence ids = tape.ids("ids", 8, {B});
  const Sequence x = map_steps(ids, [&](Var word) { return embedding(word, table); });
  const Var y = unroll(cell, x, zero_state(tape, cell)).outputs.back();
  const auto values = set.initial<float>(1);
  const Plan<float> plan = compile<float>(tape, {y});
  CHECK(shares_columns(plan));
  Workspace<float> workspace(plan, &values, ThreadPool(2));
  Tensor<std::int32_t> words(Shape{8, 1});
  plan.run(workspace, {{"ids", words}});
  const auto bits = bits_of(workspace.value(y));
  words[5] = 10;
  check_throws<InputError>([&] { plan.run(workspace, {{"ids", words}}); }, {"10"});
  words[5] = 0;
  plan.run(workspace, {{"ids", words}});
  CHECK(bits_of(workspace.value(y)) == bits);
}
