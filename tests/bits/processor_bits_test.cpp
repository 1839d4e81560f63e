// The same bits on every processor with fused multiply-add: results of ops, drawn numbers and trained models, as hashes that were
// found with AVX-512, AVX2 and NEON alike.
#include <bit>
#include <map>

#include <hwy/targets.h>

#include <reel/models/cells/cell_kinds.h>
#include <reel/models/layers.h>
#include <reel/models/unroll.h>
#include <reel/ops/ops.h>
#include <reel/plan/session.h>
#include <reel/train/trainer.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

class Hash {  // FNV-1a
 public:
  template <class T>
  void add(std::span<const T> x) {
    for (const T& v : x) {
      if constexpr (sizeof(T) == 4)
        add_word(std::bit_cast<std::uint32_t>(v), 4);
      else
        add_word(std::bit_cast<std::uint64_t>(v), 8);
    }
  }
  std::uint64_t value() const { return hash_; }

 private:
  void add_word(std::uint64_t word, int bytes) {
    for (int i = 0; i < bytes; ++i, word >>= 8) hash_ = (hash_ ^ (word & 255)) * 0x100000001b3;
  }
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

// What a value of x [B, 1000] and w [1000, 40] is, for 200 rows of x of sizes that reach from tiny to large.
template <class T>
std::uint64_t hash_of(Var (*f)(Var x, Var w)) {
  Tape tape;
  const Var x = tape.input("x", {B, 1000}), w = tape.input("w", {1000, 40}), y = f(x, w);
  Tensor<T> a(Shape{200, 1000}), b(Shape{1000, 40});
  RandomStream random(3);
  for (T& v : a) {
    const double number = random.uniform(-1, 1);
    v = static_cast<T>(std::ldexp(number, static_cast<int>(random.below(9)) - 3));
  }
  for (T& v : b) v = static_cast<T>(random.uniform(-1, 1));
  Session<T> session({{"y", y}});
  session.run({{"x", a}, {"w", b}});
  Hash hash;
  const auto value = session["y"];
  hash.add(std::span<const T>(value.data(), static_cast<std::size_t>(value.size())));
  return hash.value();
}

struct Line {
  std::string name;
  Var (*f)(Var x, Var w);
  std::uint64_t f32, f64;
};

Var last_sum(Var x) { return sum(x, -1); }

template <class T>
std::uint64_t hash_of_training(const char* kind) {
  ParameterSet set;
  const AnyCell cell = make_cell(kind, set, "cell", 3, 20);
  const Linear head(set, "head", 20, 5);
  const Builder builder = [&](Tape& tape, Index steps, Mode mode) {
    const Sequence x = tape.input("x", steps, {B, 3}), ids = tape.ids("y", steps, {B});
    const Sequence y = unroll(cell, x, zero_state(tape, cell)).outputs;
    const Sequence logits = map_steps(y, [&](Var h) { return head(layer_norm(dropout(h, .2, mode))); });
    return cross_entropy(logits, ids);
  };
  Trainer<T> trainer(builder, set, Adam{.lr = .01}, ClipNorm{1}, {.seed = 5, .threads = ThreadPool(2)});
  RandomStream random(6, 0, RandomUse::data);
  for (int update = 0; update < 30; ++update) {
    Tensor<T> x(Shape{7, 9, 3});
    Tensor<std::int32_t> y(Shape{7, 9});
    for (T& v : x) v = static_cast<T>(random.uniform(-1, 1));
    for (std::int32_t& v : y) v = static_cast<std::int32_t>(random.below(5));
    trainer.step({{"x", x}, {"y", y}});
  }
  Hash hash;
  for (const Parameter& p : set.all()) {
    const auto values = trainer.parameters()[p];
    hash.add(std::span<const T>(values.data(), static_cast<std::size_t>(values.size())));
  }
  return hash.value();
}

bool fused_multiply_add() {
#if HWY_ARCH_X86
  return (hwy::SupportedTargets() & (HWY_AVX2 | HWY_AVX3 | HWY_AVX3_DL)) != 0;
#else
  return HWY_ARCH_ARM_A64 != 0;
#endif
}

}  // namespace

