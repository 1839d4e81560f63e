// Random tapes of views, broadcasts, products and reductions in any order: every plan equals the interpreter.
#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

class RandomTape {
 public:
  RandomTape(Tape& tape, std::uint64_t seed) : tape_(tape), random_(seed) {
    const std::vector<Shape> shapes{{B, 4}, {B, 1}, {B}, {4}, {1}, {}, {B, 2, 3}, {B, 6}, {3}, {B, 3}};
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const std::string name = fmt::format("x{}", i);
      vars_.push_back(tape.input(name, shapes[i]));
    }
    inputs_ = vars_;
  }

  void grow(int nodes) {
    for (int i = 0; i < nodes; ++i) {
      const Var x = any();
      if (const Var y = one_of(static_cast<int>(random_.below(14)), x)) vars_.push_back(y);
    }
  }

  Data data(Index rows, std::uint64_t seed) const {
    Data data;
    for (const Var& x : inputs_) data.add(tape_.name(x.id()), random_tensor(x.shape().bind(rows), seed++, 0.7));
    return data;
  }

  std::span<const Var> inputs() const { return inputs_; }
  Var any() { return vars_[static_cast<std::size_t>(random_.below(static_cast<Index>(vars_.size())))]; }
  // A loss that depends on most of the tape, unevenly.
  Var loss() const {
    std::vector<Var> terms;
    for (std::size_t i = inputs_.size(); i < vars_.size(); i += 2)
      terms.push_back((0.2 + 0.1 * static_cast<double>(i % 7)) * sum(tanh(vars_[i])));
    return accumulate(terms);
  }

 private:
  Index last_begin(const Var& x) { return random_.below(x.shape().last()); }

  // An op over x, or an empty Var where it does not fit.
  Var one_of(int op, Var x) {
    const Shape& s = x.shape();
    switch (op) {
      case 0:
        return tanh(x);
      case 1:
        return sigmoid(x) + 0.5 * x;
      case 2:
        return together([](Var a, Var b) { return tanh(a) * b; }, x);
      case 3:
        return together([](Var a, Var b) { return a - tanh(b); }, x);
      case 4: {
        if (s.rank() == 0) return {};
        const Index begin = last_begin(x);
        return slice(x, -1, begin, begin + 1 + random_.below(s.last() - begin));
      }
      case 5:
        return s.rank() == 0 ? Var() : sum_last(x, random_.below(2) ? Keep::dimension : Keep::nothing);
      case 6:
        return s.batched() ? tanh(batch_mean(x)) : Var();
      case 7:
        return s.last() == 1 && s.rank() > 0 ? broadcast(x, s.with_dim(-1, 4)) : Var();
      case 8:
        return s.batched() ? Var() : broadcast(x, s.with_batch());
      case 9:
        return reshape(x, Shape(s.batched(), std::array{s.row_size()}));
      case 10:
        return s.rank() == 0 || s.last() > 6 ? Var() : tanh(matmul(x, tape_.constant(random_tensor({s.last(), 3}, 9))));
      case 11:
        return s.rank() != 1 ? Var() : concat({{x, tanh(x)}});
      case 12:
        return s.rank() < 2 ? Var() : slice(x, 0, s.dim(0) - 1, s.dim(0));
      default:
        return s.batched() && s.rank() == 1 && s.last() <= 6 ? tanh(sum_last(contract(x, tanh(x)))) : Var();
    }
  }

  template <class F>
  Var together(F f, Var x) {
    const Var other = any();
    try {
      return f(x, other);
    } catch (const ShapeError&) {
      return f(x, x);
    }
  }

  Tape& tape_;
  RandomStream random_;
  std::vector<Var> vars_, inputs_;
};

}  // namespace

TEST_CASE("random tapes: values and gradients of every plan equal the interpreter's") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Tape tape;
    RandomTape random(tape, seed);
    random.grow(30);
    const Var loss = random.loss();
    std::vector<Var> outputs = gradients(loss, random.inputs());
    outputs.push_back(loss);
    for (int i = 0; i < 4; ++i) outputs.push_back(random.any());
    const Index rows = seed % 4 == 0 ? 1 : seed % 4 == 1 ? 3 : seed % 4 == 2 ? 20 : 130;
    check_plan(tape, outputs, random.data(rows, seed), nullptr, nullptr, 1e-4);
  }
}

TEST_CASE("random tapes: gradients agree with the complex step") {
  for (std::uint64_t seed = 200; seed < 240; ++seed) {
    CAPTURE(seed);
    Tape tape;
    RandomTape random(tape, seed);
    random.grow(20);
    check_gradient(random.loss(), random.inputs(), random.data(3, seed));
  }
}
