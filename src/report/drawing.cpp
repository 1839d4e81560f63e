#include <reel/report/drawing.h>

#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/report/figure.h>

namespace reel::report {
namespace {

std::string_view element(const Drawing& drawing) {
  constexpr std::string_view kEnd = "</svg>";
  const std::string_view svg = drawing.svg;
  const std::size_t begin = svg.find("<svg"), end = svg.rfind(kEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin)
    throw InputError(fmt::format("drawing \"{}\": there is no <svg> element in its {} bytes", drawing.title, svg.size()));
  return svg.substr(begin, end + kEnd.size() - begin);
}

constexpr double kSmallest = 0.5;  // how far a drawing shrinks to fit before its box scrolls

// The width in pixels that an <svg> element asks for; 0 where it says none.
double natural_width(std::string_view svg) {
  const std::string_view tag = svg.substr(0, svg.find('>'));
  constexpr std::string_view kWidth = " width=\"";
  const std::size_t at = tag.find(kWidth);
  if (at == std::string_view::npos || tag.find(" viewBox=") == std::string_view::npos) return 0;
  double width = 0;
  const char* first = tag.data() + at + kWidth.size();
  const auto [end, error] = std::from_chars(first, tag.data() + tag.size(), width);
  if (error != std::errc() || !(width > 0)) return 0;
  const std::string_view unit(end, static_cast<std::size_t>(tag.data() + tag.size() - end));
  if (unit.starts_with("pt\"")) return width * 4 / 3;
  return unit.starts_with("\"") || unit.starts_with("px\"") ? width : 0;
}

}  // namespace

void check(const Drawing& drawing) { element(drawing); }

std::string html(const Drawing& drawing) {
  const std::string_view svg = element(drawing);
  std::string picture(svg);
  if (const double width = natural_width(svg); width > 0)
    picture = fmt::format("<div class=\"fits\" style=\"min-width:{:.0f}px;max-width:{:.0f}px\">{}</div>", kSmallest * width,
                          width, svg);
  return figure(drawing.title, fmt::format("<div class=\"scrolls drawing\">{}</div>", picture), drawing.caption);
}

}  // namespace reel::report
