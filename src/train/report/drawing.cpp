#include <reel/train/report/drawing.h>

#include <string_view>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/train/report/figure.h>

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

}  // namespace

void check(const Drawing& drawing) { element(drawing); }

std::string html(const Drawing& drawing) {
  return figure(drawing.title, fmt::format("<div class=\"scrolls drawing\">{}</div>", element(drawing)), drawing.caption);
}

}  // namespace reel::report
