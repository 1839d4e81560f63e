#include <reel/models/cells/lstm.h>
#include <reel/models/initializers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/matmul.h>
#include <reel/ops/reduction.h>
#include <reel/ops/softmax.h>
#include <reel/plan/profile.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

// What all kernels of an op have together.
KernelProfile total(const Profile& p, std::string_view op) {
  KernelProfile sum;
  for (const KernelProfile& k : p.kernels) {
    if (!k.kernel.starts_with(op) || std::isalpha(static_cast<unsigned char>(k.kernel[op.size()])) || k.kernel[op.size()] == '_')
      continue;
    sum.phase = k.phase;
    sum.kernels += k.kernels;
    sum.calls += k.calls;
    sum.seconds += k.seconds;
    sum.flop += k.flop;
    sum.bytes += k.bytes;
  }
  return sum;
}

Index count(const Profile& p) {
  Index sum = 0;
  for (const KernelProfile& k : p.kernels) sum += k.kernels;
  return sum;
}

// tanh(x W) and the gradient of its sum by W.
struct Layer {
  static constexpr Index I = 7, H = 20;
  ParameterSet set;
  Parameter W = set.add("W", {I, H}, init::uniform(0.5));
  Tape tape;
  Var x = tape.input("x", {B, I}), y = tanh(matmul(x, W)), dW;
  ParameterValues<float> values = set.initial<float>(1);
  std::vector<Var> outputs;
  Layer() {
    dW = gradient(sum(y), tape.parameter(W));
    outputs = {y, dW};
  }

  Profile profile_of(Index rows, const ProfileOptions& options = {}, int threads = 1) {
    const auto plan = compile<float>(tape, outputs);
    Workspace<float> workspace(plan, &values, ThreadPool(threads));
    const Tensor<float> data = cast<float>(random_tensor({rows, I}, 1));
    return profile(plan, workspace, std::array{Binding{"x", data}}, options);
  }
};

}  // namespace

TEST_CASE("profile: products and weight gradients count two operations per multiply-add, over all runs") {
  Layer layer;
  for (Index rows : {1, 5, 130})
    for (Index runs : {1, 4}) {
      const Profile p = layer.profile_of(rows, {.runs = runs});
      const double expected = static_cast<double>(2 * rows * Layer::I * Layer::H * runs);
      CHECK(p.runs == runs);
      CHECK(total(p, "packed_matmul").flop == expected);
      CHECK(total(p, "weight_gradient").flop == expected);
      CHECK(total(p, "packed_matmul").kernels == 1);
    }
}

TEST_CASE("profile: the operations of a recurrent network's products") {
  constexpr Index T = 6, I = 16, H = 8, rows = 5, runs = 3;
  ParameterSet set;
  const Lstm cell(set, "cell", I, H);
  Tape tape;
  const Var last = unroll(cell, tape.input("x", T, {B, I}), input_state(tape, cell, "s")).outputs.back();
  const auto plan = compile<double>(tape, {last});
  const auto values = set.initial<double>(1);
  Workspace<double> workspace(plan, &values);
  const Tensor<double> x = random_tensor({T, rows, I}, 1), state = random_tensor({rows, H}, 2);
  const std::array bindings{Binding{"x", x}, Binding{"s.h", state}, Binding{"s.c", state}};
  const Profile p = profile(plan, workspace, bindings, {.runs = runs});
  // x_t U and h W of four gates at every step; what the products begin from is added once per element.
  const double products = 2.0 * T * rows * (I + H) * 4 * H, begins = 2.0 * T * rows * 4 * H;
  CHECK(total(p, "packed_matmul").flop >= runs * products);
  CHECK(total(p, "packed_matmul").flop <= runs * (products + begins));
}

TEST_CASE("profile: elementwise nodes count one operation per element and step") {
  Tape tape;
  const Var x = tape.input("x", {B, 10});
  const Var alone = tanh(softmax(x)), chain = exp(x) * x;
  const auto plan = compile<float>(tape, {alone, chain});
  Workspace<float> workspace(plan);
  const Tensor<float> data = cast<float>(random_tensor({6, 10}, 1));
  const Profile p = profile(plan, workspace, std::array{Binding{"x", data}}, {.runs = 2});
  CHECK(total(p, "tanh").flop == 2 * 60);
  CHECK(total(p, "fused").flop == 2 * 2 * 60);
  CHECK(total(p, "tanh").bytes == 2 * 2 * 60 * 4);   // reads and writes
  CHECK(total(p, "fused").bytes == 2 * 2 * 60 * 4);  // exp(x) is nowhere written
}

