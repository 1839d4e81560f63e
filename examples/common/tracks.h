// What a hidden unit of a character model may keep track of, and which unit does so best.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <reel/graph/tensor.h>

namespace tracks {

using reel::Index;

// One number for each character: after reading it.
struct Track {
  std::string name;
  std::vector<double> values;
};

// Within double quotes; characters since the line's begin; the line's indentation; depth of brackets. Tracks that never change in
// this text are left out.
std::vector<Track> of_text(std::string_view text);

// Pearson's correlation; 0 where one of them does not vary.
double correlation(std::span<const double> x, std::span<const double> y);

struct Ranked {
  Index unit;
  double correlation;
};

// The units [T, units] by the size of their correlation with a track, largest first.
std::vector<Ranked> rank(const std::vector<std::vector<double>>& units, const Track& track);

// What chance reaches: the largest correlation of any unit with the track when the two are shifted against each other, by several
// distances, so that neither loses its own rhythm.
double chance(const std::vector<std::vector<double>>& units, const Track& track);

// Where `length` characters begin in which the track changes most often: at the begin of a line, if one is near.
std::size_t liveliest(std::string_view text, const Track& track, std::size_t length);

// Whether byte i of a UTF-8 text is none that a character begins with.
bool within_character(std::string_view text, std::size_t i);
// (begin, length) of the whole characters of a stretch.
std::pair<std::size_t, std::size_t> whole_characters(std::string_view text, std::size_t begin, std::size_t length);

// The text with each character on a ground from blue (-1) over the terminal's own to red (1), as ANSI codes.
std::string for_terminal(std::string_view text, std::span<const double> activation);

}  // namespace tracks
