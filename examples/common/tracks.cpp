#include "common/tracks.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace tracks {
namespace {

bool varies(const std::vector<double>& x) {
  return std::ranges::any_of(x, [&](double v) { return v != x[0]; });
}

}  // namespace

std::vector<Track> of_text(std::string_view text) {
  Track quotes{"within quotes", {}}, position{"position in the line", {}}, indentation{"indentation", {}},
      depth{"bracket depth", {}};
  bool quoted = false, beginning = true;
  double column = 0, indent = 0, brackets = 0;
  for (char c : text) {
    if (c == '"') quoted = !quoted;
    if (c == '\n') quoted = false;  // a quote left open does not turn over the rest
    if (c == '(' || c == '[' || c == '{') ++brackets;
    if (c == ')' || c == ']' || c == '}') brackets = std::max(0.0, brackets - 1);
    column = c == '\n' ? 0 : column + 1;
    if (c == '\n') {
      beginning = true;
      indent = 0;
    } else if (beginning && (c == ' ' || c == '\t')) {
      ++indent;
    } else {
      beginning = false;
    }
    quotes.values.push_back(quoted);
    position.values.push_back(column);
    indentation.values.push_back(indent);
    depth.values.push_back(brackets);
  }
  std::vector<Track> all;
  for (Track* track : {&quotes, &position, &indentation, &depth})
    if (!track->values.empty() && varies(track->values)) all.push_back(std::move(*track));
  return all;
}

double correlation(std::span<const double> x, std::span<const double> y) {
  const auto n = static_cast<double>(x.size());
  double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) mx += x[i] / n, my += y[i] / n;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mx) * (x[i] - mx);
    yy += (y[i] - my) * (y[i] - my);
    xy += (x[i] - mx) * (y[i] - my);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

std::vector<Ranked> rank(const std::vector<std::vector<double>>& units, const Track& track) {
  std::vector<Ranked> all;
  for (std::size_t u = 0; u < units.size(); ++u) all.push_back({static_cast<Index>(u), correlation(units[u], track.values)});
  std::ranges::stable_sort(all, std::greater<>(), [](const Ranked& r) { return std::abs(r.correlation); });
  return all;
}

double chance(const std::vector<std::vector<double>>& units, const Track& track) {
  constexpr std::size_t kShifts = 12;
  const std::size_t n = track.values.size();
  double largest = 0;
  for (std::size_t k = 1; k <= kShifts && n > kShifts; ++k) {
    std::vector<double> shifted = track.values;
    std::ranges::rotate(shifted, shifted.begin() + static_cast<std::ptrdiff_t>(k * n / (kShifts + 1)));
    for (const std::vector<double>& unit : units) largest = std::max(largest, std::abs(correlation(unit, shifted)));
  }
  return largest;
}

std::size_t liveliest(std::string_view text, const Track& track, std::size_t length) {
  const std::size_t n = track.values.size();
  if (n <= length) return 0;
  const auto changes_at = [&](std::size_t i) { return i > 0 && track.values[i] != track.values[i - 1] ? 1 : 0; };
  std::size_t best = 0;
  int now = 0, most = 0;
  for (std::size_t i = 0; i < length; ++i) now += changes_at(i);
  most = now;
  for (std::size_t first = 1; first + length <= n; ++first) {
    now += changes_at(first + length - 1) - changes_at(first - 1);
    if (now > most) most = now, best = first;
  }
  const std::size_t line = text.rfind('\n', best);
  return line != std::string_view::npos && best - line < length / 4 ? line + 1 : best;
}

bool within_character(std::string_view text, std::size_t i) { return (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80; }

std::pair<std::size_t, std::size_t> whole_characters(std::string_view text, std::size_t begin, std::size_t length) {
  std::size_t end = std::min(text.size(), begin + length);
  while (begin < text.size() && within_character(text, begin)) ++begin;
  while (end > begin && end < text.size() && within_character(text, end)) --end;
  return {begin, std::max(begin, end) - begin};
}

std::string for_terminal(std::string_view text, std::span<const double> activation) {
  std::string out;
  int last = -1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto strength = static_cast<int>(std::lround(std::clamp(std::abs(activation[i]), 0.0, 1.0) * 5));
    // The 6 x 6 x 6 cube of colours: from white to red, or to blue.
    const int less = 5 - strength;
    const int colour = strength == 0 ? 0 : 16 + (activation[i] > 0 ? 36 * 5 + 6 * less + less : 36 * less + 6 * less + 5);
    const bool within = i > 0 && within_character(text, i);  // a code would cut the character in two
    if (!within && (text[i] == '\n' || colour != last)) {
      out += text[i] == '\n' || colour == 0 ? "\033[0m" : fmt::format("\033[30;48;5;{}m", colour);
      last = text[i] == '\n' ? 0 : colour;
    }
    out += text[i];
  }
  return out + "\033[0m";
}

}  // namespace tracks