TEST_CASE("profile: every kernel is counted once, and called once per block of rows or part") {
  Layer layer;
  const auto plan = compile<float>(layer.tape, layer.outputs);
  const Profile small = layer.profile_of(5, {.runs = 3}), large = layer.profile_of(300, {.runs = 3}),
                threads = layer.profile_of(300, {.runs = 3}, 3);
  for (const Profile* p : {&small, &large, &threads}) {
    CHECK(count(*p) == static_cast<Index>(plan.kernels()));
    CHECK(total(*p, "weight_gradient").calls == 3);
    CHECK(total(*p, "pack").calls == 0);  // packed once, in the run that is not counted
    CHECK(total(*p, "pack").flop == 0);
  }
  CHECK(total(small, "packed_matmul").calls == 3);
  CHECK(total(large, "packed_matmul").calls % 3 == 0);
  CHECK(total(large, "packed_matmul").calls > 3);
  CHECK(total(large, "packed_matmul").flop == total(threads, "packed_matmul").flop);
}

TEST_CASE("profile: equal kernels are one entry, other shapes and phases their own") {
  Tape tape;
  const Sequence x = tape.input("x", 4, {B, 3});
  const Var narrow = tape.input("narrow", {B, 2}), plain = tape.input("plain", {3});
  std::vector<Var> outputs;
  for (const Var& v : x) outputs.push_back(softmax(v));
  outputs.insert(outputs.end(), {softmax(narrow), softmax(plain)});
  const auto plan = compile<double>(tape, outputs);
  Workspace<double> workspace(plan);
  const Tensor<double> steps = random_tensor({4, 5, 3}, 1), two = random_tensor({5, 2}, 2), three = random_tensor({3}, 3);
  const std::array bindings{Binding{"x", steps}, Binding{"narrow", two}, Binding{"plain", three}};
  const Profile p = profile(plan, workspace, bindings, {.runs = 2});
  REQUIRE(p.kernels.size() == 3);
  std::vector<std::string> entries;
  for (const KernelProfile& k : p.kernels) entries.push_back(fmt::format("{} {} {} {}", k.kernel, k.phase, k.kernels, k.calls));
  std::ranges::sort(entries);
  CHECK(entries == std::vector<std::string>{"softmax : [3] all rows at once 1 2", "softmax : [B, 2] row blocks 1 2",
                                            "softmax : [B, 3] row blocks 4 8"});
}

TEST_CASE("profile: the slowest come first, and kernels take no longer than the runs") {
  Layer layer;
  const Profile p = layer.profile_of(200);
  CHECK(p.runs == 10);
  double busy = 0;
  for (std::size_t i = 0; i < p.kernels.size(); ++i) {
    busy += p.kernels[i].seconds;
    if (i > 0) CHECK(p.kernels[i].seconds <= p.kernels[i - 1].seconds);
  }
  CHECK(busy > 0);
  CHECK(busy <= p.seconds);
}

TEST_CASE("profile: the text names every kernel with its phase and place; shares of the peak are shown where it is known") {
  Layer layer;
  const Profile p = layer.profile_of(20, {.runs = 2});
  const std::string plain = p.text(), shares = p.text(100);
  for (const KernelProfile& k : p.kernels) {
    CHECK(plain.find(fmt::format("  {} ({})", k.kernel, k.phase)) != std::string::npos);
    CHECK(!k.place.empty());
    CHECK(plain.find("# " + k.place) != std::string::npos);
  }
  CHECK(plain.find("profile_test.cpp:") != std::string::npos);
  CHECK(std::ranges::count(plain, '\n') == static_cast<std::ptrdiff_t>(p.kernels.size()) + 2);
  CHECK(plain.find("ms per run") != std::string::npos);
  CHECK(plain.find("peak") == std::string::npos);
  CHECK(shares.find("peak") != std::string::npos);
  CHECK(shares.find("% of 100") != std::string::npos);
}

