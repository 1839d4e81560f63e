#include <reel/train/optimizers.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <reel/data/keeper.h>
#include <reel/plan/denormals.h>

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

// A number that T can hold: 0, or neither 0 nor infinite there.
template <class T>
void require_number(const char* what, double given) {
  require(given >= 0 && std::isfinite(given), fmt::format("{} must be finite and not negative", what).c_str(), given);
  const bool held = given == 0 || (given >= static_cast<double>(std::numeric_limits<T>::min()) &&
                                   given <= static_cast<double>(std::numeric_limits<T>::max()));
  if (!held)
    throw InputError(
        fmt::format("optimizer: {} of {} is {} in {}", what, given, given < 1 ? "0" : "infinite", element_name(element_of<T>())));
}

// In [0, 1), in T too.
template <class T>
void require_share(const char* what, double given) {
  require(given >= 0 && given < 1, fmt::format("{} must be in [0, 1)", what).c_str(), given);
  if (static_cast<T>(given) >= T{1})
    throw InputError(fmt::format("optimizer: {} of {} is 1 in {}", what, given, element_name(element_of<T>())));
}

template <class T>
void check(const Sgd&) {}
template <class T>
void check(const Momentum& r) {
  require_share<T>("momentum", r.momentum);
}
template <class T>
void check(const Adagrad& r) {
  require_number<T>("Adagrad's initial value", r.initial);
  require_number<T>("epsilon", r.epsilon);
  require(r.epsilon + r.initial > 0, "epsilon must be positive where the initial value is 0", r.epsilon);
}
template <class T>
void check(const Adam& r) {
  require_share<T>("beta1", r.beta1);
  require_share<T>("beta2", r.beta2);
  require(r.epsilon > 0, "epsilon must be positive", r.epsilon);
  require_number<T>("epsilon", r.epsilon);
}

double first_value(const Adagrad& r) { return r.initial; }
double first_value(const auto&) { return 0; }

}  // namespace

template <class T>
Optimizer<T>::Optimizer(OptimizerRule rule, std::span<const Parameter> parameters, WeightDecay decay, OwnPieces pieces)
    : rule_(rule), decay_(decay), pieces_(pieces), parameters_(parameters.begin(), parameters.end()) {
  require_number<T>("the learning rate", lr());
  require_number<T>("the weight decay", decay.rate);
  std::visit(
      [&](const auto& r) {
        check<T>(r);
        for (const Parameter& p : parameters_) {
          State s;
          const Shape own = pieces_.own == pieces_.pieces ? p.shape() : Shape{pieces_.size(p.shape().row_size())};
          if (slots(r) > 0) s.first = Tensor<T>(own);
          if (slots(r) > 1) s.second = Tensor<T>(own);
          std::ranges::fill(s.first, static_cast<T>(first_value(r)));
          states_.push_back(std::move(s));
        }
      },
      rule_);
}

namespace {
std::string text_of(const Sgd& r) { return fmt::format("SGD, lr {}", r.lr); }
std::string text_of(const Momentum& r) {
  return fmt::format("{}, lr {}, momentum {}", r.nesterov ? "Nesterov" : "Momentum", r.lr, r.momentum);
}
std::string text_of(const Adagrad& r) {
  return fmt::format("Adagrad, lr {}, epsilon {}, initial {}", r.lr, r.epsilon, r.initial);
}
std::string text_of(const Adam& r) {
  return fmt::format("Adam, lr {}, beta1 {}, beta2 {}, epsilon {}", r.lr, r.beta1, r.beta2, r.epsilon);
}
}  // namespace

std::string text(const OptimizerRule& rule) {
  return std::visit([](const auto& r) { return text_of(r); }, rule);
}

template <class T>
void Optimizer<T>::keep(Keeper& keep, const std::function<bool(TensorView<T>)>& gather) {
  Index updates = updates_;
  keep("updates", updates);
  if (updates < 0) throw FileError(fmt::format("optimizer: the file counts {} updates", updates));
  updates_ = updates;
  for (std::size_t k = 0; k < states_.size(); ++k) {
    const Parameter& p = parameters_[k];
    const auto slot = [&](const char* which, Tensor<T>& values) {
      const std::string name = fmt::format("{} of {}", which, p.name());
      if (pieces_.own == pieces_.pieces) {
        if (values.size() > 0) keep.in_place<T>(name, values.view());
        return;
      }
      Tensor<T> whole(p.shape());
      const auto own = whole.begin() + pieces_.begin(whole.size());
      if (keep.restores()) {
        keep.restore<T>(name, whole.view());
        std::copy_n(own, values.size(), values.begin());
      } else {
        std::ranges::copy(values, own);
        if (gather(whole.view())) keep(name, whole);
      }
    };
    const int kept = std::visit([](const auto& r) { return slots(r); }, rule_);
    if (kept > 0) slot("first", states_[k].first);
    if (kept > 1) slot("second", states_[k].second);
  }
}

template <class T>
double Optimizer<T>::lr() const {
  return std::visit([](const auto& r) { return r.lr; }, rule_);
}

template <class T>
void Optimizer<T>::update(ParameterValues<T>& values, std::span<const TensorView<const T>> gradients,
                          std::span<const GradientEdit> edits, double rate_factor) {
  const FlushDenormals flush;
  std::visit(
      [&](const auto& rule) {
        const double lr = rule.lr * rate_factor;
        if (!(std::abs(lr) <= static_cast<double>(std::numeric_limits<T>::max())))
          throw NumericError(fmt::format("optimizer: a learning rate of {} times {} is not finite in {}", rule.lr, rate_factor,
                                         element_name(element_of<T>())));
        const Step<T> step = step_of<T>(rule, lr, updates_);
        const T coupled = static_cast<T>(decay_.decoupled ? 0 : decay_.rate);
        const T shrink = static_cast<T>(decay_.decoupled ? lr * decay_.rate : 0);
        for (std::size_t k = 0; k < parameters_.size(); ++k) {
          const Index begin = pieces_.begin(gradients[k].size()), end = pieces_.end(gradients[k].size());
          T* p = values.edit(parameters_[k]).data() + begin;
          const T* gradient = gradients[k].data() + begin;
          T none = 0;
          T* first = slots(rule) > 0 ? states_[k].first.data() : &none;
          T* second = slots(rule) > 1 ? states_[k].second.data() : &none;
          const T scale = static_cast<T>(edits[k].scale), then = static_cast<T>(edits[k].then);
          const T limit = edits[k].limit > 0 ? static_cast<T>(edits[k].limit) : std::numeric_limits<T>::infinity();
          for (Index i = 0; i < end - begin; ++i) {
            const T g = std::clamp(gradient[i] * scale * then, -limit, limit) + coupled * p[i];
            p[i] -= apply(rule, step, g, first[slots(rule) > 0 ? i : 0], second[slots(rule) > 1 ? i : 0]) + shrink * p[i];
          }
        }
      },
      rule_);
  ++updates_;
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace reel
