// A matrix as coloured cells: weights, states over time, attention.
//
// Colours: red for positive and blue for negative values, the paper's own at zero, the same strength for the same size; or one
// colour from the smallest value to the largest. What is not finite is hatched and counted in the caption. Small matrices show
// their numbers, matrices of medium size tell them on hovering, large ones are drawn as an image.
//
// Threads: functions of their arguments alone.
#pragma once

#include <string>
#include <vector>

namespace reel::report {

struct HeatMap {
  std::string title = {};
  std::vector<std::string> rows = {}, columns = {};  // names
  std::vector<double> values = {};                   // [rows, columns]
  bool diverging = true;                             // around zero; otherwise from the smallest value to the largest
  std::string caption = {};
};

// InputError unless there is a value for each row and column.
void check(const HeatMap& map);

std::string svg(const HeatMap& map);  // as wide as its cells need
std::string html(const HeatMap& map);

}  // namespace reel::report