TEST_CASE("bits: results of ops are the same on every processor with fused multiply-add") {
  if (!fused_multiply_add()) return;
  const Line lines[] = {
      {"exp", [](Var x, Var) { return exp(x); }, 0x22011cd9ec6da98f, 0xef1372b7d0e639d4},
      {"log", [](Var x, Var) { return log(abs(x)); }, 0xc0bd08b0cbc0b361, 0xdaa4650f61ca0f72},
      {"sqrt", [](Var x, Var) { return sqrt(abs(x)); }, 0x69e0508d8360ebe9, 0x60520f973ea5c6dd},
      {"tanh", [](Var x, Var) { return tanh(x); }, 0x5ef0f3a8417f0576, 0x3ecd9a49fa36ae59},
      {"sigmoid", [](Var x, Var) { return sigmoid(x); }, 0x7ec4f34b6b7832f6, 0x69d642dfc6bcc1c4},
      {"square and divide", [](Var x, Var) { return 1.0 / (square(x) + 0.1); }, 0x6e7f68bb188dee62, 0x9ffbc6fb1e58c19},
      {"sum of a row", [](Var x, Var) { return last_sum(x); }, 0x9fe6a9a7ffa3efb6, 0x527ef1300a5ca942},
      {"mean of all", [](Var x, Var) { return mean(x); }, 0xc1a67961465fb7b6, 0x6f3bd35bee7cbebf},
      {"sum of the batch", [](Var x, Var) { return batch_sum(x); }, 0x78e9902b5832c806, 0xf25cf195ea56ee53},
      {"layer_norm", [](Var x, Var) { return layer_norm(x); }, 0x3ca45aaad2904184, 0x3cea4f5aae016580},
      {"gradient of layer_norm", [](Var x, Var) { return gradient(sum(layer_norm(x) * exp(x)), x); }, 0xd810b49c3a4248f,
       0xf417d7b76fd81f5c},
      {"softmax", [](Var x, Var) { return softmax(x); }, 0xff15c94385d58a0a, 0xf01192dd2467fc70},
      {"log_softmax", [](Var x, Var) { return log_softmax(x); }, 0x7ccee2484697dbcd, 0xef3d016992970f55},
      {"cross_entropy", [](Var x, Var) { return cross_entropy_rows(x, argmax(-x)); }, 0x159e16cbbc151b0, 0x7d28ec870a877418},
      {"max", [](Var x, Var) { return max(x, -1); }, 0x54c360390af1344d, 0xd71ff5b30f0b803b},
      {"matmul", [](Var x, Var w) { return matmul(x, w); }, 0x591b1baeae229a8d, 0x5cf718a0f4ce08b},
      {"weight_gradient", [](Var x, Var w) { return weight_gradient(x, matmul(x, w)); }, 0xc2a1c77da24fecb1, 0xe38a65c8c93063e1},
      {"dropout_mask",
       [](Var x, Var) {
         return x * dropout_mask(x.tape(), {B, 1000}, .3);
       },
       0xa18d4082ef831ab7, 0x9926fa093eeff46d},
  };
  for (const Line& line : lines) {
    INFO(line.name);
    const std::uint64_t f32 = hash_of<float>(line.f), f64 = hash_of<double>(line.f);
    CHECK_MESSAGE((f32 == line.f32 && f64 == line.f64), fmt::format("{:#x}, {:#x}", f32, f64));
  }
}

TEST_CASE("bits: trained models are the same on every processor with fused multiply-add") {
  if (!fused_multiply_add()) return;
  const std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> expected{
      {"lstm", {0xb13f5ac64b3b8523, 0xf157ce1ad592331f}},
      {"gru", {0xae1458ba66ea601d, 0xcd27954bac8d73ab}},
      {"elman", {0xea03397b9132f5c3, 0x6796a6807dd67871}},
      {"jordan", {0x45790e7abbecb610, 0x44926b261233ad26}}};
  for (const auto& line : expected) {
    const std::string& kind = line.first;
    CAPTURE(kind);
    const std::uint64_t f32 = hash_of_training<float>(kind.c_str()), f64 = hash_of_training<double>(kind.c_str());
    CHECK_MESSAGE((f32 == line.second.first && f64 == line.second.second), fmt::format("{:#x}, {:#x}", f32, f64));
  }
}

TEST_CASE("bits: drawn numbers are the same on every machine") {
  RandomStream random(11, 2, RandomUse::sampling);
  Hash hash;
  for (int i = 0; i < 10000; ++i) {
    const double numbers[] = {random.uniform(), random.normal(), static_cast<double>(random.below(1000))};
    hash.add(std::span<const double>(numbers));
  }
  CHECK_MESSAGE(hash.value() == 0xf50e3d23fb35fdc1, fmt::format("{:#x}", hash.value()));
}
