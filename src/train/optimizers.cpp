#include <reel/train/optimizers.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <fmt/format.h>

namespace reel {
namespace {

// Each rule: check(), how its state begins, and the update of one element. `lr` includes the schedule.
template <class T>
struct Step {
  T lr;
  T correction1 = 1, correction2 = 1;  // Adam's 1 - beta^step
};

template <class T>
T apply(const Sgd&, const Step<T>& s, T g, T&, T&) {
  return s.lr * g;
}

template <class T>
T apply(const Momentum& rule, const Step<T>& s, T g, T& v, T&) {
  const T momentum = static_cast<T>(rule.momentum);
  v = momentum * v + g;
  return s.lr * (rule.nesterov ? g + momentum * v : v);
}

template <class T>
T apply(const Adagrad& rule, const Step<T>& s, T g, T& m, T&) {
  m += g * g;
  return s.lr * g / std::sqrt(m + static_cast<T>(rule.epsilon));
}

template <class T>
T apply(const Adam& rule, const Step<T>& s, T g, T& m, T& v) {
  const T b1 = static_cast<T>(rule.beta1), b2 = static_cast<T>(rule.beta2);
  // 1 - b in double: in float it would be off by 5e-5 of itself, and not the share that the corrections undo.
  m = b1 * m + static_cast<T>(1 - rule.beta1) * g;
  v = b2 * v + static_cast<T>(1 - rule.beta2) * g * g;
  return s.lr * (m / s.correction1) / (std::sqrt(v / s.correction2) + static_cast<T>(rule.epsilon));
}

template <class T>
Step<T> step_of(const Adam& rule, double lr, Index update) {
  const auto n = static_cast<double>(update + 1);
  return {static_cast<T>(lr), static_cast<T>(1 - std::pow(rule.beta1, n)), static_cast<T>(1 - std::pow(rule.beta2, n))};
}
template <class T>
Step<T> step_of(const auto&, double lr, Index) {
  return {static_cast<T>(lr)};
}

int slots(const Sgd&) { return 0; }
int slots(const Momentum&) { return 1; }
int slots(const Adagrad&) { return 1; }
int slots(const Adam&) { return 2; }

void require(bool holds, const char* what, double given) {
  if (!holds) throw InputError(fmt::format("optimizer: {}, not {}", what, given));
}

void check(const Sgd&) {}
void check(const Momentum& r) { require(r.momentum >= 0 && r.momentum < 1, "momentum must be in [0, 1)", r.momentum); }
void check(const Adagrad& r) {
  require(r.initial >= 0, "Adagrad's initial value must not be negative", r.initial);
  require(r.epsilon >= 0, "epsilon must not be negative", r.epsilon);
  require(r.epsilon + r.initial > 0, "epsilon must be positive where the initial value is 0", r.epsilon);
}
void check(const Adam& r) {
  require(r.beta1 >= 0 && r.beta1 < 1, "beta1 must be in [0, 1)", r.beta1);
  require(r.beta2 >= 0 && r.beta2 < 1, "beta2 must be in [0, 1)", r.beta2);
  require(r.epsilon > 0, "epsilon must be positive", r.epsilon);
}

double first_value(const Adagrad& r) { return r.initial; }
double first_value(const auto&) { return 0; }

}  // namespace

template <class T>
Optimizer<T>::Optimizer(OptimizerRule rule, std::span<const Parameter> parameters, WeightDecay decay)
    : rule_(rule), decay_(decay), parameters_(parameters.begin(), parameters.end()) {
  require(lr() >= 0 && std::isfinite(lr()), "the learning rate must be finite and not negative", lr());
  require(decay.rate >= 0, "the weight decay must not be negative", decay.rate);
  std::visit(
      [&](const auto& r) {
        check(r);
        for (const Parameter& p : parameters_) {
          State s;
          if (slots(r) > 0) s.first = Tensor<T>(p.shape());
          if (slots(r) > 1) s.second = Tensor<T>(p.shape());
          std::ranges::fill(s.first, static_cast<T>(first_value(r)));
          states_.push_back(std::move(s));
        }
      },
      rule_);
}

template <class T>
double Optimizer<T>::lr() const {
  return std::visit([](const auto& r) { return r.lr; }, rule_);
}

template <class T>
void Optimizer<T>::update(ParameterValues<T>& values, std::span<const TensorView<const T>> gradients,
                          std::span<const GradientEdit> edits, double rate_factor) {
  std::visit(
      [&](const auto& rule) {
        const double lr = rule.lr * rate_factor;
        const Step<T> step = step_of<T>(rule, lr, updates_);
        const T coupled = static_cast<T>(decay_.decoupled ? 0 : decay_.rate);
        const T shrink = static_cast<T>(decay_.decoupled ? lr * decay_.rate : 0);
        for (std::size_t k = 0; k < parameters_.size(); ++k) {
          T* p = values.edit(parameters_[k]).data();
          const T* gradient = gradients[k].data();
          T none = 0;
          T* first = slots(rule) > 0 ? states_[k].first.data() : &none;
          T* second = slots(rule) > 1 ? states_[k].second.data() : &none;
          const T scale = static_cast<T>(edits[k].scale);
          const T limit = edits[k].limit > 0 ? static_cast<T>(edits[k].limit) : std::numeric_limits<T>::infinity();
          for (Index i = 0; i < gradients[k].size(); ++i) {
            const T g = std::clamp(gradient[i] * scale, -limit, limit) + coupled * p[i];
            p[i] -= apply(rule, step, g, first[slots(rule) > 0 ? i : 0], second[slots(rule) > 1 ? i : 0]) + shrink * p[i];
          }
        }
      },
      rule_);
  ++updates_;
}

template class Optimizer<float>;
template class Optimizer<double>;

namespace schedule {

Schedule constant() {
  return [](Index) { return 1.0; };
}

Schedule step(Index every, double factor) {
  if (every < 1) throw InputError(fmt::format("schedule::step: the interval must be positive, not {}", every));
  return [=](Index update) { return std::pow(factor, static_cast<double>(update / every)); };
}

Schedule exponential(double factor) {
  return [=](Index update) { return std::pow(factor, static_cast<double>(update)); };
}

Schedule cosine(Index updates, double floor) {
  if (updates < 1) throw InputError(fmt::format("schedule::cosine: the number of updates must be positive, not {}", updates));
  return [=](Index update) {
    const double done = std::min(1.0, static_cast<double>(update) / static_cast<double>(updates));
    return floor + (1 - floor) * 0.5 * (1 + std::cos(std::numbers::pi * done));
  };
}

Schedule warmup(Index updates, Schedule then) {
  if (updates < 1) throw InputError(fmt::format("schedule::warmup: the number of updates must be positive, not {}", updates));
  return [=](Index update) {
    return update < updates ? static_cast<double>(update + 1) / static_cast<double>(updates) : then(update - updates);
  };
}

}  // namespace schedule
}  // namespace reel
