#include <reel/report/axis.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <reel/report/escape.h>

namespace reel::report {
namespace {

constexpr double kManyDecades = 40;  // have no minor ticks
constexpr double kLargest = 1e280;   // sums and differences of such values are still finite

using Days = std::chrono::sys_days;
constexpr double kDay = 86400;
double seconds(Days day) { return kDay * static_cast<double>(day.time_since_epoch().count()); }
const double kFirstTime = seconds(std::chrono::year(1) / 1 / 1), kLastTime = seconds(std::chrono::year(9999) / 12 / 31);

struct Step {
  int factor, exponent;  // factor * 10^exponent
  double times(double k) const {
    // Dividing by a power of ten that is exact gives 0.3, where multiplying by 0.1 gives 0.30000000000000004.
    return exponent < 0 ? k * factor / std::pow(10., -exponent) : k * factor * std::pow(10., exponent);
  }
};

// The smallest step 1, 2 or 5 times a power of ten that covers `length` in `count` steps.
Step nice_step(double length, int count) {
  const double least = length / count;
  for (int exponent = static_cast<int>(std::floor(std::log10(least)));; ++exponent)
    for (int factor : {1, 2, 5})
      if (const Step step{factor, exponent}; step.times(1) >= least * (1 - 1e-9)) return step;
}

std::string label(double value, const Step& step, double largest) {
  if (value == 0) return "0";
  if (largest >= 1e-3 && largest < 1e7) return fixed(value, std::max(0, -step.exponent));
  const int digits = 1 + static_cast<int>(std::floor(std::log10(std::abs(value)))) - step.exponent;
  return scientific(value, std::clamp(digits, 1, 15));
}

// Multiples 1 .. 9 of the decades from low to high; `labelled` tells which have a label.
template <class F>
std::vector<Tick> multiples(double low, double high, F labelled) {
  std::vector<Tick> ticks;
  for (int decade = static_cast<int>(std::floor(std::log10(low))); decade <= std::ceil(std::log10(high)); ++decade)
    for (int factor = 1; factor < 10; ++factor) {
      const double value = Step{factor, decade}.times(1);
      if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9)) continue;
      ticks.push_back({value, labelled(decade, factor) ? number(value, 1) : ""});
    }
  return ticks;
}

// Labels of decades: all as powers of ten where one of them must be.
std::vector<Tick> as_powers(std::vector<Tick> ticks) {
  const auto plain = [](const Tick& t) { return t.label.empty() || t.label.find("10\u207B") == std::string::npos; };
  const bool large = !ticks.empty() && ticks.back().value >= 1e7;
  if (!large && std::ranges::all_of(ticks, plain)) return ticks;
  for (Tick& t : ticks)
    if (!t.label.empty()) t.label = power_of_ten(static_cast<int>(std::lround(std::log10(t.value))));
  return ticks;
}

// A length between ticks of times: some seconds, or some months.
struct TimeStep {
  double seconds;
  int months = 0;
};

TimeStep time_step(double length, int most) {
  constexpr double kMonth = 30.4 * kDay;
  for (double seconds : {1.,    2.,    5.,    10.,    15.,    30.,    60.,  120.,     300.,     600.,     900.,
                         1800., 3600., 7200., 10800., 21600., 43200., kDay, 2 * kDay, 7 * kDay, 14 * kDay})
    if (seconds * most >= length) return {seconds};
  for (int months : {1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000, 12000})
    if (months * kMonth * most >= length) return {months * kMonth, months};
  return {24000 * kMonth, 24000};
}

std::chrono::year_month_day date_of(double time) { return Days(std::chrono::days(static_cast<int>(std::floor(time / kDay)))); }

// What tells a tick from its neighbours: the time of a day, the day, the month or the year. Where a day or a month is named, its
// year is too, unless `named` says that it was.
std::string time_label(double time, const TimeStep& step, int& named) {
  constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::chrono::year_month_day date = date_of(time);
  const int in_day = static_cast<int>(time - seconds(Days(date))), year = static_cast<int>(date.year());
  if (step.months >= 12) return fmt::format("{}", year);
  if (in_day != 0) {
    const std::string clock = fmt::format("{:02}:{:02}", in_day / 3600, in_day / 60 % 60);
    return step.seconds < 60 ? fmt::format("{}:{:02}", clock, in_day % 60) : clock;
  }
  const std::string_view month = kMonths[static_cast<unsigned>(date.month()) - 1];
  const std::string day = step.months > 0 ? "" : fmt::format("{} ", static_cast<unsigned>(date.day()));
  return fmt::format("{}{}{}", day, month, std::exchange(named, year) == year ? "" : fmt::format(" {}", year));
}

