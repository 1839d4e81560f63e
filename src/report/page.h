// One run of a training as one HTML file: settings, curves, samples and other sections, rewritten as training goes on.
//
//   report::Page page("run.html", "Two LSTM layers", "tinyshakespeare");
//   page.setting("seed", "1");
//   page.set("loss", report::LineChart{.title = "Loss", .x_label = "iteration", .curves = {train, validation}});
//   page.write_now_and_then();   // in the loop, after set()
//   page.write();                // at the end
//
// Always: the file is whole, needs nothing beside it and no script, and says the same for the same input, byte for byte (it holds
// no date; what was measured stands in one <dl class="measured">). It fits a phone, a desktop and paper, in light and in dark
// mode. Any bytes may be in a text. Threads: one thread at a time.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <reel/report/section.h>

namespace reel::report {

class Page {
 public:
  // Nothing is written yet. An empty path: a page that never is.
  explicit Page(std::string path, std::string title = {}, std::string subtitle = {});

  // One line of the table at the top, in the order of first setting.
  void setting(std::string name, std::string value);

  // The same of what came out, in a table of its own.
  void result(std::string name, std::string value);

  // The same of what the machine and the moment have a part in, such as seconds.
  void measured(std::string name, std::string value);

  // Adds a section, in the order of first adding, or replaces the one with this key. InputError, with the page as before, for a
  // section whose counts do not fit together.
  void set(std::string key, Section section);

  // FileError, with the path and the reason, when it cannot be written; the file is then as before.
  void write() const;
  // The same, but only when the last time is a few seconds ago, or longer where writing takes long. The first call writes.
  void write_now_and_then();

  std::string html() const;
  bool enabled() const { return !path_.empty(); }
  const std::string& path() const { return path_; }

 private:
  using Clock = std::chrono::steady_clock;

  std::string path_, title_, subtitle_;
  std::vector<std::pair<std::string, std::string>> settings_, results_, measured_;
  std::vector<std::pair<std::string, Section>> sections_;
  Clock::time_point next_ = Clock::time_point::min();
};

}  // namespace reel::report
