// The ground of a chart: a frame with two axes, ticks, a light grid, the axes' names and a legend; then the data on top.
//
// Always: the frame lies within the canvas; a value that an axis shows lies within the frame.
// Threads: one thread at a time.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <reel/report/axis.h>
#include <reel/report/canvas.h>
#include <reel/report/point.h>

namespace reel::report {

struct Box {
  double left, top, right, bottom;
};

struct PlotOptions {
  std::string title = {}, x_label = {}, y_label = {};
  std::vector<std::string> legend = {};  // names of the series by number; those without a name are left out
  bool dots = false;                     // the legend shows dots instead of lines
  bool square = false;
};

class Plot {
 public:
  Plot(const PlotOptions& options, const Axis& x, const Axis& y, double width);

  bool shows(Point p) const { return x_.shows(p.x) && y_.shows(p.y); }
  Point at(Point p) const;  // on the canvas
  const Box& frame() const { return frame_; }
  Canvas& canvas() { return canvas_; }
  void say(std::string_view text);  // in the middle of the frame, such as that there is nothing to show
  std::string svg() const;

 private:
  double draw_legend(const PlotOptions& options);  // the height it takes
  void draw_x_ticks();
  void draw_y_ticks(const std::vector<Tick>& ticks);

  Axis x_, y_;
  Canvas canvas_;
  Box frame_;
  double height_ = 0;
};

// Where labels go so that they overlap neither each other nor, as far as possible, what is drawn.
class LabelPlaces {
 public:
  explicit LabelPlaces(const Box& frame) : frame_(frame) {}

  void avoid(const std::vector<Point>& line, double weight = 1);  // an open polygon on the canvas; a NaN is a gap
  // The best of the places for a label; it is taken from now on. Earlier ones are the better ones.
  Box take(const std::vector<Box>& places);

 private:
  double cost(const Box& box) const;

  Box frame_;
  std::vector<std::pair<Point, double>> drawn_;  // with what it costs to cover it
  std::vector<Box> taken_;
};

}  // namespace reel::report
