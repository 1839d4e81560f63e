#include <reel/report/pictures.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <reel/data/png.h>
#include <reel/graph/error.h>
#include <reel/report/escape.h>
#include <reel/report/figure.h>

namespace reel::report {
namespace {

constexpr int kShown = 152;  // pixels of the page for the longer side, about

// Small pictures are shown by whole multiples of their size, so that all their pixels are alike.
int magnified(int size, int longer) { return longer <= kShown ? size * (kShown / longer) : size * kShown / longer; }

std::string html(const WordProbability& word) {
  if (!std::isfinite(word.probability)) return fmt::format("<span>{}</span>", escape(word.word));
  const double p = std::clamp(word.probability, 0., 1.);
  return fmt::format("<span style=\"--p:{:.0f}%\" title=\"{:.3f}\">{}</span>", 100 * p, p, escape(word.word));
}

std::string html(const Picture& picture) {
  std::string said;
  for (const WordProbability& word : picture.words) said += (said.empty() ? "" : " ") + word.word;
  const int longer = std::max(picture.width, picture.height);
  std::string out = fmt::format(
      "<li{}><img src=\"{}\" alt=\"{}\" width=\"{}\" height=\"{}\">", picture.correct ? "" : " class=\"wrong\"",
      png_data_uri(encode_png(picture.width, picture.height, picture.rgb)), escape(said.empty() ? picture.truth : said),
      magnified(picture.width, longer), magnified(picture.height, longer));
  if (!picture.words.empty()) out += "<p class=\"words\">";
  for (const WordProbability& word : picture.words) out += html(word) + " ";
  if (!picture.words.empty()) out += "</p>";
  if (!picture.truth.empty())
    out += fmt::format("<p class=\"truth\">{}{}</p>", picture.correct ? "" : "<b>✗</b> true: ", escape(picture.truth));
  else if (!picture.correct)
    out += "<p class=\"truth\"><b>✗</b> wrong</p>";
  return out + "</li>\n";
}

}  // namespace

void check(const Pictures& pictures) {
  for (std::size_t i = 0; i < pictures.pictures.size(); ++i) {
    const Picture& p = pictures.pictures[i];
    const std::size_t bytes =
        p.width < 1 || p.height < 1 ? 0 : static_cast<std::size_t>(p.width) * static_cast<std::size_t>(p.height) * 3;
    if (bytes == 0 || p.rgb.size() != bytes)
      throw InputError(fmt::format("pictures \"{}\": picture {} of {} x {} pixels needs {} bytes, but has {}", pictures.title, i,
                                   p.width, p.height, bytes, p.rgb.size()));
  }
}

std::string html(const Pictures& pictures) {
  check(pictures);
  std::string body = "<ul class=\"pictures\">\n";
  for (const Picture& picture : pictures.pictures) body += html(picture);
  body += "</ul>";
  if (pictures.pictures.empty()) body = "<p class=\"when\">none yet</p>";
  return figure(pictures.title, body, pictures.caption);
}

}  // namespace reel::report
