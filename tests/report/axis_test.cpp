#include <reel/report/axis.h>

#include <limits>

#include "support.h"

using namespace reel;
using namespace reel::report;

namespace {

std::string labels(const std::vector<Tick>& ticks) {
  std::string all;
  for (const Tick& t : ticks)
    if (!t.label.empty()) all += (all.empty() ? "" : " ") + t.label;
  return all;
}

void check_sound(const Axis& axis) {
  CHECK(std::isfinite(axis.low()));
  CHECK(std::isfinite(axis.high()));
  CHECK(axis.low() < axis.high());
  CHECK((axis.scale() != Scale::logarithmic || axis.low() > 0));
  const std::vector<Tick> ticks = axis.ticks(7);
  CHECK(ticks.size() < 100);
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    CHECK(axis.at(ticks[i].value) > -1e-6);
    CHECK(axis.at(ticks[i].value) < 1 + 1e-6);
    CHECK((i == 0 || ticks[i].value > ticks[i - 1].value));
  }
}

}  // namespace

TEST_CASE("axis: linear ticks are multiples of 1, 2 or 5") {
  CHECK(labels(linear_ticks(0, 1, 7)) == "0 0.2 0.4 0.6 0.8 1.0");
  CHECK(labels(linear_ticks(0, 2000, 6)) == "0 500 1,000 1,500 2,000");
  CHECK(labels(linear_ticks(-3, 7, 7)) == "\u22122 0 2 4 6");
  CHECK(labels(linear_ticks(1.0001, 1.0004, 5)) == "1.0001 1.0002 1.0003 1.0004");
  CHECK(labels(linear_ticks(0, 3e8, 4)) == "0 10⁸ 2×10⁸ 3×10⁸");
  CHECK(labels(linear_ticks(0, 1.2e7, 4)) == "0 5×10⁶ 10⁷");  // no mixture
  CHECK(labels(linear_ticks(0, 2.5e-6, 4)) == "0 10⁻⁶ 2×10⁻⁶");
  CHECK(labels(linear_ticks(1, 3, 9, true)) == "1 2 3");
  CHECK(linear_ticks(0, 1, 6)[3].value == 0.6);  // as written, without a rounding error of its own
}

TEST_CASE("axis: logarithmic ticks are decades, with minor ticks between") {
  CHECK(labels(logarithmic_ticks(1, 1000, 7)) == "1 10 100 1,000");
  CHECK(logarithmic_ticks(1, 1000, 7).size() == 28);
  CHECK(labels(logarithmic_ticks(1e-6, 1, 7)) == "10⁻⁶ 10⁻⁵ 10⁻⁴ 10⁻³ 10⁻² 10⁻¹ 10⁰");
  CHECK(labels(logarithmic_ticks(1e-12, 1, 5)) == "10⁻¹² 10⁻⁹ 10⁻⁶ 10⁻³ 10⁰");
  CHECK(labels(logarithmic_ticks(1, 30, 7)) == "1 2 5 10 20");
  CHECK(labels(logarithmic_ticks(2, 4, 6)) == "2.0 2.5 3.0 3.5 4.0");
}

TEST_CASE("axis: whole numbers get whole ticks") {
  CHECK(labels(Axis({1, 2, 3}, Scale::linear, 0).ticks(9)) == "1 2 3");
  CHECK(labels(Axis({1, 2, 2.5}, Scale::linear, 0).ticks(5)) == "1.0 1.5 2.0 2.5");
}

TEST_CASE("axis: margins do not cross zero") {
  const Axis losses({0.01, 2}, Scale::linear, 0.05);
  CHECK(losses.low() == 0);
  CHECK(losses.high() == doctest::Approx(2.0995));
  CHECK(Axis({-1, 1}, Scale::linear, 0.05).low() == doctest::Approx(-1.1));
}

TEST_CASE("axis: no values, one value, equal values, extreme values") {
  const double largest = std::numeric_limits<double>::max(), least = std::numeric_limits<double>::denorm_min();
  const std::vector<std::vector<double>> cases = {{},
                                                  {0},
                                                  {5},
                                                  {-5},
                                                  {3, 3, 3},
                                                  {1, 1 + 1e-16},
                                                  {1e12, 1e12 + 1},
                                                  {NAN, INFINITY, -INFINITY},
                                                  {NAN, 2},
                                                  {largest, -largest, 1},
                                                  {1e279, -1e279},
                                                  {least, 0},
                                                  {1e-279, 1e279},
                                                  {-3, -2},
                                                  {1e-300, 2e-300}};
  for (const auto& values : cases)
    for (Scale scale : {Scale::linear, Scale::logarithmic, Scale::date})
      for (double margin : {0., 0.05}) check_sound(Axis(values, scale, margin));
  CHECK(!Axis({}, Scale::logarithmic, 0).shows(0));
  CHECK(!Axis({}, Scale::logarithmic, 0).shows(-1));
  CHECK(Axis({}, Scale::logarithmic, 0).shows(1e-9));
  CHECK(!Axis({}, Scale::linear, 0).shows(NAN));
  CHECK(!Axis({}, Scale::linear, 0).shows(largest));
}

TEST_CASE("axis: dates have round times, and the year where it changes") {
  constexpr double kDay = 86400, k2026 = 1767225600;  // 1 January 2026
  CHECK(labels(date_ticks(k2026 - 3 * kDay, k2026 + 2 * kDay, 7)) == "29 Dec 2025 30 Dec 31 Dec 1 Jan 2026 2 Jan 3 Jan");
  CHECK(labels(date_ticks(k2026, k2026 + 30 * kDay, 6)) == "5 Jan 2026 12 Jan 19 Jan 26 Jan");  // Mondays
  CHECK(labels(date_ticks(k2026 - 40 * kDay, k2026 + 100 * kDay, 7)) == "Dec 2025 Jan 2026 Feb Mar Apr");
  CHECK(labels(date_ticks(k2026 - 2000 * kDay, k2026, 8)) == "2021 2022 2023 2024 2025 2026");
  CHECK(labels(date_ticks(k2026 + 3600 * 22, k2026 + 3600 * 26, 5)) == "22:00 23:00 2 Jan 2026 01:00 02:00");
  CHECK(labels(date_ticks(k2026 + 1, k2026 + 31, 4)) == "00:00:10 00:00:20 00:00:30");
  CHECK(labels(date_ticks(-kDay, kDay, 3)) == "31 Dec 1969 1 Jan 1970 2 Jan");  // before 1970, and a leap day:
  CHECK(labels(date_ticks(1709078400, 1709078400 + 3 * kDay, 4)) == "28 Feb 2024 29 Feb 1 Mar 2 Mar");
  for (double length : {1., 7., 100., 5e3, 4e4, 1e6, 3e7, 2e9, 6e10, 2.5e11})
    for (double at : {-6e10, -1., 0., 1.7e9}) check_sound(Axis({at, at + length}, Scale::date, 0));
  CHECK(!Axis({}, Scale::date, 0).shows(1e12));
  CHECK(!Axis({}, Scale::date, 0).shows(NAN));
}
