#include "report/markup.h"

#include <algorithm>
#include <set>
#include <vector>

#include <reel/report/escape.h>

namespace reel::test {
namespace {

// One pass over the text; the first fault ends it.
class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  std::string fault() {
    if (text_.starts_with("<!DOCTYPE html>")) at_ = text_.find('>') + 1;
    while (at_ < text_.size() && fault_.empty()) {
      if (text_[at_] == '<')
        tag();
      else
        content();
    }
    if (fault_.empty() && !open_.empty()) fail("never closed: " + open_.back());
    return fault_;
  }

 private:
  void fail(const std::string& what) {
    if (fault_.empty()) fault_ = what + " near: " + std::string(text_.substr(at_ < 40 ? 0 : at_ - 40, 80));
  }

  void content() {
    const std::size_t end = std::min(text_.find('<', at_), text_.size());
    if (!open_.empty() && open_.back() == "style")
      style(text_.substr(at_, end - at_));
    else
      characters(text_.substr(at_, end - at_));
    at_ = end;
  }

  void style(std::string_view rules) {
    if (std::ranges::count(rules, '{') != std::ranges::count(rules, '}')) fail("braces");
    for (const char* word : {"url(", "@import", "http"})
      if (rules.find(word) != std::string_view::npos) fail(std::string("style with ") + word);
  }

  void characters(std::string_view text) {
    while (!text.empty()) {
      const report::Character c = report::first_character(text);
      if (c.bytes == 1 && c.code == 0xFFFD) fail("no UTF-8");
      if ((c.code < 0x20 && c.code != '\n' && c.code != '\t') || (c.code >= 0x7F && c.code < 0xA0)) fail("control character");
      if (c.code == '>' || c.code == '<') fail("bare bracket");
      if (c.code == '&') {
        bool known = false;
        for (std::string_view name : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"}) known = known || text.starts_with(name);
        if (!known) fail("bare ampersand");
      }
      text.remove_prefix(c.bytes);
    }
  }

  std::string name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '-' || text_[at_] == ':'))
      ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  void tag() {
    ++at_;
    const bool closing = text_[at_] == '/';
    at_ += closing;
    const std::string tag_name = name();
    if (tag_name.empty()) return fail("no tag");
    if (closing) {
      if (open_.empty() || open_.back() != tag_name) return fail("closes " + tag_name);
      open_.pop_back();
    }
    const bool alone = attributes(tag_name);
    const bool empty = tag_name == "meta" || tag_name == "img" || tag_name == "br";
    if (!closing && !alone && !empty) open_.push_back(tag_name);
  }

  // Up to and with the end of the tag; true for "/>".
  bool attributes(const std::string& tag_name) {
    std::set<std::string> seen;
    while (fault_.empty()) {
      while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
      if (text_.substr(at_).starts_with("/>")) return at_ += 2, true;
      if (text_.substr(at_).starts_with(">")) return at_ += 1, false;
      const std::string attribute = name();
      if (attribute.empty() || !text_.substr(at_).starts_with("=\"")) return fail("attribute of " + tag_name), false;
      const std::size_t begin = at_ + 2, end = text_.find('"', begin);
      if (end == std::string_view::npos) return fail("open quote"), false;
      if (!seen.insert(attribute).second) fail("twice: " + attribute);
      value(attribute, text_.substr(begin, end - begin));
      at_ = end + 1;
    }
    return false;
  }

  void value(const std::string& attribute, std::string_view text) {
    characters(text);
    if (attribute.starts_with("on") || attribute == "srcset") fail("attribute " + attribute);
    if ((attribute == "href" || attribute == "src") && !text.starts_with("data:")) fail("address");
    if (attribute != "xmlns" && attribute != "xmlns:xlink" && attribute.find("label") == std::string::npos &&
        text.find("://") != std::string_view::npos)
      fail("address in " + attribute);
    if (text.find("nan") != std::string_view::npos && (attribute == "d" || attribute.size() <= 2)) fail("NaN in " + attribute);
    if (text.find("inf") != std::string_view::npos && (attribute == "d" || attribute.size() <= 2))
      fail("infinity in " + attribute);
    if (attribute == "id" && !ids_.insert(std::string(text)).second) fail("id twice");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::string> open_;
  std::set<std::string> ids_;
  std::string fault_;
};

}  // namespace

std::string markup_fault(std::string_view markup) { return Checker(markup).fault(); }

std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

}  // namespace reel::test
