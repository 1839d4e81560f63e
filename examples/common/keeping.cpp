#include "common/keeping.h"

#include <charconv>
#include <cmath>
#include <filesystem>

#include "common/program.h"

#include <reel/data/file_writer.h>

namespace program {
namespace {

struct Every {
  double seconds = 0;
  reel::Index updates = 0;
};

// "60", "60s", "200steps"; nothing for anything else.
std::optional<Every> parse_every(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  if (unit.empty() || unit == "s") return Every{.seconds = number};
  if (unit == "steps" && number >= 1 && number == std::floor(number) && number < 1e15)
    return Every{.updates = static_cast<reel::Index>(number)};
  return std::nullopt;
}

}  // namespace

void add_keeping(CLI::App& app, Keeping& keeping) {
  app.add_option("--save", keeping.save, "File for what was learnt, written at the end")->check(not_empty());
  app.add_option("--load", keeping.load, "File of --save to begin with; what makes the model is as it says")->check(not_empty());
  auto* checkpoint = app.add_option("--checkpoint", keeping.checkpoint, "File that the run can go on from, renewed now and then")
                         ->check(not_empty());
  app.add_option("--every", keeping.every, "How often: 60s, or 200steps")
      ->check(CLI::Validator(
          [](const std::string& text) {
            return parse_every(text) ? std::string()
                                     : fmt::format("expected seconds, such as 60s, or 200steps, not \"{}\"", text);
          },
          "SECONDS or STEPS"))
      ->needs(checkpoint)
      ->capture_default_str();
  app.add_flag("--resume", keeping.resume, "Go on from the checkpoint; its numbers replace those of --load")->needs(checkpoint);
}

std::optional<reel::SafetensorsFile> open(const Keeping& keeping, bool writes) {
  for (const std::string& path : {keeping.save, keeping.checkpoint})
    if (writes && !path.empty()) reel::FileWriter{path};  // writes nothing, and leaves nothing
  std::optional<reel::SafetensorsFile> file;
  if (!keeping.load.empty()) file.emplace(keeping.load);
  return file;
}

void require_work(const Keeping& keeping, std::int64_t passes, std::string_view called) {
  if (keeping.load.empty() && passes == 0)
    throw reel::InputError(fmt::format("0 {}: there is nothing to do without --load", called));
}

Keeping Keeping::part(const std::string& name, reel::Group* group) const {
  Keeping own = *this;
  if (checkpoint.empty()) return own;
  own.checkpoint += "." + name;
  own.resume = resume && std::filesystem::exists(own.checkpoint);
  if (group) own.resume = group->gather(static_cast<char>(own.resume))[0] != 0;
  return own;
}

reel::Record load_description(const reel::SafetensorsFile& file, const std::string& kind) {
  reel::Record record = reel::model_description(file);
  if (record.text("program") != kind)
    throw reel::FileError(fmt::format("{}: was saved by {}, not by {}", file.path(), record.text("program"), kind));
  return record;
}

Checkpoints::Checkpoints(reel::Trainer<float>& trainer, const Keeping& keeping, std::function<void(reel::Keeper&)> more)
    : trainer_(trainer), keeping_(keeping), more_(std::move(more)), next_(Clock::now()) {
  const Every every = parse_every(keeping.every).value_or(Every{.seconds = 60});
  seconds_ = every.seconds;
  updates_ = every.updates;
}

void Checkpoints::resume() {
  if (!keeping_.resume) return;
  trainer_.resume(keeping_.checkpoint, more_);
  saved_ = trainer_.updates();
  fmt::print("resumed from {} after {} updates\n", keeping_.checkpoint, trainer_.updates());
}

void Checkpoints::update() {
  if (keeping_.checkpoint.empty()) return;
  const bool due = updates_ > 0 ? trainer_.updates() % updates_ == 0 : of_rank_0(Clock::now() >= next_);
  if (due) finish();
}

// Clocks differ, and all ranks save together.
bool Checkpoints::of_rank_0(bool due) const {
  return trainer_.group() ? trainer_.group()->gather(static_cast<char>(due))[0] != 0 : due;
}

void Checkpoints::finish() {
  if (keeping_.checkpoint.empty() || saved_ == trainer_.updates()) return;
  trainer_.save(keeping_.checkpoint, more_);
  saved_ = trainer_.updates();
  next_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds_));
}

void KeptPoints::keep(reel::Keeper& keep) {
  for (std::size_t i = 0; i < curves.size(); ++i) {
    std::vector<double> x, y;
    for (const reel::report::Point& p : curves[i].points) x.push_back(p.x), y.push_back(p.y);
    keep(fmt::format("{} x", i), x);
    keep(fmt::format("{} y", i), y);
    curves[i].points.clear();
    for (std::size_t p = 0; p < std::min(x.size(), y.size()); ++p) curves[i].points.push_back({x[p], y[p]});
  }
}

}  // namespace program
