// An SVG picture being drawn. Each element carries a class, which the style of a page gives its colour in light and in dark, and
// the light colour itself, so that the picture can also stand alone.
//
// Always: well-formed, all text escaped, coordinates in units of about a pixel with one decimal, same calls, same bytes.
// Threads: one thread at a time.
#pragma once

#include <string>
#include <string_view>

#include <reel/report/point.h>

namespace reel::report {

// The two widths that pages show charts in: on a desktop and on a phone.

// Classes with their light colours, as attributes.
namespace ink {
constexpr std::string_view kText = R"(class="ink" fill="#1f2328")";
constexpr std::string_view kMuted = R"(class="muted" fill="#5b636d")";
constexpr std::string_view kGrid = R"(class="grid" stroke="#e7eaee" fill="none")";
constexpr std::string_view kFaint = R"(class="faint" stroke="#f3f4f6" fill="none")";
constexpr std::string_view kRule = R"(class="rule" stroke="#9aa2ac" fill="none")";
constexpr std::string_view kLevel = R"(class="level" stroke="#5b636d" fill="none" stroke-dasharray="5 4")";
constexpr std::string_view kHatch = R"(class="hatch" stroke="#9aa2ac" fill="none")";
constexpr std::string_view kWrong = R"(class="wrong" fill="#b42318")";
constexpr std::string_view kPositive = R"(class="positive" fill="#d6402b")";
constexpr std::string_view kNegative = R"(class="negative" fill="#2b73c9")";
}  // namespace ink

// Colours that the colour-blind can tell apart (Okabe and Ito, 2008), in order; they come again after the eighth.
std::string series_stroke(std::size_t series);  // also a dash pattern from the ninth on
std::string series_fill(std::size_t series);

enum class Anchor { start, middle, end };

struct Lettering {
  double size = 12;
  Anchor anchor = Anchor::start;
  bool halo = false;    // an outline in the colour of the paper, for text over lines
  double rotation = 0;  // degrees, about the anchor
};

// About how wide a text is in a sans-serif font.
double text_width(std::string_view text, double size = 12);

// The text, or its beginning and an ellipsis where it would be wider.
std::string fitted(std::string_view text, double width, double size = 12);

// A coordinate with at most one decimal.
std::string coordinate(double value);

class Canvas {
 public:
  explicit Canvas(double width, std::string label) : width_(width), label_(std::move(label)) {}

  double width() const { return width_; }
  void line(double x1, double y1, double x2, double y2, std::string_view attributes);
  void rectangle(double x, double y, double width, double height, std::string_view attributes, std::string_view tooltip = {});
  void circle(double x, double y, double radius, std::string_view attributes, std::string_view tooltip = {});
  void path(std::string_view data, std::string_view attributes);
  void text(double x, double y, std::string_view text, std::string_view attributes, Lettering lettering = {});
  void raw(std::string_view element) { body_ += element; }
  // Diagonal lines across a box, for what has no value.
  void hatch(double x, double y, double width, double height);

  // The whole <svg>. `scales`: it takes the width it is given; otherwise it keeps its size.
  std::string svg(double height, bool scales = true) const;

 private:
  double width_;
  std::string label_, body_;
};

}  // namespace reel::report
