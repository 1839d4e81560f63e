#include <reel/report/figure.h>

#include <fmt/format.h>

#include <reel/report/escape.h>

namespace reel::report {

std::string figure(std::string_view title, std::string_view body, std::string_view caption) {
  while (caption.starts_with(' ')) caption.remove_prefix(1);
  std::string out = "<section>\n";
  if (!title.empty()) out += fmt::format("<h2>{}</h2>\n", escape(title));
  out += fmt::format("<figure>\n{}\n", body);
  if (!caption.empty()) out += fmt::format("<figcaption>{}</figcaption>\n", escape(caption));
  return out + "</figure>\n</section>\n";
}

std::string scrolling(std::string_view body) { return fmt::format("<div class=\"scrolls\">{}</div>", body); }

}  // namespace reel::report
