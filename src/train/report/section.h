// What a page can show, each kind with its own header.
#pragma once

#include <variant>

#include <reel/train/report/line_chart.h>
#include <reel/train/report/text.h>

namespace reel::report {

using Section = std::variant<LineChart, Samples, Table, Text>;

}  // namespace reel::report
