// The kinds of sections beside line charts: sound markup for odd data, refusals that name what does not fit.
#include <reel/report/section.h>

#include "report/markup.h"
#include "support.h"

using namespace reel;
using namespace reel::report;
using namespace reel::test;

namespace {

const std::string kNasty = "<script>alert(\"x\")</script> & 'y' \x01\xFF\n\t\u202E";

template <class S>
void check_sound(const S& section) {
  const std::string text = html(section);
  CHECK(markup_fault(text) == "");
  CHECK(text.find("<script") == std::string::npos);
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

HeatMap heat_map(std::size_t rows, std::size_t columns, std::vector<double> values) {
  HeatMap map{.title = "map", .rows = {}, .columns = {}, .values = std::move(values), .caption = {}};
  for (std::size_t r = 0; r < rows; ++r) map.rows.push_back("row " + std::to_string(r));
  for (std::size_t c = 0; c < columns; ++c) map.columns.push_back("column " + std::to_string(c));
  return map;
}

}  // namespace

TEST_CASE("heat map: values on both sides of zero, with their names") {
  const std::string drawn = html(heat_map(2, 3, {-1, 0.5, 0, 0.25, 1, -2}));
  CHECK(markup_fault(drawn) == "");
  CHECK(has(drawn, "<title>row 1, column 2: \u22122</title>"));
  CHECK(has(drawn, R"(fill-opacity="0.85"><title>row 1, column 2)"));  // the largest is the strongest
  CHECK(has(drawn, R"(fill-opacity="0.00"><title>row 0, column 2)"));  // zero is the paper
  CHECK(has(drawn, R"(class="negative")"));
  CHECK(has(drawn, R"(class="positive")"));
}

TEST_CASE("heat map: odd values and sizes") {
  check_sound(HeatMap{});
  check_sound(heat_map(3, 0, {}));
  check_sound(heat_map(1, 1, {0}));
  check_sound(heat_map(1, 2, {1e308, -1e308}));
  for (bool diverging : {false, true}) {
    HeatMap map = heat_map(2, 2, {NAN, INFINITY, -INFINITY, 1e-320});
    map.diverging = diverging;
    check_sound(map);
    CHECK(has(html(map), "Hatched: 3 values not finite."));
    map.values = {7, 7, 7, 7};
    check_sound(map);
    map.values = {1e308, -1e308, 0, 1};
    check_sound(map);
  }
  HeatMap named = heat_map(1, 1, {1});
  named.rows[0] = named.columns[0] = named.title = named.caption = kNasty;
  check_sound(named);
}

TEST_CASE("heat map: a large one is an image") {
  HeatMap map = heat_map(200, 300, std::vector<double>(60000, 0.5));
  map.values[5] = NAN;
  check_sound(map);
  CHECK(has(svg(map), "data:image/png"));
  CHECK(svg(map).size() < 40000);
}

TEST_CASE("heat map: counts that do not fit") {
  check_throws<InputError>(
      [] {
        html(heat_map(2, 3, {1, 2, 3, 4, 5}));
      },
      {"heat map", "\"map\"", "2 rows", "3 columns", "6", "5"});
}

TEST_CASE("coloured text: colours in runs, spaces kept and visible") {
  const ColouredText text{.title = "unit", .text = "ab c\n\td", .activation = {1, 1, 1, -1, -1, 0, 0}, .caption = {}};
  check_sound(text);
  CHECK(has(html(text), R"(<span class="p10">ab<i> </i></span><span class="n10">c<i class="end"></i>)"));
  CHECK(has(html(text), "</span><i class=\"tab\">\t</i>d</pre>"));
}

TEST_CASE("coloured text: a character of several bytes takes the colour of its first") {
  const ColouredText text{.title = {}, .text = "ü\xC3", .activation = {1, -1, -0.5}, .caption = {}};
  check_sound(text);
  CHECK(has(html(text), "<span class=\"p10\">ü</span><span class=\"n5\">\uFFFD</span>"));
}

TEST_CASE("coloured text: odd activations and texts") {
  check_sound(ColouredText{});
  ColouredText text{.title = kNasty, .text = kNasty, .activation = std::vector<float>(kNasty.size(), NAN), .caption = kNasty};
  text.activation[0] = 5;
  text.activation[1] = -INFINITY;
  check_sound(text);
  CHECK(has(html(text), "activations not finite."));
  text.activation.pop_back();
  check_throws<InputError>([&] { html(text); },
                           {"coloured text", std::to_string(kNasty.size()).c_str(), std::to_string(kNasty.size() - 1).c_str()});
}

TEST_CASE("samples: the last first, earlier ones on demand") {
  const std::string drawn = html(Samples{"Samples", {{"one", "first"}, {"two", "second"}, {"three", kNasty}}});
  CHECK(markup_fault(drawn) == "");
  CHECK(drawn.find("three") < drawn.find("<details>"));
  CHECK(drawn.find("<summary>2 earlier samples</summary>") < drawn.find("second"));
  CHECK(drawn.find("second") < drawn.find("first"));
  CHECK(!has(html(Samples{"Samples", {{"one", "first"}}}), "<details>"));
  check_sound(Samples{});
}

TEST_CASE("table: columns of numbers are aligned to the right") {
  const Table table{.title = "t",
                    .header = {"cell", "time", "note"},
                    .rows = {{"LSTM", "0.117 ms", "3 times"}, {"GRU", "–", kNasty}, {"1", "-1,024", ""}},
                    .caption = {}};
  check_sound(table);
  CHECK(has(html(table), "<th>cell</th><th class=\"number\">time</th><th>note</th>"));
  CHECK(has(html(table), "<td>LSTM</td><td class=\"number\">0.117 ms</td><td>3 times</td>"));
  check_sound(Table{});
  check_sound(Table{.title = {}, .header = {}, .rows = {{"1", "2"}}, .caption = {}});
}

TEST_CASE("table: rows of another length are refused") {
  check_throws<InputError>(
      [] {
        html(Table{"t", {"a", "b"}, {{"1", "2"}, {"1"}}, {}});
      },
      {"table", "\"t\"", "row 1", "1 cells", "2"});
  check_throws<InputError>([] { html(Table{"t", {}, {{"1", "2"}, {"1", "2", "3"}}, {}}); }, {"row 1", "3 cells", "2"});
}

TEST_CASE("label strip: differences are marked and counted") {
  const LabelStrip strip{
      .title = "labels", .names = {"true", "predicted"}, .labels = {{0, 1, 2, 2}, {0, 2, 2, 1}}, .caption = {}};
  check_sound(strip);
  CHECK(occurrences(svg(strip), "class=\"wrong\"") == 2);
  CHECK(has(html(strip), "2 of 4 steps differ."));
}

TEST_CASE("label strip: odd labels and lengths") {
  check_sound(LabelStrip{});
  const LabelStrip unlabelled{"", {"true", "predicted"}, {{-1, 1}, {2, 1}}, {}};
  CHECK(has(html(unlabelled), "0 of 2 steps differ."));
  check_sound(LabelStrip{"", {"none"}, {{}}, {}});
  check_sound(LabelStrip{kNasty, {kNasty}, {{-1, 1000, 7, 8}}, kNasty});
  check_sound(LabelStrip{"long", {std::string(200, 'x')}, {std::vector<int>(200, 3)}, {}});
  check_throws<InputError>([] { html(LabelStrip{"l", {"a"}, {{1}, {1}}, {}}); }, {"label strip", "\"l\"", "1 names", "2"});
  check_throws<InputError>([] { html(LabelStrip{"l", {"a", "b"}, {{1, 2}, {1}}, {}}); }, {"\"b\" has 1", "\"a\" 2"});
}

TEST_CASE("scatter: series, labels, the diagonal, what is not finite") {
  Scatter scatter{.title = "s", .x_label = "true", .y_label = "predicted", .points = {}, .diagonal = true, .caption = {}};
  check_sound(scatter);
  scatter.points = {{1, 1.1, "test", "a"}, {2, 1.9, "training", kNasty}, {NAN, 1}, {1, INFINITY}, {3, 3}};
  check_sound(scatter);
  CHECK(has(html(scatter), "2 points left out: not finite."));
  CHECK(has(html(scatter), "class=\"level\""));
}

TEST_CASE("scatter: very many points make a bounded picture") {
  Scatter scatter;
  RandomStream random(1);
  for (int i = 0; i < 100000; ++i) scatter.points.push_back({random.uniform(), random.uniform()});
  check_sound(scatter);
  CHECK(html(scatter).size() < 400000);
}

TEST_CASE("pictures: words with probabilities, wrong ones marked") {
  const Picture right{2, 1, {1, 2, 3, 4, 5, 6}, {{"a", 0.5}, {kNasty, NAN}, {"b", 7}}, "a b", true};
  Picture wrong = right;
  wrong.correct = false;
  const Pictures pictures{kNasty, {right, wrong, {1, 1, {0, 0, 0}, {}, {}, false}}, kNasty};
  check_sound(pictures);
  CHECK(has(html(pictures), R"(<span style="--p:50%" title="0.500">a</span>)"));
  CHECK(occurrences(html(pictures), "class=\"wrong\"") == 2);
  check_sound(Pictures{});
}

TEST_CASE("pictures: bytes that do not fit are refused") {
  check_throws<InputError>(
      [] {
        html(Pictures{"p", {{2, 2, std::vector<std::uint8_t>(11), {}}}, {}});
      },
      {"pictures", "\"p\"", "2 x 2", "12", "11"});
  check_throws<InputError>([] { html(Pictures{"p", {{0, 2, {}, {}}}, {}}); }, {"0 x 2"});
}

TEST_CASE("cell stories: black, white and between") {
  const CellStories stories{"s", {{{"a", 1, 3, {-1, 0, 1}}, {kNasty, 2, 1, {NAN, 7}}}, {}}, kNasty};
  check_sound(stories);
  CHECK(occurrences(svg(stories.stories[0][0]), "class=\"cell-ink\"") == 2);
  check_sound(CellStories{});
  check_throws<InputError>(
      [] {
        html(CellStories{"s", {{{"a", 2, 2, {1}}}}, {}});
      },
      {"cell stories", "\"a\"", "2 x 2", "1 values"});
  check_throws<InputError>([] { html(CellStories{"s", {{{"a", -1, -1, {1}}}}, {}}); }, {"-1 x -1"});
}

TEST_CASE("drawing: what stands around the svg is left out") {
  const Drawing drawing{"d", "<?xml version=\"1.0\"?>\n<!DOCTYPE svg>\n<svg><g/></svg>\n\n", kNasty};
  check_sound(drawing);
  CHECK(has(html(drawing), "drawing\"><svg><g/></svg></div>"));
  check_throws<InputError>([] { html(Drawing{"d", "none", {}}); }, {"drawing", "\"d\"", "4 bytes"});
  check_throws<InputError>([] { html(Drawing{"d", "</svg><svg>", {}}); }, {"no <svg>"});
}

TEST_CASE("text: as it is") {
  check_sound(Text{kNasty, kNasty});
  CHECK(has(html(Text{"", "\nfirst line is empty"}), "<pre class=\"scrolls\">\n\nfirst"));
}

TEST_CASE("bar chart: bars from 0 with their values, series and levels") {
  const BarChart chart{.title = "Right",
                       .label = "% of the class",
                       .series = {"before", "after"},
                       .groups = {{"artist", {20, 95.5}}, {"writer", {-10, 80}}},
                       .levels = {{"chance", 50}},
                       .caption = "Of 100 each."};
  check_sound(chart);
  const std::string drawn = html(chart);
  for (const char* text :
       {"<title>artist, after: 95.5</title>", "chance 50", "before", "% of the class", ">\u221210<", "Of 100 each."})
    CHECK_MESSAGE(has(drawn, text), text);
  // Twice the value, twice the length.
  const auto length = [](double value) {
    const std::string two = svg(
        BarChart{.title = {}, .label = {}, .series = {}, .groups = {{"a", {value}}, {"b", {8}}}, .levels = {}, .caption = {}});
    const std::size_t bar = two.find("<rect"), width = two.find(" width=\"", bar);
    return std::stod(two.substr(width + 8));
  };
  CHECK(length(8) == doctest::Approx(2 * length(4)).epsilon(.001));
}

TEST_CASE("bar chart: odd values and names, counts that do not fit") {
  check_sound(BarChart{});
  CHECK(has(html(BarChart{}), "no values yet"));
  BarChart chart{.title = kNasty,
                 .label = kNasty,
                 .series = {},
                 .groups = {{kNasty, {0}}, {std::string(300, 'x'), {1e300}}},
                 .levels = {{kNasty, NAN}, {kNasty, 1}},
                 .caption = kNasty};
  check_sound(chart);
  chart.groups = {{"a", {NAN}}, {"b", {INFINITY}}, {"c", {-1}}};
  check_sound(chart);
  CHECK(has(html(chart), "2 values missing: not finite."));
  chart.series = {"one", "two"};
  check_throws<InputError>([&] { html(chart); }, {"bar chart", "\"a\" has 1 value", "2 series"});
}
