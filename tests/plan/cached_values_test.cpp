// What depends on parameters alone is computed once for all workspaces of a plan, and for each version of the values.
#include <reel/plan/cached_values.h>

#include <thread>

#include <reel/models/layers.h>
#include <reel/plan/compile.h>
#include <reel/plan/workspace.h>
#include <reel/plan/workspace_data.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Model {
  ParameterSet set;
  Linear layer{set, "layer", 3, 40};
  Tape tape;
  Var y = layer(tape.input("x", {B, 3}));
  Plan<float> plan = compile<float>(tape, {{y}});
  Tensor<float> x{Shape{2, 3}, {1, 2, 3, 4, 5, 6}};

  std::vector<float> run(Workspace<float>& w) const {
    plan.run(w, {{"x", x.view()}});
    const auto value = w.value(y);
    return {value.begin(), value.end()};
  }
  std::vector<float> alone(const ParameterValues<float>& values) const {
    Workspace<float> w(plan, &values);
    return run(w);
  }
};

}  // namespace

TEST_CASE("cached values: workspaces of one plan share them, version by version") {
  const Model m;
  auto values = m.set.initial<float>(1);
  Workspace<float> a(m.plan, &values), b(m.plan, &values);
  const auto first = m.run(a);
  CHECK(m.run(b) == first);
  CHECK(a.memory()->cached == b.memory()->cached);
  const auto* kept = b.value(m.y).data();

  for (float& w : values.edit(m.layer.W)) w *= 2;
  const auto second = m.run(a);
  CHECK(second != first);
  CHECK(a.memory()->cached != b.memory()->cached);  // b still has what its last run had
  CHECK(std::vector<float>(kept, kept + first.size()) == first);
  CHECK(m.run(b) == second);
  CHECK(a.memory()->cached == b.memory()->cached);

  // Who holds them alone computes the next version in their place.
  {
    Workspace<float> c(m.plan, &values);
    CHECK(m.run(c) == second);
  }
  b = Workspace<float>(m.plan, &values);
  const auto* place = a.memory()->cached.get();
  values.touch();
  CHECK(m.run(a) == second);
  CHECK(a.memory()->cached.get() == place);
}

TEST_CASE("cached values: other values, copies among them, and later ones at the same place, are told apart") {
  const Model m;
  const auto values = m.set.initial<float>(1);
  auto other = values;
  other.edit(m.layer.W)[0] += 1;
  Workspace<float> a(m.plan, &values), b(m.plan, &other);
  CHECK(m.run(a) != m.run(b));
  CHECK(m.run(a) == m.alone(values));
  CHECK(m.run(b) == m.alone(other));

  std::shared_ptr<WorkspaceMemory> memory;
  std::vector<std::vector<float>> results;
  alignas(ParameterValues<float>) std::byte place[sizeof(ParameterValues<float>)];
  for (std::uint64_t seed : {1, 2, 1}) {
    auto* here = new (place) ParameterValues<float>(m.set.initial<float>(seed));
    {
      Workspace<float> w(m.plan, here, ThreadPool(1), 0, memory);
      memory = w.memory();
      results.push_back(m.run(w));
    }
    here->~ParameterValues<float>();
  }
  CHECK(results[0] != results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE("cached values: plans that share memory, and threads that begin together") {
  const Model m, n;
  auto of_m = m.set.initial<float>(1);
  const auto of_n = n.set.initial<float>(2);
  Workspace<float> a(m.plan, &of_m), b(n.plan, &of_n, ThreadPool(1), 0, a.memory());
  const auto expected_m = m.alone(of_m), expected_n = n.alone(of_n);
  for (int i = 0; i < 3; ++i) {
    CHECK(m.run(a) == expected_m);
    CHECK(n.run(b) == expected_n);
  }

  for (int round = 0; round < 20; ++round) {
    of_m.touch();
    std::vector<std::unique_ptr<Workspace<float>>> workspaces;
    std::vector<std::vector<float>> results(4);
    for (int t = 0; t < 4; ++t) workspaces.push_back(std::make_unique<Workspace<float>>(m.plan, &of_m));
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t) threads.emplace_back([&, t] { results[t] = m.run(*workspaces[t]); });
    for (std::thread& thread : threads) thread.join();
    for (const auto& result : results) CHECK(result == expected_m);
    for (const auto& w : workspaces) m.run(*w);
    for (const auto& w : workspaces) CHECK(w->memory()->cached == workspaces[0]->memory()->cached);
  }
}
