// What charts are made of, and how wide pictures are drawn.
#pragma once

namespace reel::report {

struct Point {
  double x, y;
};

inline constexpr double kWide = 680, kNarrow = 358;

}  // namespace reel::report
