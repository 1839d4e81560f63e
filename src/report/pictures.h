// A gallery of pictures with what a model says of them, word by word: each word with its probability as a bar below it.
// Threads: functions of their arguments alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace reel::report {

struct WordProbability {
  std::string word = {};
  double probability = 0;  // in [0, 1]; NaN: none is shown
};

struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb = {};       // [height, width, 3]
  std::vector<WordProbability> words = {};  // the caption that the model gives
  std::string truth = {};                   // the caption that it should give, shown below
  bool correct = true;                      // a wrong one is marked
};

struct Pictures {
  std::string title = {};
  std::vector<Picture> pictures = {};
  std::string caption = {};
};

// InputError for a picture whose size is not positive or does not fit its bytes.
void check(const Pictures& pictures);

std::string html(const Pictures& pictures);

}  // namespace reel::report
