// One axis of a chart: its range, where a value lies on it, and its ticks.
//
// Always: low < high, both finite, both positive on a logarithmic axis; the ticks lie within and ascend. A value on an axis of
// dates is a time in seconds since the beginning of 1970, UTC, of the years 1 to 9999. Threads: an axis does not change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace reel::report {

struct Tick {
  double value;
  std::string label;  // none for a minor tick
};

// Multiples of 1, 2 or 5 times a power of ten, at most `most` of them (two at least); `whole`: whole numbers only.
std::vector<Tick> linear_ticks(double low, double high, int most, bool whole = false);

// Decades with the minor ticks 2 .. 9; multiples 1, 2, 5 over a range of few decades, every n-th decade over one of many.
std::vector<Tick> logarithmic_ticks(double low, double high, int most);

// Times of a round length apart: seconds, minutes, hours, days, Mondays, months, years; the first of them, and the first of a
// year, with the year, where days are named.
std::vector<Tick> date_ticks(double low, double high, int most);

enum class Scale : std::uint8_t { linear, logarithmic, date };

class Axis {
 public:
  // The range of the values it can show, widened by `margin` of it on both sides (not across zero), or to a range around a
  // single value. Without any value it is [0, 1], logarithmic [1, 10].
  Axis(const std::vector<double>& values, Scale scale, double margin);

  // Finite, small enough to compute with, positive on a logarithmic axis, a time on one of dates.
  bool shows(double value) const;
  double at(double value) const;  // 0 at low, 1 at high
  double low() const { return low_; }
  double high() const { return high_; }
  Scale scale() const { return scale_; }
  std::vector<Tick> ticks(int most) const;

 private:
  Scale scale_;
  bool whole_ = true;  // all values are whole numbers
  double low_, high_;
};

}  // namespace reel::report
