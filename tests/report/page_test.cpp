#include <reel/report/page.h>

#include <cstdlib>
#include <filesystem>

#include <unistd.h>

#include <reel/data/files.h>
#include <reel/report/graph_drawing.h>

#include "directory.h"
#include "report/markup.h"
#include "support.h"

using namespace reel;
using namespace reel::report;
using namespace reel::test;

namespace {

// The environment's PATH for the time of a test.
class Path {
 public:
  explicit Path(const std::string& path) : before_(std::getenv("PATH") ? std::getenv("PATH") : "") {
    setenv("PATH", path.c_str(), 1);
  }
  ~Path() { setenv("PATH", before_.c_str(), 1); }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

 private:
  std::string before_;
};

Page full_page(const std::string& path) {
  Page page(path, "A run & its <title>", "by \"whom\"");
  page.setting("seed", "1");
  page.setting("command", "char_rnn --text 'a<b>.txt' --iterations 2000");
  page.set(
      "loss",
      LineChart{
          .title = "Loss", .log_y = true, .curves = {{"c", {{1, 2}, {2, NAN}, {3, 1}}, Best::smallest}}, .levels = {{"l", 1}}});
  page.set("bars", BarChart{.title = "B", .label = {}, .series = {}, .groups = {{"a", {1}}}, .levels = {}, .caption = {}});
  page.set("scatter", Scatter{.title = "S", .points = {{1, 2, "a", "b"}}, .diagonal = true});
  page.set("map", HeatMap{.title = "H", .rows = {"r"}, .columns = {"c", "d"}, .values = {1, NAN}});
  page.set("text", ColouredText{.title = "C", .text = "a b", .activation = {1, 0, -1}});
  page.set("samples", Samples{"Samples", {{"one", "x"}, {"two", "y\xFF"}}});
  page.set("table", Table{"T", {"a", "b"}, {{"1", "2"}}, "caption"});
  page.set("labels", LabelStrip{"L", {"true", "predicted"}, {{1, 2}, {1, 3}}, ""});
  page.set("pictures", Pictures{"P", {{1, 1, {255, 0, 0}, {{"red", 0.9}}, "red", true}}, ""});
  page.set("cells", CellStories{"R", {{{"a", 1, 2, {1, -1}}, {"b", 1, 2, {-1, 1}}}}, ""});
  page.set("drawing", Drawing{"D", "<svg></svg>", ""});
  page.set("plan", Text{"Plan", "gemm"});
  return page;
}

}  // namespace

