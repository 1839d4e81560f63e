// What a page can show; each kind is described in its own header.
#pragma once

#include <variant>

#include <reel/train/report/cell_stories.h>
#include <reel/train/report/coloured_text.h>
#include <reel/train/report/drawing.h>
#include <reel/train/report/heat_map.h>
#include <reel/train/report/label_strip.h>
#include <reel/train/report/line_chart.h>
#include <reel/train/report/pictures.h>
#include <reel/train/report/scatter.h>
#include <reel/train/report/text.h>

namespace reel::report {

using Section =
    std::variant<LineChart, Scatter, HeatMap, ColouredText, Samples, Table, LabelStrip, Pictures, CellStories, Drawing, Text>;

}  // namespace reel::report
