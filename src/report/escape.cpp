#include <reel/report/escape.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace reel::report {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

void append(std::string& out, char32_t code) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    tail(12), tail(6), tail(0);
  }
}

// What stands for a character that a document cannot show or must not contain.
char32_t shown(char32_t code) {
  if (code == '\t' || code == '\n') return code;
  if (code < 0x20) return 0x2400 + code;
  if (code == 0x7F) return 0x2421;
  const bool noncharacter = (code & 0xFFFE) == 0xFFFE || (code >= 0xFDD0 && code <= 0xFDEF);
  return noncharacter || (code >= 0x80 && code < 0xA0) ? kReplacement : code;
}

std::string without_trailing_zeros(std::string digits) {
  if (digits.find('.') == std::string::npos) return digits;
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return digits;
}

std::string with_separators(const std::string& digits) {
  const std::size_t whole = std::min(digits.find('.'), digits.size());
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && i < whole && (whole - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string signed_text(bool negative, const std::string& digits) {
  return negative && digits.find_first_of("123456789") != std::string::npos ? "\u2212" + digits : digits;
}

std::string raised(int exponent) {
  static constexpr const char* kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out = exponent < 0 ? "⁻" : "";
  for (char c : fmt::format("{}", std::abs(exponent))) out += kDigits[c - '0'];
  return out;
}

}  // namespace

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) -> char32_t { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0; };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return {kReplacement, 1};
  char32_t code = lead & (0x7Fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {kReplacement, 1};
    code = code << 6 | (byte(i) & 0x3F);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  if (overlong || surrogate || code > 0x10FFFF) return {kReplacement, 1};
  return {code, bytes};
}

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character c = first_character(text);
    text.remove_prefix(c.bytes);
    switch (c.code) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        append(out, shown(c.code));
    }
  }
  return out;
}

std::string fixed(double value, int decimals) {
  return signed_text(value < 0, with_separators(fmt::format("{:.{}f}", std::abs(value), decimals)));
}

std::string power_of_ten(int exponent) { return "10" + raised(exponent); }

std::string scientific(double value, int digits) {
  const std::string text = fmt::format("{:.{}e}", std::abs(value), digits - 1);
  const std::size_t e = text.find('e');
  const std::string mantissa = without_trailing_zeros(text.substr(0, e));
  const std::string power = power_of_ten(std::stoi(text.substr(e + 1)));
  return signed_text(value < 0, mantissa == "1" ? power : mantissa + "×" + power);
}

std::string number(double value, int digits) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "\u2212∞" : "∞";
  if (value == 0) return "0";
  const std::string rounded = fmt::format("{:.{}e}", std::abs(value), digits - 1);
  const int exponent = std::stoi(rounded.substr(rounded.find('e') + 1));
  if (exponent < -4 || exponent >= 7) return scientific(value, digits);
  const int decimals = std::max(0, digits - 1 - exponent);
  return signed_text(value < 0, with_separators(without_trailing_zeros(fmt::format("{:.{}f}", std::abs(value), decimals))));
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", with_separators(fmt::format("{}", count)), noun, count == 1 ? "" : "s");
}

}  // namespace reel::report