TEST_CASE("profile: the text's numbers are per run") {
  Profile p;
  p.runs = 4;
  p.seconds = 0.4;
  p.kernels.push_back({"row blocks", "work : [B, 3]", "here.cpp:1", 5, 40, 0.2, 8e6, 4e8});
  const std::string text = p.text(0.05);
  CHECK(text.find("100.000 ms per run, 50.000 ms in kernels over all threads, 0.0 GFLOPS, 40% of 0") != std::string::npos);
  CHECK(text.find("  50.0000 100.0%        5     2.00     0.0     2.0    80%  work : [B, 3] (row blocks)   # here.cpp:1\n") !=
        std::string::npos);
}

TEST_CASE("profile: carried state moves on, once more than the runs that count, and is the workspace's to read") {
  Tape tape;
  const Var x = tape.input("x", {B, 2}), state = tape.carried("sum", {B, 2}), next = state + x;
  tape.carry(state, next);
  const auto plan = compile<double>(tape, {next});
  Workspace<double> workspace(plan);
  const Tensor<double> ones(Shape{3, 2}, std::vector<double>(6, 1.0));
  profile(plan, workspace, std::array{Binding{"x", ones}}, {.runs = 5});
  CHECK(workspace.carried("sum")[0] == 6);
  CHECK(workspace.value(next)[5] == 6);
  CHECK(workspace.runs() == 6);
  plan.run(workspace, {{"x", ones}});  // and without a profile again
  CHECK(workspace.carried("sum")[0] == 7);
}

TEST_CASE("profile: before_run is called before every run that counts, and its updates are packed anew") {
  Layer layer;
  Index calls = 0;
  const Profile p = layer.profile_of(5, {.runs = 7, .before_run = [&] {
                                           ++calls;
                                           layer.values.edit(0)[0] += 1;
                                         }});
  CHECK(calls == 7);
  CHECK(total(p, "pack").calls == 7);
}

TEST_CASE("profile: what is computed once per update counts only when it is") {
  ParameterSet set;
  const Parameter w = set.add("w", {100}, init::uniform(1));
  Tape tape;
  const Var y = tape.input("x", {B, 100}) * tanh(tape.parameter(w));
  const auto plan = compile<float>(tape, {y});
  auto values = set.initial<float>(1);
  const Tensor<float> x = cast<float>(random_tensor({3, 100}, 1));
  // An update before the first so many of five runs.
  const auto cached = [&](Index updates) {
    Workspace<float> workspace(plan, &values);
    Index run = 0;
    const ProfileOptions options{.runs = 5, .before_run = [&] {
                                   if (run++ < updates) values.edit(0)[0] += 1;
                                 }};
    return total(profile(plan, workspace, std::array{Binding{"x", x}}, options), "tanh");
  };
  for (Index updates : {0, 1, 5}) {
    CHECK(cached(updates).calls == updates);
    CHECK(cached(updates).flop == 100.0 * static_cast<double>(updates));
    CHECK(cached(updates).bytes == 800.0 * static_cast<double>(updates));
  }
}

TEST_CASE("profile: refuses less than one run, and passes on what a run or before_run throws") {
  Layer layer;
  for (Index runs : {0, -1})
    check_throws<InputError>([&] { layer.profile_of(5, {.runs = runs}); }, {"profile", std::to_string(runs).c_str()});
  const auto plan = compile<float>(layer.tape, layer.outputs);
  Workspace<float> workspace(plan, &layer.values);
  const Tensor<float> x = cast<float>(random_tensor({4, Layer::I}, 1)), wrong(Shape{4, 1});
  check_throws<InputError>([&] { profile(plan, workspace, {}); }, {"x"});
  check_throws<InputError>([&] { profile(plan, workspace, std::array{Binding{"x", wrong}}); }, {"x"});
  const ProfileOptions stops{.runs = 3, .before_run = [] { throw Error("stop"); }};
  check_throws<Error>([&] { profile(plan, workspace, std::array{Binding{"x", x}}, stops); }, {"stop"});
  plan.run(workspace, {{"x", x}});
  CHECK(bits_of(workspace, std::span<const Var>(layer.outputs)) ==
        bits_of_run<float>(plan, layer.outputs, std::array{Binding{"x", x}}, 1, &layer.values));
}

TEST_CASE("profile: a batch without rows") {
  Layer layer;
  const Profile p = layer.profile_of(0, {.runs = 2});
  CHECK(total(p, "packed_matmul").calls == 0);
  CHECK(total(p, "packed_matmul").flop == 0);
  CHECK(total(p, "weight_gradient").flop == 0);
  CHECK(!p.text(100).empty());
}