TEST_CASE("page: every kind of section in one sound document, without addresses") {
  const std::string html = full_page("").html();
  CHECK(markup_fault(html) == "");
  CHECK(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
  CHECK(html.find("<title>A run &amp; its &lt;title&gt;</title>") != std::string::npos);
  CHECK(occurrences(html, "http") == occurrences(html, "xmlns=\"http://www.w3.org/2000/svg\""));
  CHECK(html.find("<script") == std::string::npos);
  CHECK(occurrences(html, "<section>") == 12);
  CHECK(markup_fault(Page("").html()) == "");
}

TEST_CASE("page: the same input gives the same bytes") { CHECK(full_page("a").html() == full_page("b").html()); }

TEST_CASE("page: what was measured stands in a table of its own, which can be cut out") {
  const auto page = [](const char* seconds) {
    Page p("", "run");
    p.setting("seed", "1");
    p.result("right", "99%");
    p.measured("seconds", seconds);
    return p.html();
  };
  const auto without = [](std::string html) {
    const std::size_t from = html.find("<dl class=\"measured\">"), to = html.find("</dl>", from);
    return html.erase(from, to - from);
  };
  CHECK(page("1").find("<dt>seconds</dt><dd>1</dd>") > page("1").find("<dt>right</dt>"));
  CHECK(page("1") != page("2"));
  CHECK(without(page("1")) == without(page("2")));
}

TEST_CASE("page: settings and sections are replaced in place") {
  Page page("", "run");
  page.setting("seed", "1");
  page.setting("status", "running");
  page.set("first", Text{"First", "old"});
  page.set("second", Text{"Second", "stays"});
  page.setting("seed", "2");
  page.set("first", Samples{"Anew", {}});
  const std::string html = page.html();
  CHECK(html.find("<dt>seed</dt><dd>2</dd>") < html.find("<dt>status</dt><dd>running</dd>"));
  CHECK(occurrences(html, "<dt>seed</dt>") == 1);
  CHECK(html.find("old") == std::string::npos);
  CHECK(html.find("Anew") < html.find("Second"));
}

TEST_CASE("page: a section that does not fit leaves the page as it was") {
  Page page("", "run");
  page.set("map", HeatMap{.title = "good", .rows = {"r"}, .columns = {"c"}, .values = {1}});
  const std::string before = page.html();
  check_throws<InputError>([&] { page.set("map", HeatMap{.title = "bad", .rows = {"r"}, .columns = {"c"}, .values = {}}); },
                           {"heat map", "bad", "1", "0"});
  CHECK(page.html() == before);
}

TEST_CASE("page: written whole, with nothing beside it") {
  const Directory directory;
  Page page = full_page(directory / "run.html");
  CHECK(page.enabled());
  CHECK(directory.files() == 0);
  page.write();
  CHECK(read_file(directory / "run.html") == page.html());
  page.setting("status", "finished");
  page.write();
  CHECK(read_file(directory / "run.html") == page.html());
  CHECK(directory.files() == 1);
}

TEST_CASE("page: write_now_and_then writes at once, then waits") {
  const Directory directory;
  Page page(directory / "run.html", "run");
  page.write_now_and_then();
  const std::string first = read_file(directory / "run.html");
  page.setting("status", "later");
  page.write_now_and_then();
  CHECK(read_file(directory / "run.html") == first);
  page.write();
  CHECK(read_file(directory / "run.html") == page.html());
}

TEST_CASE("page: without a path nothing is written") {
  Page page("", "run");
  CHECK(!page.enabled());
  page.write();
  page.write_now_and_then();
  CHECK(!std::filesystem::exists(".partial"));
}

TEST_CASE("page: what cannot be written names the path and the reason") {
  const Directory directory;
  check_throws<FileError>([&] { Page(directory / "none/run.html").write(); }, {"none/run.html", "No such file"});
  std::filesystem::create_directory(directory / "folder");
  check_throws<FileError>([&] { Page(directory / "folder").write(); }, {"folder", "irectory"});
  CHECK(directory.files() == 1);
  if (geteuid() == 0) return;  // who may write everywhere
  std::filesystem::permissions(directory / "folder", std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  check_throws<FileError>([&] { Page(directory / "folder/run.html").write(); }, {"folder/run.html", "Permission denied"});
}

TEST_CASE("page: 100,000 points stay a small page") {
  Page page("", "run");
  LineChart chart{.title = "Loss", .curves = {{"a", {}}, {"b", {}, Best::smallest}}};
  RandomStream random(1);
  for (int i = 0; i < 100000; ++i)
    for (Curve& curve : chart.curves) curve.points.push_back({static_cast<double>(i), random.uniform()});
  page.set("loss", chart);
  CHECK(page.html().size() < 130000);
}

TEST_CASE("graph drawing: the source where there is no dot, it fails, or takes too long") {
  const Directory directory;
  {
    const Path path(directory / "");
    const Section section = graph_drawing("graph", "digraph { a -> b; }");
    REQUIRE(std::holds_alternative<Text>(section));
    CHECK(std::get<Text>(section).text.find("not installed") != std::string::npos);
    CHECK(std::get<Text>(section).folded.find("digraph { a -> b; }") != std::string::npos);
  }
  // A dot of our own: it reads nothing and does not end, or fails.
  const auto install = [&](const std::string& script) {
    directory.write("dot", "#!/bin/sh\n" + script + "\n");
    std::filesystem::permissions(directory / "dot", std::filesystem::perms::owner_all);
  };
  const Path path((directory / "") + ":/usr/bin:/bin");
  install("exec sleep 60");
  const Section slow = graph_drawing("graph", "digraph {}", "", std::chrono::milliseconds(30));
  REQUIRE(std::holds_alternative<Text>(slow));
  CHECK(std::get<Text>(slow).text.find("longer than 0.03 s") != std::string::npos);
  install("exit 1");
  CHECK(std::holds_alternative<Text>(graph_drawing("graph", "digraph {}")));
  install("cat; echo '<?xml?><!-- c -->'; echo '<svg id=\"graph0\"><title>t</title>'; echo '</svg>'");
  const Section drawn = graph_drawing("graph", "<!-- source -->\n", "caption");
  REQUIRE(std::holds_alternative<Drawing>(drawn));
  CHECK(std::get<Drawing>(drawn).svg.find("<svg></svg>") != std::string::npos);
}

TEST_CASE("graph drawing: a large graph passes through, where dot is installed") {
  std::string source = "digraph {\n";
  for (int i = 0; i < 300; ++i) source += "n" + std::to_string(i) + " [label=\"" + std::string(400, 'x') + "\"];\n";
  const Section section = graph_drawing("graph", source + "}\n");
  Page page("");
  page.set("graph", section);
  if (std::holds_alternative<Drawing>(section)) CHECK(occurrences(page.html(), std::string(400, 'x')) == 300);
  CHECK(markup_fault(page.html()) == "");
}
