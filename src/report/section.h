// What a page can show; each kind is described in its own header.
#pragma once

#include <variant>

#include <reel/report/bar_chart.h>
#include <reel/report/cell_stories.h>
#include <reel/report/coloured_text.h>
#include <reel/report/drawing.h>
#include <reel/report/heat_map.h>
#include <reel/report/label_strip.h>
#include <reel/report/line_chart.h>
#include <reel/report/pictures.h>
#include <reel/report/scatter.h>
#include <reel/report/text.h>

namespace reel::report {

using Section = std::variant<LineChart, BarChart, Scatter, HeatMap, ColouredText, Samples, Table, LabelStrip, Pictures,
                             CellStories, Drawing, Text>;

}  // namespace reel::report
