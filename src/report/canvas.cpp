#include <reel/report/canvas.h>

#include <array>
#include <cmath>

#include <fmt/format.h>

#include <reel/report/escape.h>

namespace reel::report {
namespace {

constexpr std::array<const char*, 8> kSeries = {"#0072b2", "#d55e00", "#009e73", "#b65a91",
                                                "#c98a00", "#3c9fd6", "#8a7d00", "#5b636d"};

// An element with a tooltip, or without.
std::string element(std::string_view name, std::string_view attributes, std::string_view tooltip) {
  if (tooltip.empty()) return fmt::format("<{} {}/>", name, attributes);
  return fmt::format("<{} {}><title>{}</title></{}>", name, attributes, escape(tooltip), name);
}

}  // namespace

std::string series_stroke(std::size_t series) {
  const std::size_t colour = series % kSeries.size(), dash = series / kSeries.size() % 3;
  static constexpr const char* kDashes[] = {"", R"( stroke-dasharray="6 3")", R"( stroke-dasharray="2 3")"};
  return fmt::format(R"(class="s{}" stroke="{}"{} fill="none")", colour, kSeries[colour], kDashes[dash]);
}

std::string series_fill(std::size_t series) {
  const std::size_t colour = series % kSeries.size();
  return fmt::format(R"(class="f{}" fill="{}")", colour, kSeries[colour]);
}

double text_width(std::string_view text, double size) {
  double width = 0;
  while (!text.empty()) {
    const Character c = first_character(text);
    text.remove_prefix(c.bytes);
    const bool narrow =
        c.code < 128 && std::string_view("iljtfrI.,:;'|!()[] ").find(static_cast<char>(c.code)) != std::string_view::npos;
    const bool wide = (c.code >= 'A' && c.code <= 'Z') || c.code == 'm' || c.code == 'w' || c.code == '%';
    width += narrow ? 0.34 : c.code >= 0x1100 ? 1 : wide ? 0.78 : 0.6;
  }
  return width * size;
}

std::string fitted(std::string_view text, double width, double size) {
  if (text_width(text, size) <= width) return std::string(text);
  std::size_t bytes = 0;
  for (double used = size; bytes < text.size();) {  // the ellipsis takes about the font's size
    const std::size_t next = first_character(text.substr(bytes)).bytes;
    used += text_width(text.substr(bytes, next), size);
    if (used > width) break;
    bytes += next;
  }
  return std::string(text.substr(0, bytes)) + "…";
}

std::string coordinate(double value) {
  const double rounded = std::round(value * 10) / 10;
  return rounded == 0 ? "0" : fmt::format("{}", rounded);
}

void Canvas::line(double x1, double y1, double x2, double y2, std::string_view attributes) {
  path(fmt::format("M{},{} {},{}", coordinate(x1), coordinate(y1), coordinate(x2), coordinate(y2)), attributes);
}

void Canvas::rectangle(double x, double y, double width, double height, std::string_view attributes, std::string_view tooltip) {
  body_ += element("rect",
                   fmt::format(R"(x="{}" y="{}" width="{}" height="{}" {})", coordinate(x), coordinate(y), coordinate(width),
                               coordinate(height), attributes),
                   tooltip);
}

void Canvas::circle(double x, double y, double radius, std::string_view attributes, std::string_view tooltip) {
  body_ +=
      element("circle", fmt::format(R"(cx="{}" cy="{}" r="{}" {})", coordinate(x), coordinate(y), coordinate(radius), attributes),
              tooltip);
}

void Canvas::path(std::string_view data, std::string_view attributes) {
  body_ += fmt::format(R"(<path d="{}" {}/>)", data, attributes);
}

void Canvas::text(double x, double y, std::string_view text, std::string_view attributes, Lettering lettering) {
  std::string more;
  if (lettering.size != 12) more += fmt::format(R"( font-size="{}")", coordinate(lettering.size));
  if (lettering.anchor != Anchor::start)
    more += fmt::format(R"( text-anchor="{}")", lettering.anchor == Anchor::middle ? "middle" : "end");
  if (lettering.rotation != 0)
    more += fmt::format(R"x( transform="rotate({} {} {})")x", coordinate(lettering.rotation), coordinate(x), coordinate(y));
  const std::string place = fmt::format(R"(x="{}" y="{}"{})", coordinate(x), coordinate(y), more);
  // The halo is a text of its own: stroke and fill of one text would need a drawing order that not every viewer knows.
  if (lettering.halo)
    body_ += fmt::format(
        R"(<text {} class="halo" aria-hidden="true" fill="#fff" stroke="#fff" stroke-width="4" stroke-linejoin="round">)"
        R"({}</text>)",
        place, escape(text));
  body_ += fmt::format("<text {} {}>{}</text>", place, attributes, escape(text));
}

void Canvas::hatch(double x, double y, double width, double height) {
  std::string data;
  constexpr double kSpacing = 4;
  for (double d = kSpacing / 2; d < width + height; d += kSpacing) {  // the lines x + y = d, in the box's own coordinates
    const double right = std::min(d, width), left = std::max(0., d - height);
    data += fmt::format("M{},{} {},{}", coordinate(x + left), coordinate(y + d - left), coordinate(x + right),
                        coordinate(y + d - right));
  }
  path(data, ink::kHatch);
}

std::string Canvas::svg(double height, bool scales) const {
  const std::string w = coordinate(width_), h = coordinate(height);
  return fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" width="{}" height="{}"{} role="img" aria-label="{}" )"
      R"(font-family="system-ui, sans-serif" font-size="12">{}</svg>)",
      w, h, w, h, scales ? R"( class="scales")" : "", escape(label_), body_);
}

}  // namespace reel::report
