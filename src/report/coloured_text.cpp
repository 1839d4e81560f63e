#include <reel/report/coloured_text.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/report/escape.h>
#include <reel/report/figure.h>
#include <reel/report/style.h>

namespace reel::report {
namespace {

// The class of a background: p1 .. p10, n1 .. n10, none at zero.
std::string background(float activation) {
  if (!std::isfinite(activation)) return {};
  const auto level = std::lround(std::clamp(std::abs(activation), 0.f, 1.f) * kBackgrounds);
  return level == 0 ? std::string() : fmt::format("{}{}", activation < 0 ? 'n' : 'p', level);
}

// The style draws the visible sign over the space itself, so that copied text stays as it was.
std::string visible(std::string_view character) {
  if (character == " ") return "<i> </i>";
  if (character == "\t") return "<i class=\"tab\">\t</i>";
  if (character == "\n") return "<i class=\"end\"></i>\n";
  return escape(character);
}

}  // namespace

void check(const ColouredText& coloured) {
  if (coloured.activation.size() != coloured.text.size())
    throw InputError(fmt::format("coloured text \"{}\": {} bytes of text, but {} activations", coloured.title,
                                 coloured.text.size(), coloured.activation.size()));
}

std::string html(const ColouredText& coloured) {
  check(coloured);
  std::string body = "<pre class=\"wraps coloured\">\n", open;
  for (std::size_t i = 0, bytes = 0; i < coloured.text.size(); i += bytes) {
    bytes = first_character(std::string_view(coloured.text).substr(i)).bytes;
    const std::string wanted = background(coloured.activation[i]);
    if (wanted != open) {
      if (!open.empty()) body += "</span>";
      if (!wanted.empty()) body += fmt::format("<span class=\"{}\">", wanted);
      open = wanted;
    }
    body += visible(coloured.text.substr(i, bytes));
  }
  if (!open.empty()) body += "</span>";
  body += "</pre>\n<p class=\"scale\">\u22121 <span></span> +1</p>";
  const auto bad =
      static_cast<std::size_t>(std::ranges::count_if(coloured.activation, [](float a) { return !std::isfinite(a); }));
  return figure(coloured.title, body, coloured.caption + (bad ? fmt::format(" {} not finite.", counted(bad, "activation")) : ""));
}

}  // namespace reel::report
