#include <reel/report/bar_chart.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/report/axis.h>
#include <reel/report/canvas.h>
#include <reel/report/escape.h>
#include <reel/report/figure.h>

namespace reel::report {
namespace {

constexpr double kBar = 15, kBetween = 3, kGroupGap = 10;

std::size_t series_of(const BarChart& chart) { return std::max<std::size_t>(chart.series.size(), 1); }

Axis axis(const BarChart& chart) {
  std::vector<double> values = {0};
  for (const BarGroup& group : chart.groups) values.insert(values.end(), group.values.begin(), group.values.end());
  for (const Level& level : chart.levels) values.push_back(level.y);
  return Axis(values, Scale::linear, 0);
}

// Where bars are: to the right of the groups' names, to the left of their values.
struct Ground {
  Axis axis;
  double left, right, top;
  double at(double value) const { return left + axis.at(value) * (right - left); }
};

void draw_bar(Canvas& canvas, const Ground& ground, double y, double value, std::size_t series, const std::string& tooltip) {
  if (!ground.axis.shows(value)) {
    canvas.text(ground.at(0) + 5, y + kBar - 3, "missing", ink::kMuted);
    return;
  }
  const double zero = ground.at(0), end = ground.at(value), left = std::min(zero, end);
  canvas.rectangle(left, y, std::max(std::abs(end - zero), 0.5), kBar, series_fill(series), tooltip);
  canvas.text(value < 0 ? left - 5 : left + std::abs(end - zero) + 5, y + kBar - 3, number(value), ink::kText,
              {.anchor = value < 0 ? Anchor::end : Anchor::start, .halo = true});
}

// Names of the series, in rows; the height that they take.
double draw_legend(Canvas& canvas, const std::vector<std::string>& names) {
  double x = 0, y = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name = fitted(names[i], canvas.width() - 18);
    if (x > 0 && x + 18 + text_width(name) > canvas.width()) x = 0, y += 20;
    canvas.rectangle(x, y + 3, 12, 12, series_fill(i));
    canvas.text(x + 18, y + 13, name, ink::kText);
    x += 36 + text_width(name);
  }
  return names.empty() ? 0 : y + 28;
}

// Levels as vertical lines over all bars, with their names below, each in a row of its own; the height that these take.
double draw_levels(Canvas& canvas, const Ground& ground, const std::vector<Level>& levels, double bottom) {
  double below = 0;
  for (const Level& level : levels) {
    if (!ground.axis.shows(level.y)) continue;
    const double x = ground.at(level.y);
    const std::string value = number(level.y);
    const std::string label =
        fitted(level.name, canvas.width() - text_width(value) - 8) + (level.name.empty() ? "" : " ") + value;
    canvas.line(x, ground.top - 4, x, bottom + below + 4, ink::kLevel);
    const double half = text_width(label) / 2, middle = std::clamp(x, half, std::max(canvas.width() - half, half));
    canvas.text(middle, bottom + below + 17, label, ink::kMuted, {.anchor = Anchor::middle, .halo = true});
    below += 18;
  }
  return below;
}

}  // namespace

void check(const BarChart& chart) {
  for (const BarGroup& group : chart.groups)
    if (group.values.size() != series_of(chart))
      throw InputError(fmt::format("bar chart \"{}\": \"{}\" has {}, but there are {} series", chart.title, group.name,
                                   counted(group.values.size(), "value"), series_of(chart)));
}

std::string svg(const BarChart& chart, double width) {
  check(chart);
  Canvas canvas(width, fmt::format("{}: {}", chart.title, counted(chart.groups.size(), "group")));
  double names = 0, values = 0;
  for (const BarGroup& group : chart.groups) {
    names = std::max(names, 1.1 * text_width(group.name) + 12);
    for (double v : group.values) values = std::max(values, std::isfinite(v) ? text_width(number(v)) + 8 : 60.);
  }
  names = std::min(names, width * .4);
  Ground ground{axis(chart), names, width - values, draw_legend(canvas, chart.series)};
  if (ground.axis.low() < 0) ground.left += values;
  double y = ground.top;
  if (!chart.label.empty()) {
    canvas.text(ground.left, y + 10, fitted(chart.label, width - ground.left), ink::kMuted);
    y = ground.top = y + 22;
  }
  for (const BarGroup& group : chart.groups) {
    const double height = (kBar + kBetween) * static_cast<double>(group.values.size()) - kBetween;
    canvas.text(names - 10, y + height / 2 + 4, fitted(group.name, (names - 12) / 1.1), ink::kText, {.anchor = Anchor::end});
    for (std::size_t s = 0; s < group.values.size(); ++s, y += kBar + kBetween) {
      const std::string of = chart.series.empty() ? "" : ", " + chart.series[s];
      draw_bar(canvas, ground, y, group.values[s], s, fmt::format("{}{}: {}", group.name, of, number(group.values[s])));
    }
    y += kGroupGap;
  }
  y -= kGroupGap;
  if (chart.groups.empty()) {
    canvas.text(0, ground.top + 14, "no values yet", ink::kMuted);
    return canvas.svg(ground.top + 20);
  }
  canvas.line(ground.at(0), ground.top - 4, ground.at(0), y + 4, ink::kRule);
  return canvas.svg(y + 8 + draw_levels(canvas, ground, chart.levels, y));
}

std::string html(const BarChart& chart) {
  check(chart);
  std::size_t missing = 0;
  for (const BarGroup& group : chart.groups)
    missing += static_cast<std::size_t>(std::ranges::count_if(group.values, [](double v) { return !std::isfinite(v); }));
  const std::string note = missing ? fmt::format(" {} missing: not finite.", counted(missing, "value")) : "";
  return figure(chart.title, in_both_widths([&](double width) { return svg(chart, width); }), chart.caption + note);
}

}  // namespace reel::report
