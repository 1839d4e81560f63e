// Rows of small pictures in black and white with arrows between, such as a damaged letter that a Hopfield network recalls step
// by step.
// Threads: functions of their arguments alone.
#pragma once

#include <string>
#include <vector>

namespace reel::report {

struct Cells {
  std::string name = {};
  int rows = 0, columns = 0;
  std::vector<double> values = {};  // [rows, columns], from white at -1 to black at 1; what is not finite is hatched
};

struct CellStories {
  std::string title = {};
  std::vector<std::vector<Cells>> stories = {};  // each from left to right
  std::string caption = {};
};

// InputError for cells whose sizes are not positive or do not fit their values.
void check(const CellStories& stories);

std::string svg(const Cells& cells);
std::string html(const CellStories& stories);

}  // namespace reel::report
