#include <reel/report/line_chart.h>

#include <reel/report/plot.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include <reel/report/escape.h>
#include <reel/report/figure.h>

namespace reel::report {
namespace {

constexpr std::size_t kFewPoints = 24;  // are marked one by one

constexpr std::size_t kManyPoints = 500;   // get a thinner line
constexpr std::size_t kMostPoints = 4000;  // of a curve that runs to and fro, and so does not thin by columns

constexpr Point kGap{NAN, NAN};
bool is_gap(Point p) { return std::isnan(p.y); }

// The curve on the canvas, with gaps where points are left out.
std::vector<Point> on_canvas(const Plot& plot, const Curve& curve) {
  std::vector<Point> points;
  for (const Point& p : curve.points) points.push_back(plot.shows(p) ? plot.at(p) : kGap);
  return thinned(points);
}

std::string path_data(std::span<const Point> points) {
  std::string data;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (is_gap(points[i])) continue;
    const bool first = i == 0 || is_gap(points[i - 1]), last = i + 1 == points.size() || is_gap(points[i + 1]);
    data += fmt::format("{}{},{}{}", first ? 'M' : ' ', coordinate(points[i].x), coordinate(points[i].y),
                        first && last ? "h0" : "");  // round caps make it a dot
  }
  return data;
}

void draw_curve(Plot& plot, const std::vector<Point>& points, std::size_t series) {
  const std::string data = path_data(points);
  if (data.empty()) return;
  plot.canvas().path(data, fmt::format(R"({} stroke-width="{}" stroke-linejoin="round" stroke-linecap="round")",
                                       series_stroke(series), points.size() > kManyPoints ? 1.1 : 1.7));
  if (points.size() > kFewPoints) return;
  for (const Point& p : points)
    if (!is_gap(p)) plot.canvas().circle(p.x, p.y, 2.2, series_fill(series));
}

// The area between a curve's ranges; a range that is left out parts it in two.
void draw_band(Plot& plot, const std::vector<Range>& band, std::size_t series) {
  std::vector<Point> low, high;
  std::string data;
  const auto close = [&] {
    if (!low.empty()) {
      std::vector<Point> outline = thinned(high), back = thinned(low);
      outline.insert(outline.end(), back.rbegin(), back.rend());
      data += path_data(outline) + "z";
    }
    low.clear(), high.clear();
  };
  for (const Range& r : band) {
    if (!plot.shows({r.x, r.low}) || !plot.shows({r.x, r.high})) {
      close();
      continue;
    }
    low.push_back(plot.at({r.x, std::min(r.low, r.high)}));
    high.push_back(plot.at({r.x, std::max(r.low, r.high)}));
  }
  close();
  if (!data.empty()) plot.canvas().path(data, series_fill(series) + R"( fill-opacity="0.2")");
}

Box box_at(double left, double middle, double width) { return {left, middle - 8, left + width, middle + 7}; }

void letter(Plot& plot, const Box& box, std::string_view label, std::string_view attributes) {
  plot.canvas().text((box.left + box.right) / 2, box.bottom - 3, label, attributes, {.anchor = Anchor::middle, .halo = true});
}

void draw_level(Plot& plot, LabelPlaces& places, const Level& level, double x) {
  const Box& frame = plot.frame();
  const double y = plot.at({x, level.y}).y;
  plot.canvas().line(frame.left, y, frame.right, y, ink::kLevel);
  const std::string value = number(level.y);
  const std::string name = fitted(level.name, frame.right - frame.left - text_width(value) - 16);
  const std::string label = name.empty() ? value : name + " " + value;
  const double width = text_width(label);
  std::vector<Box> candidates;
  for (double off : {-9., 11., -13., 15., -19., 21., -26., 28., -41., 43., -56., 58., -71., 73., -86., 88.})
    for (double left : {frame.right - width - 4, frame.left + 6, (frame.left + frame.right - width) / 2})
      candidates.push_back(box_at(left, y + off, width));
  const Box box = places.take(candidates);
  letter(plot, box, label, ink::kMuted);
}

void draw_mark(Plot& plot, LabelPlaces& places, const Mark& mark, double y) {
  const Box& frame = plot.frame();
  const double x = plot.at({mark.x, y}).x;
  plot.canvas().line(x, frame.top, x, frame.bottom, ink::kLevel);
  const std::string name = fitted(mark.name, frame.right - frame.left - 16);
  if (name.empty()) return;
  const double width = text_width(name);
  std::vector<Box> candidates;
  for (double down : {10., 26., 42., 58., 74., 90.})
    for (double left : {x + 4, x - width - 4}) candidates.push_back(box_at(left, frame.top + down, width));
  letter(plot, places.take(candidates), name, ink::kMuted);
}

void draw_best(Plot& plot, LabelPlaces& places, const Curve& curve, std::size_t series) {
  std::optional<Point> best;
  for (const Point& p : curve.points)
    if (plot.shows(p) && (!best || (curve.best == Best::largest ? p.y > best->y : p.y < best->y))) best = p;
  if (!best) return;
  const Point at = plot.at(*best);
  const std::string label = number(best->y);
  const double width = text_width(label);
  std::vector<Box> candidates;
  for (double off : {16., -15., 30., -30., 45., -45., 60., -60., 75., -75.})
    for (double left : {at.x - width / 2, at.x - width - 4, at.x + 4}) candidates.push_back(box_at(left, at.y + off, width));
  const Box box = places.take(candidates);
  plot.canvas().circle(at.x, at.y, 4, series_fill(series) + R"x( style="stroke:var(--paper,#fff)")x");
  letter(plot, box, label, ink::kText);
}

Scale scale(const LineChart& chart, bool vertical) {
  if (!vertical && chart.dates) return Scale::date;
  return (vertical ? chart.log_y : chart.log_x) ? Scale::logarithmic : Scale::linear;
}

Axis axis(const LineChart& chart, bool vertical) {
  // Only points that both axes show count: the range of a logarithmic y must not stretch x to where nothing is.
  const Axis x({}, scale(chart, false), 0), y({}, scale(chart, true), 0);
  std::vector<double> values;
  const auto take = [&](Point p) {
    if (x.shows(p.x) && y.shows(p.y)) values.push_back(vertical ? p.y : p.x);
  };
  for (const Curve& curve : chart.curves) {
    for (const Point& p : curve.points) take(p);
    for (const Range& r : curve.band) take({r.x, r.low}), take({r.x, r.high});
  }
  if (vertical)
    for (const Level& level : chart.levels) values.push_back(level.y);
  else
    for (const Mark& mark : chart.marks) values.push_back(mark.x);
  return Axis(values, scale(chart, vertical), vertical ? 0.05 : 0);
}

// The first and the last point, and the lowest and the highest of each group, in order. A group begins with a point and takes in
// what follows as long as `joins` says so, gaps as well; gaps between groups stay.
template <class F>
std::vector<Point> extremes(std::span<const Point> points, F joins) {
  std::vector<Point> kept;
  std::size_t end = 0;
  for (std::size_t begin = 0; begin < points.size(); begin = end) {
    end = begin + 1;
    if (is_gap(points[begin])) {
      if (!kept.empty() && !is_gap(kept.back())) kept.push_back(kGap);
      continue;
    }
    std::size_t low = begin, high = begin, last = begin;
    for (; end < points.size() && joins(begin, end); ++end) {
      if (is_gap(points[end])) continue;
      last = end;
      if (points[end].y < points[low].y) low = end;
      if (points[end].y > points[high].y) high = end;
    }
    std::vector<std::size_t> keep = {std::min(low, high), std::max(low, high)};
    if (kept.empty()) keep.insert(keep.begin(), begin);
    if (end == points.size()) keep.push_back(last);
    keep.erase(std::unique(keep.begin(), keep.end()), keep.end());
    for (std::size_t i : keep) kept.push_back(points[i]);
    if (end < points.size() && last + 1 < end) kept.push_back(kGap);
  }
  return kept;
}

// What the caption says of the points that are not shown.
std::string left_out(const LineChart& chart) {
  const Axis x({}, scale(chart, false), 0), y({}, scale(chart, true), 0), any({}, Scale::linear, 0);
  std::size_t not_finite = 0, not_positive = 0, no_time = 0;
  const auto count = [&](double px, double py) {
    if (!any.shows(px) || !any.shows(py))
      ++not_finite;
    else if (chart.dates && !x.shows(px))
      ++no_time;
    else if (!x.shows(px) || !y.shows(py))
      ++not_positive;
  };
  for (const Curve& curve : chart.curves)
    for (const Point& p : curve.points) count(p.x, p.y);
  for (const Curve& curve : chart.curves)
    for (const Range& r : curve.band) count(r.x, y.shows(r.low) ? r.high : r.low);
  for (const Level& level : chart.levels) count(1, level.y);
  for (const Mark& mark : chart.marks) count(mark.x, 1);
  std::string text;
  if (not_finite) text += fmt::format(" {} left out: not finite.", counted(not_finite, "point"));
  if (not_positive) text += fmt::format(" {} left out: not positive on a logarithmic axis.", counted(not_positive, "point"));
  if (no_time) text += fmt::format(" {} left out: no time of the years 1 to 9999.", counted(no_time, "point"));
  return text;
}

}  // namespace

std::vector<Point> thinned(std::span<const Point> points) {
  const auto column = [&](std::size_t i) { return std::floor(points[i].x); };
  const auto by_column = [&](std::size_t begin, std::size_t i) { return is_gap(points[i]) || column(i) == column(begin); };
  std::vector<Point> kept = extremes(points, by_column);
  if (kept.size() <= kMostPoints) return kept;
  const std::size_t bin = 2 * points.size() / kMostPoints + 1;
  return extremes(points, [&](std::size_t begin, std::size_t i) { return i - begin < bin; });
}

std::string svg(const LineChart& chart, double width) {
  PlotOptions options{chart.title, chart.x_label, chart.y_label, {}};
  for (const Curve& curve : chart.curves) options.legend.push_back(curve.name);
  const Axis x = axis(chart, false), y = axis(chart, true);
  Plot plot(options, x, y, width);
  LabelPlaces places(plot.frame());
  bool empty = true;
  for (std::size_t i = 0; i < chart.curves.size(); ++i) draw_band(plot, chart.curves[i].band, i);
  for (std::size_t i = 0; i < chart.curves.size(); ++i) {
    const std::vector<Point> drawn = on_canvas(plot, chart.curves[i]);
    places.avoid(drawn);
    draw_curve(plot, drawn, i);
    empty = empty && drawn.empty();
  }
  constexpr double kLevelWeight = 10;  // a label on another level's line would seem to be that one's
  for (const Level& level : chart.levels)
    if (y.shows(level.y)) places.avoid({plot.at({x.low(), level.y}), plot.at({x.high(), level.y})}, kLevelWeight);
  for (std::size_t i = 0; i < chart.curves.size(); ++i)
    if (chart.curves[i].best != Best::none) draw_best(plot, places, chart.curves[i], i);
  for (const Level& level : chart.levels)
    if (y.shows(level.y)) draw_level(plot, places, level, x.low());
  for (const Mark& mark : chart.marks)
    if (x.shows(mark.x)) draw_mark(plot, places, mark, y.low());
  if (empty) plot.say("no points yet");
  return plot.svg();
}

std::string html(const LineChart& chart) {
  return figure(chart.title, in_both_widths([&](double width) { return svg(chart, width); }), chart.caption + left_out(chart));
}

}  // namespace reel::report
