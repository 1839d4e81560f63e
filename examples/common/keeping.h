// What programs keep: models in files, and checkpoints of runs that go on later.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include <reel/data/keeper.h>
#include <reel/models/model_file.h>
#include <reel/report/line_chart.h>
#include <reel/train/trainer.h>

namespace program {

struct Keeping {
  std::string save, load;  // model files
  std::string checkpoint;
  std::string every = "60s";
  bool resume = false;
  bool any() const { return !save.empty() || !load.empty() || !checkpoint.empty(); }
  // Of one of several networks that are learnt one after the other: its checkpoint has a name of its own, and is resumed if the
  // run came to it (as rank 0 sees it).
  Keeping part(const std::string& name, reel::Group* group = nullptr) const;
};

// --save, --load, --checkpoint, --every and --resume.
void add_keeping(CLI::App& app, Keeping& keeping);

// The file of --load, if any. FileError, before any work, where --save or --checkpoint cannot be written by who `writes`.
std::optional<reel::SafetensorsFile> open(const Keeping& keeping, bool writes = true);

// InputError for a run that neither loads anything nor learns: no `passes` of what is called so.
void require_work(const Keeping& keeping, std::int64_t passes, std::string_view called);

// The file of --load, of a program of this kind ("char_rnn"). FileError for one of another.
reel::Record load_description(const reel::SafetensorsFile& file, const std::string& kind);

// The checkpoints of a training run: written now and then, and at its end or at Ctrl-C. `more`: what the program keeps besides
// the Trainer.
class Checkpoints {
 public:
  Checkpoints(reel::Trainer<float>& trainer, const Keeping& keeping, std::function<void(reel::Keeper&)> more);
  // With --resume, the run goes on where it stopped; FileError where there is no such file.
  void resume();
  void update();  // after each update of the Trainer
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  reel::Trainer<float>& trainer_;
  const Keeping& keeping_;
  bool of_rank_0(bool due) const;
  std::function<void(reel::Keeper&)> more_;
  double seconds_ = 0;       // between checkpoints, or
  reel::Index updates_ = 0;  // so many updates
  Clock::time_point next_;
  reel::Index saved_ = -1;
};

// The points of curves, so that a page goes on where it stopped.
struct KeptPoints {
  std::vector<reel::report::Curve>& curves;
  void keep(reel::Keeper& keep);
};

}  // namespace program
