// Rules that turn gradients into updates, and the state they keep. g is the gradient, p the parameter, all elementwise.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include <reel/models/parameter_set.h>

namespace reel {

class Keeper;

// p -= lr g   (Robbins and Monro, 1951)
struct Sgd {
  double lr = 0.01;
};

// v <- momentum v + g;  p -= lr v   (Polyak, 1964), or p -= lr (g + momentum v) with nesterov (Nesterov, 1983)
struct Momentum {
  double lr = 0.01;
  double momentum = 0.9;
  bool nesterov = false;
};

// m <- m + g^2;  p -= lr g / sqrt(m + epsilon)   (Duchi, Hazan and Singer, 2011). m starts at `initial`: 0, or
// TensorFlow's 0.1.
struct Adagrad {
  double lr = 0.1;
  double epsilon = 1e-8;
  double initial = 0;
};

// m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, both divided by 1 - b^step;  p -= lr m / (sqrt(v) + epsilon)
// (Kingma and Ba, 2015)
struct Adam {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

using OptimizerRule = std::variant<Sgd, Momentum, Adagrad, Adam>;
std::string text(const OptimizerRule& rule);  // "Adam, lr 0.001, beta1 0.9, beta2 0.999, epsilon 1e-08"

// Added to the gradient as rate p, or, decoupled (Loshchilov and Hutter, 2019), taken off the parameter as lr rate p.
struct WeightDecay {
  double rate = 0;
  bool decoupled = false;
};

// What is done to a gradient before the rule sees it: times scale, times `then`, and clamped to [-limit, limit].
struct GradientEdit {
  double scale = 1;
  double then = 1;   // for a factor that is no number of the gradient's type
  double limit = 0;  // 0: no limit
};

// What one rank updates of every parameter: its elements are cut into pieces, [n i / pieces, n (i + 1) / pieces).
struct OwnPieces {
  Index pieces = 1, first = 0, own = 1;

  Index cut(Index n, Index i) const { return n / pieces * i + n % pieces * i / pieces; }
  Index begin(Index n) const { return cut(n, first); }
  Index end(Index n) const { return cut(n, first + own); }
  Index size(Index n) const { return end(n) - begin(n); }
};

template <class T>
class Optimizer {
 public:
  // InputError for a negative learning rate, decay or epsilon, a momentum or beta outside [0, 1), and for numbers that are
  // another kind of number in T: not finite, 0 or 1.
  Optimizer(OptimizerRule rule, std::span<const Parameter> parameters, WeightDecay decay = {}, OwnPieces pieces = {});

  // One update of its pieces of every parameter that it was made for; whole gradients and edits in their order. `rate_factor`
  // scales the rule's lr. Denormal numbers count as 0: what has faded away must not slow every update down. NumericError, before
  // anything is changed, where the scaled rate is not finite in T.
  void update(ParameterValues<T>& values, std::span<const TensorView<const T>> gradients, std::span<const GradientEdit> edits,
              double rate_factor = 1);

  // Its state: the count of updates, and what the rule keeps of each parameter. One that has pieces alone restores these from the
  // whole, and keeps the whole by means of gather(), which adds the other ranks' pieces and says whether this rank keeps them.
  void keep(Keeper& keep, const std::function<bool(TensorView<T>)>& gather = {});
  Index updates() const { return updates_; }
  double lr() const;
  const OptimizerRule& rule() const { return rule_; }

 private:
  struct State {
    Tensor<T> first, second;  // of the own pieces
  };
  OptimizerRule rule_;
  WeightDecay decay_;
  OwnPieces pieces_;
  std::vector<Parameter> parameters_;
  std::vector<State> states_;
  Index updates_ = 0;
};

}  // namespace reel
