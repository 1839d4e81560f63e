#include <reel/report/text.h>

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/report/escape.h>
#include <reel/report/figure.h>

namespace reel::report {
namespace {

constexpr std::size_t kLong = 32;  // a longer cell of text may break into lines

std::string preformatted(std::string_view text, std::string_view kind) {
  // HTML drops one line break after the tag.
  return fmt::format("<pre class=\"{}\">\n{}</pre>\n", kind, escape(text));
}

std::string html(const Sample& sample) {
  return fmt::format("<p class=\"when\">{}</p>\n{}", escape(sample.when), preformatted(sample.text, "wraps"));
}

bool is_blank(std::string_view cell) { return cell.empty() || cell == "-" || cell == "–" || cell == "nan" || cell == "inf"; }

// Such as 1,234.5 or -2e-5, with a short unit perhaps: 12%, 19.2 ms.
bool is_number(std::string_view cell) {
  for (std::string_view sign : {"\u2212", "±", "-", "+"})
    if (cell.starts_with(sign)) cell.remove_prefix(sign.size());
  if (cell.empty() || !(std::isdigit(static_cast<unsigned char>(cell[0])) || cell[0] == '.')) return false;
  const std::size_t end = cell.find_first_not_of("0123456789.,eE+-");
  return end == std::string_view::npos || cell.size() - end <= 4;
}

std::vector<bool> columns_of_numbers(const Table& table, std::size_t columns) {
  std::vector<bool> numeric(columns);
  for (std::size_t c = 0; c < columns; ++c) {
    const auto fits = [&](const auto& row) { return is_number(row[c]) || is_blank(row[c]); };
    const auto number = [&](const auto& row) { return is_number(row[c]); };
    numeric[c] = std::ranges::all_of(table.rows, fits) && std::ranges::any_of(table.rows, number);
  }
  return numeric;
}

std::string row_html(const std::vector<std::string>& cells, const std::vector<bool>& numeric, std::string_view tag) {
  std::string out = "<tr>";
  for (std::size_t c = 0; c < cells.size(); ++c)
    out += fmt::format("<{}{}>{}</{}>", tag,
                       numeric[c]                ? R"( class="number")"
                       : cells[c].size() > kLong ? R"( class="long")"
                                                 : "",
                       escape(cells[c]), tag);
  return out + "</tr>\n";
}

}  // namespace

void check(const Table& table) {
  const std::size_t columns = !table.header.empty() ? table.header.size() : table.rows.empty() ? 0 : table.rows[0].size();
  for (std::size_t r = 0; r < table.rows.size(); ++r)
    if (table.rows[r].size() != columns)
      throw InputError(fmt::format("table \"{}\": row {} has {} cells, but there are {} columns", table.title, r,
                                   table.rows[r].size(), columns));
}

std::string html(const Samples& samples) {
  if (samples.samples.empty()) return figure(samples.title, "<p class=\"when\">none yet</p>", {});
  std::string body = html(samples.samples.back());
  if (const std::size_t earlier = samples.samples.size() - 1; earlier > 0) {
    body += fmt::format("<details>\n<summary>{}</summary>\n", counted(earlier, "earlier sample"));
    for (std::size_t i = earlier; i-- > 0;) body += html(samples.samples[i]);
    body += "</details>";
  }
  return figure(samples.title, body, {});
}

std::string html(const Table& table) {
  check(table);
  const std::vector<std::string>& first = table.header.empty() && !table.rows.empty() ? table.rows[0] : table.header;
  const std::vector<bool> numeric = columns_of_numbers(table, first.size());
  std::string out = "<table>\n";
  if (!table.header.empty()) out += "<thead>\n" + row_html(table.header, numeric, "th") + "</thead>\n";
  out += "<tbody>\n";
  for (const std::vector<std::string>& row : table.rows) out += row_html(row, numeric, "td");
  return figure(table.title, scrolling(out + "</tbody>\n</table>"), table.caption);
}

std::string html(const Text& text) {
  std::string body = preformatted(text.text, "scrolls");
  if (!text.folded.empty())
    body += fmt::format("<details>\n<summary>{}</summary>\n{}</details>",
                        counted(static_cast<std::size_t>(std::ranges::count(text.folded, '\n')) + 1, "line"),
                        preformatted(text.folded, "scrolls"));
  return figure(text.title, body, {});
}

}  // namespace reel::report
