#include <reel/report/scatter.h>

#include <reel/report/canvas.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include <reel/report/escape.h>
#include <reel/report/figure.h>
#include <reel/report/plot.h>

namespace reel::report {
namespace {

constexpr std::size_t kFewLabels = 24;  // are written out
constexpr std::size_t kFewDots = 600;   // are drawn one by one, with tooltips
constexpr double kSpot = 3;             // the grid on which many dots are drawn once

std::vector<std::string> series_of(const Scatter& scatter) {
  std::vector<std::string> names;
  for (const Dot& dot : scatter.points)
    if (std::ranges::find(names, dot.series) == names.end()) names.push_back(dot.series);
  return names;
}

Axis axis(const Scatter& scatter, bool vertical) {
  const Axis any({}, Scale::linear, 0);
  std::vector<double> values;
  for (const Dot& dot : scatter.points) {
    if (!any.shows(dot.x) || !any.shows(dot.y)) continue;
    if (vertical || scatter.diagonal) values.push_back(dot.y);
    if (!vertical || scatter.diagonal) values.push_back(dot.x);
  }
  return Axis(values, Scale::linear, 0.05);
}

void draw_one_by_one(Plot& plot, const std::vector<const Dot*>& dots, std::size_t series) {
  plot.canvas().raw(fmt::format(R"(<g {} fill-opacity="0.7">)", series_fill(series)));
  for (const Dot* dot : dots) {
    const Point p = plot.at({dot->x, dot->y});
    const std::string name = dot->label.empty() ? dot->series : dot->label;
    plot.canvas().circle(p.x, p.y, 3.2, {},
                         fmt::format("{}{}{}, {}", name, name.empty() ? "" : ": ", number(dot->x), number(dot->y)));
  }
  plot.canvas().raw("</g>");
}

void draw_many(Plot& plot, const std::vector<const Dot*>& dots, std::size_t series) {
  std::set<std::pair<long, long>> spots;
  for (const Dot* dot : dots) {
    const Point p = plot.at({dot->x, dot->y});
    spots.insert({std::lround(p.x / kSpot), std::lround(p.y / kSpot)});
  }
  std::string data;
  for (const auto& [x, y] : spots)
    data += fmt::format("M{},{}h0", coordinate(static_cast<double>(x) * kSpot), coordinate(static_cast<double>(y) * kSpot));
  plot.canvas().path(data, series_stroke(series % 8) + R"( stroke-width="3.8" stroke-linecap="round" stroke-opacity="0.6")");
}

void write_labels(Plot& plot, const std::vector<const Dot*>& dots) {
  LabelPlaces places(plot.frame());
  for (const Dot* dot : dots) places.avoid({plot.at({dot->x, dot->y})}, 30);
  for (const Dot* dot : dots) {
    if (dot->label.empty()) continue;
    const Point p = plot.at({dot->x, dot->y});
    const double width = text_width(dot->label, 11);
    std::vector<Box> candidates;
    for (double left : {p.x + 6, p.x - 6 - width, p.x - width / 2})
      for (double middle : {p.y, p.y - 12, p.y + 12}) candidates.push_back({left, middle - 6, left + width, middle + 6});
    const Box box = places.take(candidates);
    plot.canvas().text((box.left + box.right) / 2, box.bottom - 2, dot->label, ink::kMuted,
                       {.size = 11, .anchor = Anchor::middle, .halo = true});
  }
}

}  // namespace

std::string svg(const Scatter& scatter, double width) {
  const std::vector<std::string> names = series_of(scatter);
  const Axis x = axis(scatter, false), y = axis(scatter, true);
  Plot plot({.title = scatter.title,
             .x_label = scatter.x_label,
             .y_label = scatter.y_label,
             .legend = names,
             .dots = true,
             .square = scatter.diagonal},
            x, y, width);
  if (scatter.diagonal) {
    const Point from = plot.at({x.low(), x.low()}), to = plot.at({x.high(), x.high()});
    plot.canvas().line(from.x, from.y, to.x, to.y, ink::kLevel);
  }
  std::vector<std::vector<const Dot*>> by_series(names.size());
  std::vector<const Dot*> all;
  std::size_t labels = 0;
  for (const Dot& dot : scatter.points) {
    if (!plot.shows({dot.x, dot.y})) continue;
    by_series[static_cast<std::size_t>(std::ranges::find(names, dot.series) - names.begin())].push_back(&dot);
    all.push_back(&dot);
    labels += !dot.label.empty();
  }
  for (std::size_t s = 0; s < names.size(); ++s) (all.size() <= kFewDots ? draw_one_by_one : draw_many)(plot, by_series[s], s);
  if (labels > 0 && labels <= kFewLabels) write_labels(plot, all);
  if (all.empty()) plot.say("no points yet");
  return plot.svg();
}

std::string html(const Scatter& scatter) {
  const Axis any({}, Scale::linear, 0);
  const auto bad = static_cast<std::size_t>(
      std::ranges::count_if(scatter.points, [&](const Dot& d) { return !any.shows(d.x) || !any.shows(d.y); }));
  return figure(scatter.title, in_both_widths([&](double width) { return svg(scatter, width); }),
                scatter.caption + (bad ? fmt::format(" {} left out: not finite.", counted(bad, "point")) : ""));
}

}  // namespace reel::report
