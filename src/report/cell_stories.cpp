#include <reel/report/cell_stories.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/report/canvas.h>
#include <reel/report/escape.h>
#include <reel/report/figure.h>

namespace reel::report {
namespace {

constexpr int kShades = 16;
constexpr double kShown = 84;  // the longer side, about

}  // namespace

void check(const CellStories& stories) {
  for (const std::vector<Cells>& story : stories.stories)
    for (const Cells& cells : story) {
      const bool positive = cells.rows > 0 && cells.columns > 0;
      const std::size_t count = positive ? static_cast<std::size_t>(cells.rows) * static_cast<std::size_t>(cells.columns) : 0;
      if (!positive || cells.values.size() != count)
        throw InputError(fmt::format("cell stories \"{}\": \"{}\" of {} x {} cells has {} values", stories.title, cells.name,
                                     cells.rows, cells.columns, cells.values.size()));
    }
}

std::string svg(const Cells& cells) {
  check({.title = {}, .stories = {{cells}}, .caption = {}});
  const double side = std::max(2., std::floor(kShown / std::max(cells.rows, cells.columns)));
  const double width = side * cells.columns, height = side * cells.rows;
  Canvas canvas(width + 2, cells.name);
  canvas.rectangle(0.5, 0.5, width + 1, height + 1, R"(class="cell-paper" fill="#fff" stroke="#9aa2ac")");
  std::array<std::string, kShades + 1> shades;  // one path for each
  for (std::size_t i = 0; i < cells.values.size(); ++i) {
    const auto columns = static_cast<std::size_t>(cells.columns);
    const double x = 1 + side * static_cast<double>(i % columns), y = 1 + side * static_cast<double>(i / columns);
    if (!std::isfinite(cells.values[i])) {
      canvas.hatch(x, y, side, side);
      continue;
    }
    const double black = (std::clamp(cells.values[i], -1., 1.) + 1) / 2;
    const std::string s = coordinate(side);
    shades[static_cast<std::size_t>(std::lround(black * kShades))] +=
        fmt::format("M{},{}h{}v{}h-{}z", coordinate(x), coordinate(y), s, s, s);
  }
  for (std::size_t shade = 1; shade <= kShades; ++shade)
    if (!shades[shade].empty())
      canvas.path(shades[shade], fmt::format(R"(class="cell-ink" fill="#111" fill-opacity="{:.2f}" shape-rendering="crispEdges")",
                                             static_cast<double>(shade) / kShades));
  return canvas.svg(height + 2, false);
}

std::string html(const CellStories& stories) {
  check(stories);
  std::string body;
  for (const std::vector<Cells>& story : stories.stories) {
    body += "<ol class=\"story\">\n";
    for (const Cells& cells : story) body += fmt::format("<li>{}<span>{}</span></li>\n", svg(cells), escape(cells.name));
    body += "</ol>\n";
  }
  if (stories.stories.empty()) body = "<p class=\"when\">none yet</p>";
  return figure(stories.title, body, stories.caption);
}

}  // namespace reel::report
