#include <reel/report/plot.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace reel::report {
namespace {

constexpr double kPerPlace = 1.5;  // points that a label covers before the next place is tried

double widest(const std::vector<Tick>& ticks) {
  double width = 0;
  for (const Tick& tick : ticks) width = std::max(width, text_width(tick.label));
  return width;
}

}  // namespace

Plot::Plot(const PlotOptions& options, const Axis& x, const Axis& y, double width) : x_(x), y_(y), canvas_(width, options.title) {
  double top = 8 + draw_legend(options);
  const bool narrow = width < 500;
  const double inner = options.square ? 0 : narrow ? 210 : 290;
  const int most = narrow ? 5 : 8;
  const std::vector<Tick> ticks = y_.ticks(most);
  const double left = std::ceil(widest(ticks)) + 12;
  if (!options.y_label.empty()) {
    canvas_.text(0, top + 10, fitted(options.y_label, width), ink::kMuted);
    top += 24;
  }
  frame_ = {left, top, width - 12, 0};
  if (options.square) frame_.right = std::min(frame_.right, left + 380);
  frame_.bottom = top + (options.square ? frame_.right - left : inner);
  draw_y_ticks(ticks);
  draw_x_ticks();
  height_ = frame_.bottom + 26;
  if (!options.x_label.empty()) {
    canvas_.text((frame_.left + frame_.right) / 2, height_ + 10, fitted(options.x_label, frame_.right - frame_.left), ink::kMuted,
                 {.anchor = Anchor::middle});
    height_ += 16;
  }
}

double Plot::draw_legend(const PlotOptions& options) {
  constexpr double kRow = 18, kSwatch = 18, kGap = 18;
  double x = 0, y = 0;
  for (std::size_t i = 0; i < options.legend.size(); ++i) {
    const std::string name = fitted(options.legend[i], canvas_.width() - kSwatch - 12);
    if (name.empty()) continue;
    const double width = kSwatch + 6 + text_width(name);
    if (x > 0 && x + width > canvas_.width()) x = 0, y += kRow;
    if (options.dots)
      canvas_.circle(x + 8, y + 10, 4, series_fill(i));
    else
      canvas_.line(x, y + 10, x + kSwatch, y + 10, series_stroke(i) + R"( stroke-width="2.5")");
    canvas_.text(x + kSwatch + 6, y + 14, name, ink::kText);
    x += width + kGap;
  }
  return x > 0 ? y + kRow + 6 : 0;
}

void Plot::draw_y_ticks(const std::vector<Tick>& ticks) {
  for (const Tick& tick : ticks) {
    const double y = at({x_.low(), tick.value}).y;
    canvas_.line(frame_.left, y, frame_.right, y, tick.label.empty() ? ink::kFaint : ink::kGrid);
  }
  for (const Tick& tick : ticks)
    if (!tick.label.empty())
      canvas_.text(frame_.left - 7, at({x_.low(), tick.value}).y + 4, tick.label, ink::kMuted, {.anchor = Anchor::end});
}

void Plot::draw_x_ticks() {
  const double length = frame_.right - frame_.left;
  int most = static_cast<int>(length / 60) + 1;
  std::vector<Tick> ticks = x_.ticks(most);
  while (most > 2 && static_cast<double>(ticks.size()) * (widest(ticks) + 16) > length && x_.scale() != Scale::logarithmic)
    ticks = x_.ticks(--most);
  double free = -INFINITY;  // labels that would touch their neighbour are left out
  for (const Tick& tick : ticks) {
    const double x = at({tick.value, y_.low()}).x;
    canvas_.line(x, frame_.bottom, x, frame_.bottom + (tick.label.empty() ? 3 : 5), ink::kRule);
    const double half = text_width(tick.label) / 2;
    // The last label stays on the canvas.
    const double middle = std::min(x, canvas_.width() - half - 2);
    if (tick.label.empty() || middle - half < free) continue;
    canvas_.text(middle, frame_.bottom + 18, tick.label, ink::kMuted, {.anchor = Anchor::middle});
    free = middle + half + 6;
  }
  canvas_.line(frame_.left, frame_.bottom, frame_.right, frame_.bottom, ink::kRule);
}

Point Plot::at(Point p) const {
  return {frame_.left + x_.at(p.x) * (frame_.right - frame_.left), frame_.bottom - y_.at(p.y) * (frame_.bottom - frame_.top)};
}

void Plot::say(std::string_view text) {
  canvas_.text((frame_.left + frame_.right) / 2, (frame_.top + frame_.bottom) / 2, text, ink::kMuted,
               {.anchor = Anchor::middle, .halo = true});
}

std::string Plot::svg() const { return canvas_.svg(height_); }

void LabelPlaces::avoid(const std::vector<Point>& line, double weight) {
  constexpr double kStep = 4;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (std::isnan(line[i].y)) continue;
    drawn_.push_back({line[i], weight});
    if (i == 0 || std::isnan(line[i - 1].y)) continue;
    const Point a = line[i - 1], b = line[i];
    const int steps = static_cast<int>(std::hypot(b.x - a.x, b.y - a.y) / kStep);
    for (int s = 1; s < steps; ++s) drawn_.push_back({{a.x + (b.x - a.x) * s / steps, a.y + (b.y - a.y) * s / steps}, weight});
  }
}

double LabelPlaces::cost(const Box& box) const {
  double cost = 0;
  const auto beyond = [](double v) { return std::max(v, 0.); };
  cost += 1e6 * (beyond(frame_.left - box.left) + beyond(frame_.top - box.top) + beyond(box.right - frame_.right) +
                 beyond(box.bottom - frame_.bottom));
  for (const Box& other : taken_)
    if (box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom) cost += 1e4;
  for (const auto& [p, weight] : drawn_)
    if (p.x > box.left && p.x < box.right && p.y > box.top && p.y < box.bottom) cost += weight;
  return cost;
}

Box LabelPlaces::take(const std::vector<Box>& places) {
  std::size_t best = 0;
  double least = INFINITY;
  for (std::size_t i = 0; i < places.size(); ++i)
    if (const double c = cost(places[i]) + kPerPlace * static_cast<double>(i); c < least) least = c, best = i;
  taken_.push_back(places[best]);
  return places[best];
}

}  // namespace reel::report
