#include <reel/report/page.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/data/files.h>
#include <reel/report/escape.h>
#include <reel/report/style.h>

namespace reel::report {
namespace {

constexpr std::chrono::seconds kPause{3};  // between two writes
constexpr int kShare = 50;                 // writing takes at most one part in so many of the time

constexpr std::size_t kLong = 36;  // a longer setting gets a line of its own

template <class T>
void put(std::vector<std::pair<std::string, T>>& entries, std::string key, T value) {
  const auto it = std::ranges::find(entries, key, &std::pair<std::string, T>::first);
  if (it != entries.end())
    it->second = std::move(value);
  else
    entries.emplace_back(std::move(key), std::move(value));
}

std::string settings_html(const char* kind, const std::vector<std::pair<std::string, std::string>>& settings) {
  if (settings.empty()) return {};
  std::string out = fmt::format("<dl class=\"{}\">\n", kind);
  for (const auto& [name, value] : settings)
    out += fmt::format("<div{}><dt>{}</dt><dd>{}</dd></div>\n", value.size() > kLong ? R"( class="long")" : "", escape(name),
                       escape(value));
  return out + "</dl>\n";
}

}  // namespace

Page::Page(std::string path, std::string title, std::string subtitle)
    : path_(std::move(path)), title_(std::move(title)), subtitle_(std::move(subtitle)) {}

void Page::setting(std::string name, std::string value) { put(settings_, std::move(name), std::move(value)); }

void Page::result(std::string name, std::string value) { put(results_, std::move(name), std::move(value)); }

void Page::measured(std::string name, std::string value) { put(measured_, std::move(name), std::move(value)); }

void Page::set(std::string key, Section section) {
  std::visit(
      [](const auto& s) {
        if constexpr (requires { check(s); }) check(s);
      },
      section);
  put(sections_, std::move(key), std::move(section));
}

void Page::write() const {
  if (enabled()) write_file(path_, html());
}

void Page::write_now_and_then() {
  const Clock::time_point start = Clock::now();
  if (!enabled() || start < next_) return;
  write();
  const Clock::time_point end = Clock::now();
  next_ = end + std::max<Clock::duration>(kPause, kShare * (end - start));
}

std::string Page::html() const {
  const std::string title = escape(title_);
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n"
      "<header>\n<h1>{}</h1>\n",
      title.empty() ? "reel" : title, style(), title.empty() ? "reel" : title);
  if (!subtitle_.empty()) out += fmt::format("<p>{}</p>\n", escape(subtitle_));
  out += settings_html("settings", settings_) + settings_html("results", results_) + settings_html("measured", measured_) +
         "</header>\n";
  for (const auto& [key, section] : sections_) out += std::visit([](const auto& s) { return report::html(s); }, section);
  return out + "</main>\n</body>\n</html>\n";
}

}  // namespace reel::report