// The smallest time of the step's that is not before `time`.
double first_time(double time, const TimeStep& step) {
  if (step.months == 0) {
    // Weeks begin on Mondays, of which 5 January 1970 was one.
    const double origin = step.seconds >= 7 * kDay ? 4 * kDay : 0;
    return origin + std::ceil((time - origin) / step.seconds) * step.seconds;
  }
  const std::chrono::year_month_day date = date_of(time);
  const int month = static_cast<int>(date.year()) * 12 + static_cast<int>(static_cast<unsigned>(date.month())) - 1;
  for (int m = month / step.months * step.months;; m += step.months)
    if (const double t = seconds(std::chrono::year(m / 12) / (m % 12 + 1) / 1); t >= time) return t;
}

}  // namespace

std::vector<Tick> date_ticks(double low, double high, int most) {
  const TimeStep step = time_step(high - low, std::max(most - 1, 1));
  std::vector<Tick> ticks;
  int named = 0;
  for (double t = first_time(low, step); t <= high; t = first_time(t + 1, step)) ticks.push_back({t, time_label(t, step, named)});
  return ticks;
}

std::vector<Tick> linear_ticks(double low, double high, int most, bool whole) {
  Step step = nice_step(high - low, std::max(most - 1, 1));
  if (whole && step.exponent < 0) step = {1, 0};
  const double unit = step.times(1), largest = std::max(std::abs(low), std::abs(high));
  std::vector<Tick> ticks;
  const double first = std::ceil(low / unit - 1e-6), last = std::floor(high / unit + 1e-6);
  for (int i = 0; first + i <= last; ++i) ticks.push_back({step.times(first + i), label(step.times(first + i), step, largest)});
  return ticks;
}

std::vector<Tick> logarithmic_ticks(double low, double high, int most) {
  const double decades = std::log10(high) - std::log10(low);
  if (decades < 0.7) return linear_ticks(low, high, most);
  if (decades < 2) {
    const bool few = 3 * decades > most;
    return multiples(low, high, [&](int, int factor) { return factor == 1 || (!few && (factor == 2 || factor == 5)); });
  }
  const int every = std::max(1, static_cast<int>(std::ceil(decades / std::max(most - 1, 1))));
  if (every == 1) return as_powers(multiples(low, high, [](int, int factor) { return factor == 1; }));
  const int step = decades < kManyDecades ? 1 : every;
  std::vector<Tick> ticks;
  const int last = static_cast<int>(std::floor(std::log10(high) + 1e-9));
  for (int decade = static_cast<int>(std::ceil(std::log10(low) - 1e-9)); decade <= last; ++decade) {
    if (decade % step != 0) continue;
    ticks.push_back({Step{1, decade}.times(1), decade % every == 0 ? power_of_ten(decade) : ""});
  }
  return ticks;
}

Axis::Axis(const std::vector<double>& values, Scale scale, double margin)
    : scale_(scale), low_(scale == Scale::logarithmic ? 1 : 0), high_(scale == Scale::logarithmic ? 10 : 1) {
  double least = INFINITY, most = -INFINITY;
  for (double v : values)
    if (shows(v)) least = std::min(least, v), most = std::max(most, v), whole_ = whole_ && v == std::floor(v);
  whole_ = whole_ && least < most;
  if (least > most) return;
  const double size = std::max(std::abs(least), std::abs(most));
  if (scale == Scale::logarithmic) {
    const bool single = most <= least * (1 + 1e-9);
    const double factor = single ? 2 : std::pow(10., margin * (std::log10(most) - std::log10(least)));
    low_ = least / factor, high_ = most * factor;
  } else if (scale == Scale::date) {
    const double beyond = most - least < 2 ? 1 : margin * (most - least);
    low_ = std::max(least - beyond, kFirstTime), high_ = std::min(most + beyond, kLastTime);
  } else if (most - least <= std::max(1e-9 * size, 1e-290)) {
    const double around = size > 1e-280 ? 0.1 * size : 1;
    low_ = least - around, high_ = most + around;
  } else {
    const double beyond = margin * (most - least);
    low_ = least >= 0 ? std::max(0., least - beyond) : least - beyond;
    high_ = most <= 0 ? std::min(0., most + beyond) : most + beyond;
  }
}

bool Axis::shows(double value) const {
  if (scale_ == Scale::date) return value > kFirstTime && value < kLastTime;
  return std::abs(value) < kLargest && (scale_ == Scale::linear || value > 1 / kLargest);
}

double Axis::at(double value) const {
  if (scale_ == Scale::logarithmic) return (std::log10(value) - std::log10(low_)) / (std::log10(high_) - std::log10(low_));
  return (value - low_) / (high_ - low_);
}

std::vector<Tick> Axis::ticks(int most) const {
  if (scale_ == Scale::logarithmic) return logarithmic_ticks(low_, high_, most);
  return scale_ == Scale::date ? date_ticks(low_, high_, most) : linear_ticks(low_, high_, most, whole_);
}

}  // namespace reel::report
