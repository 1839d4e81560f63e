#include <reel/report/label_strip.h>

#include <reel/report/canvas.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/report/escape.h>
#include <reel/report/figure.h>

namespace reel::report {
namespace {

constexpr double kCell = 19, kRow = 21, kNumbers = 26;

std::size_t steps(const LabelStrip& strip) { return strip.labels.empty() ? 0 : strip.labels[0].size(); }

bool differs(const LabelStrip& strip, std::size_t row, std::size_t step) {
  const int label = strip.labels[row][step], first = strip.labels[0][step];
  return label >= 0 && first >= 0 && label != first;
}

std::size_t mismatches(const LabelStrip& strip) {
  std::size_t count = 0;
  for (std::size_t t = 0; t < steps(strip); ++t) {
    bool any = false;
    for (std::size_t r = 1; r < strip.labels.size(); ++r) any = any || differs(strip, r, t);
    count += any;
  }
  return count;
}

void draw_cell(Canvas& canvas, double x, double y, int label, bool wrong) {
  const double middle = x + (kCell - 1) / 2;
  if (label < 0) {
    canvas.rectangle(x + 0.5, y + 0.5, kCell - 2, kRow - 3, ink::kGrid);
  } else {
    canvas.rectangle(x, y, kCell - 1, kRow - 2, series_fill(static_cast<std::size_t>(label)) + R"( fill-opacity="0.4")");
    canvas.text(middle, y + 14, fmt::format("{}", label), ink::kText, {.size = label < 100 ? 11. : 9., .anchor = Anchor::middle});
  }
  if (wrong) canvas.rectangle(x, y + kRow - 4, kCell - 1, 3, ink::kWrong);
}

// Steps first .. end, one below the other for the rows.
void draw_block(Canvas& canvas, const LabelStrip& strip, double left, double top, std::size_t first, std::size_t end) {
  for (std::size_t r = 0; r < strip.labels.size(); ++r) {
    const double y = top + kRow * static_cast<double>(r);
    canvas.text(0, y + 14, strip.names[r], ink::kMuted);
    for (std::size_t t = first; t < end; ++t)
      draw_cell(canvas, left + kCell * static_cast<double>(t - first), y, strip.labels[r][t], differs(strip, r, t));
  }
  const double below = top + kRow * static_cast<double>(strip.labels.size()) + 10;
  for (std::size_t t = first; t < end; ++t)
    if (t == first || (t + 1) % 5 == 0)
      canvas.text(left + kCell * (static_cast<double>(t - first) + 0.5) - 0.5, below, fmt::format("{}", t + 1), ink::kMuted,
                  {.size = 10, .anchor = Anchor::middle});
}

}  // namespace

void check(const LabelStrip& strip) {
  if (strip.names.size() != strip.labels.size())
    throw InputError(
        fmt::format("label strip \"{}\": {} names for {} rows of labels", strip.title, strip.names.size(), strip.labels.size()));
  for (std::size_t r = 1; r < strip.labels.size(); ++r)
    if (strip.labels[r].size() != steps(strip))
      throw InputError(fmt::format("label strip \"{}\": \"{}\" has {} steps, but \"{}\" {}", strip.title, strip.names[r],
                                   strip.labels[r].size(), strip.names[0], steps(strip)));
}

std::string svg(const LabelStrip& strip, double width) {
  check(strip);
  double left = 0;
  for (const std::string& name : strip.names) left = std::max(left, text_width(name) + 10);
  left = std::min(left, width / 2);
  auto block = static_cast<std::size_t>((width - left) / kCell);
  if (block > 10) block -= block % 5;
  Canvas canvas(width,
                fmt::format("{}: {}, {} with a difference", strip.title, counted(steps(strip), "step"), mismatches(strip)));
  if (steps(strip) == 0) canvas.text(0, 14, "no steps yet", ink::kMuted);
  double top = 0;
  for (std::size_t first = 0; first < steps(strip); first += block) {
    draw_block(canvas, strip, left, top, first, std::min(first + block, steps(strip)));
    top += kRow * static_cast<double>(strip.labels.size()) + kNumbers;
  }
  return canvas.svg(std::max(top - 8, 20.));
}

std::string html(const LabelStrip& strip) {
  check(strip);
  std::string differences;
  if (strip.labels.size() > 1 && steps(strip) > 0)
    differences = fmt::format(" {} of {} differ.", mismatches(strip), counted(steps(strip), "step"));
  return figure(strip.title, in_both_widths([&](double width) { return svg(strip, width); }), strip.caption + differences);
}

}  // namespace reel::report
