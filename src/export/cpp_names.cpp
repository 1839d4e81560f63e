#include <algorithm>

#include <reel/export/cpp_step.h>

namespace reel {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr std::string_view kKeywords[] = {
    "alignas",     "alignof",       "and",          "and_eq",     "asm",          "auto",
    "bitand",      "bitor",         "bool",         "break",      "case",         "catch",
    "char",        "class",         "compl",        "concept",    "const",        "consteval",
    "constexpr",   "constinit",     "continue",     "co_await",   "co_yield",     "co_return",
    "decltype",    "default",       "delete",       "do",         "double",       "else",
    "enum",        "explicit",      "export",       "extern",     "false",        "float",
    "for",         "friend",        "goto",         "if",         "inline",       "int",
    "long",        "mutable",       "namespace",    "new",        "noexcept",     "not",
    "not_eq",      "nullptr",       "operator",     "or",         "or_eq",        "private",
    "protected",   "public",        "register",     "requires",   "return",       "short",
    "signed",      "sizeof",        "static",       "struct",     "switch",       "template",
    "this",        "throw",         "thread_local", "true",       "try",          "typedef",
    "typeid",      "typename",      "union",        "unsigned",   "using",        "virtual",
    "void",        "volatile",      "wchar_t",      "while",      "xor",          "xor_eq",
    "char8_t",     "char16_t",      "char32_t",     "const_cast", "dynamic_cast", "reinterpret_cast",
    "static_cast", "static_assert", "std",          "main",       "NAN",          "INFINITY"};

// What the file itself calls things.
constexpr std::string_view kOwn[] = {"Model", "self_test", "near", "step", "reset", "frames", "left", "sums",  "begin", "image",
                                     "i",     "k",         "g",    "m",    "n",     "t",      "y",    "Lanes", "kLanes"};

bool is_keyword(std::string_view name) { return std::ranges::find(kKeywords, name) != std::end(kKeywords); }

}  // namespace

bool is_cpp_identifier(std::string_view name) {
  return !name.empty() && is_letter(name[0]) && name.find("__") == std::string_view::npos && !is_keyword(name) &&
         std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

CppNames::CppNames() {
  for (std::string_view own : kOwn)
    if (own != "y") given_[std::string(own)] = 1;
}

std::string CppNames::give(std::string_view wanted) {
  std::string name;
  for (char c : wanted)
    if (is_letter(c) || is_digit(c))
      name += c;
    else if (!name.empty() && name.back() != '_')
      name += '_';
  while (!name.empty() && name.back() == '_') name.pop_back();
  if (name.empty() || !is_letter(name[0]) || is_keyword(name)) name = "a" + name;
  // What the file numbers itself has a letter and digits alone.
  if (name.size() > 1 && std::ranges::all_of(std::string_view(name).substr(1), is_digit)) name += "_";
  int& count = given_[name];
  if (++count == 1) return name;
  return give(name + "_" + std::to_string(count));
}

}  // namespace reel
