#include <limits>

#include <reel/report/line_chart.h>

#include "report/markup.h"
#include "support.h"

using namespace reel;
using namespace reel::report;
using namespace reel::test;

namespace {

void check_sound(const LineChart& chart) {
  for (double width : {kWide, kNarrow}) CHECK(markup_fault(svg(chart, width)) == "");
  CHECK(markup_fault(html(chart)) == "");
}

bool says(const LineChart& chart, std::string_view text) { return html(chart).find(text) != std::string::npos; }

std::vector<double> ys(const std::vector<Point>& points) {
  std::vector<double> values;
  for (const Point& p : points) values.push_back(p.y);
  return values;
}

}  // namespace

TEST_CASE("line chart: names, ticks, levels and the best point are there") {
  const LineChart chart{
      .title = "Loss <of> \"all\"",
      .x_label = "iteration & more",
      .y_label = "nats",
      .curves = {{"training", {{0, 3}, {1000, 2.5}}}, {"validation", {{0, 3}, {500, 1.625}, {1000, 2}}, Best::smallest}},
      .levels = {{"optimum", 1.5}},
      .caption = "A caption."};
  check_sound(chart);
  for (const char* text : {"training", "validation", "optimum 1.5", ">1.625<", "1,000", "iteration &amp; more", "nats",
                           "<h2>Loss &lt;of&gt; &quot;all&quot;</h2>", "<figcaption>A caption.</figcaption>"})
    CHECK_MESSAGE(says(chart, text), text);
}

TEST_CASE("line chart: empty charts, single points and equal values are drawn") {
  check_sound({});
  CHECK(says({}, "no points yet"));
  check_sound({.curves = {{"none", {}}}});
  check_sound({.curves = {{"one", {{3, 4}}, Best::smallest}}});
  check_sound({.curves = {{"equal", {{1, 2}, {2, 2}, {3, 2}}, Best::smallest}}});
  check_sound({.curves = {{"upright", {{1, 2}, {1, 3}}, Best::smallest}}});
  check_sound({.log_x = true, .log_y = true, .curves = {{"one", {{3, 4}}, Best::smallest}}});
  check_sound({.log_y = true, .levels = {{"level", 2}}});
}

TEST_CASE("line chart: what is not finite is left out and counted") {
  const double largest = std::numeric_limits<double>::max();
  LineChart chart{
      .curves = {{"c", {{0, 1}, {1, NAN}, {2, INFINITY}, {NAN, 1}, {3, 2}, {4, -INFINITY}, {5, largest}}, Best::smallest}}};
  check_sound(chart);
  CHECK(says(chart, "5 points left out: not finite."));
  chart.curves[0].points = {{0, NAN}};
  check_sound(chart);
  CHECK(says(chart, "1 point left out: not finite."));
  CHECK(says(chart, "no points yet"));
  chart.levels = {{"level", NAN}, {"another", 1}};
  check_sound(chart);
}

TEST_CASE("line chart: a logarithmic axis leaves out what is not positive") {
  const LineChart chart{
      .log_x = true, .log_y = true, .curves = {{"c", {{0, 1}, {1, -2}, {2, 0}, {3, 4}, {NAN, 1}, {10, 5}}, Best::smallest}}};
  check_sound(chart);
  CHECK(says(chart, "3 points left out: not positive on a logarithmic axis."));
  CHECK(says(chart, "1 point left out: not finite."));
}

TEST_CASE("line chart: a gap in the data is a gap in the curve") {
  const LineChart whole{.curves = {{"", {{0, 1}, {1, 2}, {2, 1}, {3, 2}}}}};
  const LineChart gap{.curves = {{"", {{0, 1}, {1, 2}, {1.5, NAN}, {2, 1}, {3, 2}}}}};
  const auto strokes = [](const LineChart& chart) {
    const std::string drawn = svg(chart);
    const std::size_t end = drawn.find("\" class=\"s0\"");
    return occurrences(drawn.substr(0, end).substr(drawn.rfind("d=\"", end)), "M");
  };
  CHECK(strokes(whole) == 1);
  CHECK(strokes(gap) == 2);
}

TEST_CASE("line chart: a band lies around its curve, parted where a range is left out") {
  LineChart chart{.curves = {{"median", {{0, 2}, {1, 3}, {2, 2}}, Best::none, {{0, 1, 3}, {1, 2, 10}, {2, 1, 3}}}}};
  check_sound(chart);
  const auto areas = [&] {
    const std::string drawn = svg(chart);
    const std::size_t end = drawn.find("fill-opacity=\"0.2\"");
    return end == std::string::npos ? 0
                                    : occurrences(drawn.substr(drawn.rfind("d=\"", end), end - drawn.rfind("d=\"", end)), "z");
  };
  CHECK(areas() == 1);
  CHECK(says(chart, ">10<"));  // the axis takes it in
  chart.curves[0].band[1].high = INFINITY;
  check_sound(chart);
  CHECK(areas() == 2);
  CHECK(says(chart, "1 point left out: not finite."));
  chart.log_y = true;
  chart.curves[0].band[0].low = 0;
  check_sound(chart);
  CHECK(says(chart, "1 point left out: not positive on a logarithmic axis."));
  chart.curves[0].band.clear();
  CHECK(areas() == 0);
  RandomStream random(1);
  for (int i = 0; i < 100000; ++i) chart.curves[0].band.push_back({i * .01, 1 + random.uniform(), 3 + random.uniform()});
  check_sound(chart);
  CHECK(svg(chart).size() < 60000);
}

