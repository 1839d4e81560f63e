// Sections of text: samples of what a model writes, tables, and text as it is.
// Threads: functions of their arguments alone.
#pragma once

#include <string>
#include <vector>

namespace reel::report {

struct Sample {
  std::string when = {};  // such as "iteration 1,000"
  std::string text = {};
};

struct Samples {  // in the order in which they were drawn; the page shows the last one, and earlier ones on demand
  std::string title = {};
  std::vector<Sample> samples = {};
};

struct Table {  // columns of numbers are aligned to the right; a wide table scrolls sideways
  std::string title = {};
  std::vector<std::string> header = {};  // none: a table without
  std::vector<std::vector<std::string>> rows = {};
  std::string caption = {};
};

struct Text {  // with its line breaks; long lines scroll sideways
  std::string title = {};
  std::string text = {};
  std::string folded = {};  // shown on demand
};

// InputError when a row has another number of cells than the header, or without one than the first row.
void check(const Table& table);

std::string html(const Samples& samples);
std::string html(const Table& table);
std::string html(const Text& text);

}  // namespace reel::report
