// Learning-rate schedules: the factor on the rule's lr at update 0, 1, 2, ...
#pragma once

#include <functional>

#include <reel/graph/shape.h>

namespace reel {

// A function of the update, and for schedules that come to an end the number of updates in all, which what is made of them
// knows: at its last update each has come to its end. Copies share the function.
class Schedule {
 public:
  using Function = std::function<double(Index update)>;
  using EndingFunction = std::function<double(Index update, Index updates)>;  // both in all

  // Endless; InputError for an empty function.
  template <class F>
  requires(std::is_invocable_r_v<double, const F&, Index> && !std::same_as<std::remove_cvref_t<F>, Schedule>)
      Schedule(F function)  // NOLINT: implicit by design
      : Schedule(checked(Function(std::move(function)))) {}
  // Of so many updates, and as at the last one ever after. InputError for less than one update and an empty function.
  Schedule(Index updates, EndingFunction function);

  double operator()(Index update) const;
  Index updates() const { return updates_; }  // in all; 0: endless
  // What this one is when it has so many updates; an endless one does not change.
  Schedule over(Index updates) const;

 private:
  struct Checked {
    EndingFunction function;
  };
  static Checked checked(Function function);
  explicit Schedule(Checked checked) : function_(std::move(checked.function)) {}

  EndingFunction function_;
  Index updates_ = 0;
};

// InputError for counts and factors that cannot be.
namespace schedule {
Schedule constant();
Schedule step(Index every, double factor);         // factor^(update / every)
Schedule exponential(double factor);               // factor^update
Schedule cosine(Index updates, double floor = 0);  // from 1 at the first update to floor at the last, along half a cosine
// Linear from 1/updates to 1, then `then` over the rest of its updates: warm-up and what follows take as many as `then` has. The
// warm-up must leave one.
Schedule warmup(Index updates, const Schedule& then);
}  // namespace schedule

}  // namespace reel