TEST_CASE("line chart: times are shown as dates, and what is none is counted") {
  LineChart chart{.dates = true, .curves = {{"price", {{1767225600, 3}, {1767225600 + 5 * 86400, 4}}}}};
  check_sound(chart);
  for (const char* text : {"1 Jan 2026", "3 Jan"}) CHECK_MESSAGE(says(chart, text), text);
  chart.curves[0].points.push_back({1e15, 2});
  check_sound(chart);
  CHECK(says(chart, "1 point left out: no time of the years 1 to 9999."));
}

TEST_CASE("thinned: keeps the ends and the extremes of every column") {
  std::vector<Point> points;
  for (int i = 0; i < 10000; ++i) points.push_back({i / 100., std::sin(i * 0.7) + i * 1e-4});
  points[5050].y = 9;
  points[7777].y = -9;
  const std::vector<Point> kept = thinned(points);
  CHECK(kept.size() <= 2 * 100 + 2);
  CHECK(kept.front().x == points.front().x);
  CHECK(kept.back().x == points.back().x);
  const auto values = ys(kept);
  CHECK(std::ranges::count(values, 9) == 1);
  CHECK(std::ranges::count(values, -9) == 1);
  CHECK(std::ranges::is_sorted(kept, {}, &Point::x));
}

TEST_CASE("thinned: few points stay as they are, in their order") {
  const std::vector<Point> points = {{0, 1}, {10, 2}, {20, -1}, {15, 3}, {14, 3}};
  CHECK(ys(thinned(points)) == ys(points));
  CHECK(thinned({}).empty());
}

TEST_CASE("thinned: gaps between columns stay, gaps within close") {
  const std::vector<Point> points = {{0, 1}, {0.2, NAN}, {0.4, 2}, {5, NAN}, {5, NAN}, {6, 3}, {6.1, NAN}, {7, 4}, {8, NAN}};
  const auto values = ys(thinned(points));
  std::string shape;
  for (double v : values) shape += std::isnan(v) ? "|" : std::to_string(static_cast<int>(v));
  CHECK(shape == "12|3|4");
}

TEST_CASE("thinned: curves to and fro are bounded too") {
  std::vector<Point> points, gaps;
  RandomStream random(1);
  for (int i = 0; i < 100000; ++i) points.push_back({random.uniform(0, 600), random.uniform(0, 300)});
  for (int i = 0; i < 100000; ++i) gaps.push_back({i / 200., i % 2 ? NAN : random.uniform()});
  CHECK(thinned(points).size() <= 5000);
  CHECK(thinned(gaps).size() <= 5000);
}

TEST_CASE("line chart: 100,000 points make a small picture") {
  LineChart chart{.curves = {{"noise", {}, Best::smallest}}};
  RandomStream random(1);
  for (int i = 0; i < 100000; ++i) chart.curves[0].points.push_back({static_cast<double>(i), random.normal()});
  check_sound(chart);
  CHECK(html(chart).size() < 60000);
}

TEST_CASE("line chart: names that are too long are cut") {
  const std::string name(300, 'n');
  const LineChart chart{.x_label = name, .y_label = name, .curves = {{name, {{0, 0}, {1, 1}}}}, .levels = {{name, 0.5}}};
  check_sound(chart);
  CHECK(svg(chart).find(std::string(150, 'n')) == std::string::npos);
  CHECK(svg(chart).find("n… 0.5<") != std::string::npos);
}

TEST_CASE("line chart: labels of close levels do not overlap") {
  LineChart chart{.curves = {{"c", {{0, 0}, {100, 10}}}}};
  for (int i = 0; i < 7; ++i) chart.levels.push_back({"level " + std::to_string(i), 5 + 0.02 * i});
  check_sound(chart);
  const std::string drawn = svg(chart);
  std::vector<std::pair<double, double>> places;
  for (int i = 0; i < 7; ++i) {
    const std::size_t label = drawn.find(">level " + std::to_string(i)), begin = drawn.rfind("<text x=\"", label);
    REQUIRE(begin != std::string::npos);
    places.emplace_back(std::stod(drawn.substr(begin + 9)), std::stod(drawn.substr(drawn.find("y=\"", begin) + 3)));
  }
  for (std::size_t i = 0; i < 7; ++i)
    for (std::size_t j = 0; j < i; ++j)
      CHECK((std::abs(places[i].second - places[j].second) >= 12 || std::abs(places[i].first - places[j].first) > 80));
}

TEST_CASE("line chart: the best may be the largest, and marks tell where something happened") {
  const LineChart chart{.x_label = "epoch",
                        .curves = {{"right", {{0, 12.5}, {1, 87.25}, {2, 71}}, Best::largest}},
                        .marks = {{"rate halved", 1.5}, {"", 0.5}, {"long after", 30}}};
  check_sound(chart);
  for (const char* text : {">87.25<", "rate halved", "long after"}) CHECK_MESSAGE(says(chart, text), text);
  CHECK(!says(chart, ">12.5<"));
  const LineChart bad{.curves = {{"c", {{1, 1}}}}, .marks = {{"nowhere", std::numeric_limits<double>::quiet_NaN()}}};
  check_sound(bad);
  CHECK(!says(bad, "nowhere"));
  CHECK(says(bad, "left out: not finite"));
}
