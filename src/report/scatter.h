// Points in the plane, such as predicted against true numbers.
//
// Points that are not finite are left out, and the caption counts them. Where there are very many, those that fall on the same
// spot are drawn once.
//
// Threads: functions of their arguments alone.
#pragma once

#include <string>
#include <vector>

#include <reel/report/point.h>

namespace reel::report {

struct Dot {
  double x = 0, y = 0;
  std::string series = {};  // dots of the same series share a colour; they are listed in order of first appearance
  std::string label = {};   // written beside the dot where few have one, else shown on hovering
};

struct Scatter {
  std::string title = {}, x_label = {}, y_label = {};
  std::vector<Dot> points = {};
  bool diagonal = false;  // the same range on both axes, and the line x = y
  std::string caption = {};
};

std::string svg(const Scatter& scatter, double width = kWide);
std::string html(const Scatter& scatter);

}  // namespace reel::report
