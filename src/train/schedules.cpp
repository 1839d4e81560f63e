#include <reel/train/schedules.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {

Schedule::Checked Schedule::checked(Function function) {
  if (!function) throw InputError("Schedule: the function is empty");
  return {[function = std::move(function)](Index update, Index) { return function(update); }};
}

Schedule::Schedule(Index updates, EndingFunction function) : function_(std::move(function)), updates_(updates) {
  if (updates < 1) throw InputError(fmt::format("Schedule: the number of updates must be positive, not {}", updates));
  if (!function_) throw InputError("Schedule: the function is empty");
}

double Schedule::operator()(Index update) const {
  return function_(updates_ > 0 ? std::min(update, updates_ - 1) : update, updates_);
}

Schedule Schedule::over(Index updates) const { return updates_ == 0 ? *this : Schedule(updates, function_); }

namespace schedule {
namespace {

void check_factor(const char* what, double factor) {
  if (!(factor >= 0 && std::isfinite(factor)))
    throw InputError(fmt::format("schedule::{} must be finite and not negative, not {}", what, factor));
}

}  // namespace

Schedule constant() {
  return [](Index) { return 1.0; };
}

Schedule step(Index every, double factor) {
  if (every < 1) throw InputError(fmt::format("schedule::step: the interval must be positive, not {}", every));
  check_factor("step: the factor", factor);
  return [=](Index update) { return std::pow(factor, static_cast<double>(update / every)); };
}

Schedule exponential(double factor) {
  check_factor("exponential: the factor", factor);
  return [=](Index update) { return std::pow(factor, static_cast<double>(update)); };
}

Schedule cosine(Index updates, double floor) {
  if (updates < 1) throw InputError(fmt::format("schedule::cosine: the number of updates must be positive, not {}", updates));
  check_factor("cosine: the floor", floor);
  return Schedule(updates, [=](Index update, Index all) {
    const double done = static_cast<double>(update) / static_cast<double>(std::max<Index>(all - 1, 1));
    return floor + (1 - floor) * 0.5 * (1 + std::cos(std::numbers::pi * done));
  });
}

Schedule warmup(Index updates, const Schedule& then) {
  if (updates < 1) throw InputError(fmt::format("schedule::warmup: the number of updates must be positive, not {}", updates));
  const auto rising = [updates](Index update) { return static_cast<double>(update + 1) / static_cast<double>(updates); };
  if (then.updates() == 0) return [=](Index update) { return update < updates ? rising(update) : then(update - updates); };
  if (then.updates() <= updates)
    throw InputError(fmt::format("schedule::warmup: {} updates of warm-up leave none of {}", updates, then.updates()));
  return Schedule(then.updates(), [=](Index update, Index all) {
    return update < updates ? rising(update) : then.over(all - updates)(update - updates);
  });
}

}  // namespace schedule
}  // namespace reel
