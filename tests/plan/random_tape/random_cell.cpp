#include <reel/ops/reduction.h>

#include "random_cell.h"

namespace reel::test {
namespace {

// One layer. x_: its input; all states are [B, H].
class Cell {
 public:
  // packed: of each step, only its own rows are computed.
  Cell(Growth& growth, int x, bool packed) : growth_(growth), x_(x), packed_(packed), H_(growth.width()) {}

  // States, gates, and how they combine. Returns what the cell shows.
  int run() {
    std::vector<int> handed_on;
    for (Index k = 1 + (growth_.chance(0.5) ? growth_.below(3) : 0); k > 0; --k) {
      handed_on.push_back(growth_.add("state", {initial_state()}, {packed_ ? growth_.below(2) : 0, 0, 0}));
      states_.push_back(packed_ && growth_.chance(0.9) ? growth_.add("step_rows", {handed_on.back()}) : handed_on.back());
    }
    const Index count = 1 + growth_.below(5);
    const bool joint = growth_.chance(0.25);
    const int all = joint ? sum_of_products(count * H_) : 0;
    const bool concat_form = growth_.chance(0.2);
    for (Index g = 0; g < count; ++g) {
      const int sum = joint ? growth_.add("gate", {all}, {g, count, 0}) : concat_form ? joined_product() : sum_of_products(H_);
      gates_.push_back(activated(decorated(sum)));
    }
    int shown = -1;
    for (std::size_t k = 0; k < states_.size(); ++k) shown = growth_.at(handed_on[k]).next = combination(states_[k]);
    return shown;
  }

 private:
  int initial_state() {
    if (growth_.chance(0.1) && growth_.at(0).shape == Shape{B, H_}) return 0;
    if (growth_.chance(0.3)) return growth_.leaf("carried", {B, H_});
    if (growth_.chance(0.2)) return growth_.add("to_batch", {growth_.leaf("parameter", {H_})});  // learned
    return growth_.leaf(growth_.chance(0.6) ? "zeros" : "input", {B, H_});
  }

  int sum_of_products(Index N) {
    int sum = growth_.add("matmul", {x_, growth_.weight(growth_.shape(x_).last(), N)});
    for (Index k = growth_.chance(0.3) ? 2 : 1; k > 0; --k) {
      int h = growth_.any_of(states_);
      if (!gates_.empty() && growth_.chance(0.2)) h = growth_.add("multiply", {growth_.any_of(gates_), h});  // a reset gate
      const int product = growth_.add("matmul", {h, growth_.weight(H_, N)});
      sum = growth_.add(growth_.chance(0.9) ? "add" : "subtract", {sum, product});
    }
    return growth_.chance(0.7) ? growth_.add("add", {sum, growth_.leaf("parameter", {N})}) : sum;
  }

  int joined_product() {
    const int both = growth_.add("concat", {x_, growth_.any_of(states_)}, {growth_.shape(x_).rank() - 1, 0, 0});
    return growth_.add("matmul", {both, growth_.weight(growth_.shape(both).last(), H_)});
  }

  // Peepholes, normalisation.
  int decorated(int sum) {
    if (growth_.chance(0.25))
      sum = growth_.add("add", {sum, growth_.add("multiply", {growth_.leaf("parameter", {H_}), growth_.any_of(states_)})});
    if (growth_.chance(0.05)) sum = growth_.add("layer_norm", {sum});
    return sum;
  }

  int activated(int sum) {
    static constexpr std::string_view usual[]{"sigmoid", "sigmoid", "tanh"}, seldom[]{"relu", "satlins", "softmax", "exp", "abs"};
    return growth_.add(growth_.chance(0.85) ? growth_.any_of(usual) : growth_.any_of(seldom), {sum});
  }

  int combination(int state) {
    const int f = growth_.any_of(gates_), g = growth_.any_of(gates_), i = growth_.any_of(gates_);
    switch (growth_.below(5)) {
      case 0:
        return g;
      case 1:  // (1 - f) * state + f * g
        return growth_.add("add", {state, growth_.add("multiply", {f, growth_.add("subtract", {g, state})})});
      case 2:
        return growth_.add("add", {growth_.add("multiply", {f, state}), growth_.add("multiply", {i, g})});
      case 3:
        return growth_.add("multiply", {f, growth_.add("tanh", {growth_.add("add", {growth_.any_of(states_), g})})});
      default: {
        int value = growth_.add("affine", {state});
        static constexpr std::string_view ways[]{"add", "multiply", "subtract", "divide", "mask"};
        for (Index k = 1 + growth_.below(3); k > 0; --k) {
          const int other = growth_.chance(0.7) ? growth_.any_of(gates_) : growth_.any_of(states_);
          value = growth_.add(growth_.any_of(ways), {value, other});
        }
        return growth_.add("tanh", {value});
      }
    }
  }

  Growth& growth_;
  int x_;
  bool packed_;
  Index H_;
  std::vector<int> states_, gates_;
};

}  // namespace

void add_cells(Growth& growth) {
  const bool packed = growth.chance(0.4);
  int x = growth.chance(0.85) ? growth.leaf("step_input", {B, growth.width()}) : 0;
  if (growth.chance(0.15)) {
    const Index V = 2 + growth.below(6), E = growth.width();
    int ids = growth.leaf("step_ids", {B}, V);
    if (packed) ids = growth.add("step_rows", {ids});
    x = growth.add("embedding", {ids, growth.leaf("parameter", {V, E})});
  }
  if (packed) x = growth.add("step_rows", {x});
  for (Index layers = growth.chance(0.6) ? 1 : 2 + growth.below(2); layers > 0; --layers) x = Cell(growth, x, packed).run();
  if (growth.chance(0.4)) {
    const Index V = 2 + growth.below(6);
    const int logits =
        growth.add("add", {growth.add("matmul", {x, growth.weight(growth.shape(x).last(), V)}), growth.leaf("parameter", {V})});
    x = growth.add("cross_entropy", {logits, growth.leaf("step_ids", {B}, V)});
  }
  growth.at(x).in_loss = true;
}

}  // namespace reel::test
