// Learns to imitate a guitar amplifier, then runs as a stream at 48 kHz: sample by sample, in real time.
#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "common/amplifier.h"
#include "common/keeping.h"
#include "common/program.h"
#include "common/wav.h"

#include <reel/export/emit_cpp.h>
#include <reel/plan/stream/stream.h>
#include <reel/report/heat_map.h>
#include <reel/report/line_chart.h>

using namespace reel;
using namespace amplifier;

namespace {

struct Settings {
  Index units = 16, rows = 48, length = 128, epochs = 120;
  double seconds = 30, play = 5, gain = 12, lr = 5e-3;
  std::string wav, emit;
  program::Common common;
  program::Keeping keeping;
};

// A signal and what the amplifier makes of it, cut into `rows` streams of equal length.
class Recording {
 public:
  Recording(const Settings& s)
      : rows_(s.rows), length_(s.length), x_(guitar(s.seconds, s.common.seed)), y_(amplified(x_, s.gain)) {
    each_ = static_cast<Index>(x_.size()) / rows_;
    if (windows() < 1)
      throw InputError(fmt::format("{} s are {} samples; {} streams with windows of {} need {} or more", s.seconds, x_.size(),
                                   rows_, length_, rows_ * length_));
  }
  Index windows() const { return each_ / length_; }  // of a pass
  double energy() const {
    double sum = 0;
    for (float y : y_) sum += static_cast<double>(y) * y;
    return std::max(sum / static_cast<double>(y_.size()), 1e-12);
  }
  Tensor<float> input(Index window) const { return cut(x_, window); }
  Tensor<float> target(Index window) const { return cut(y_, window); }

 private:
  Tensor<float> cut(const std::vector<float>& signal, Index window) const {
    Tensor<float> part(Shape{length_, rows_, 1});
    for (Index t = 0; t < length_; ++t)
      for (Index r = 0; r < rows_; ++r) part(t, r, 0) = signal[static_cast<std::size_t>(r * each_ + window * length_ + t)];
    return part;
  }
  Index rows_, length_, each_ = 0;
  std::vector<float> x_, y_;
};

void learn(Trainer<float>& trainer, const Recording& recording, const Settings& s, report::Page& page) {
  report::LineChart losses{
      .title = "Error over signal while it learns", .x_label = "pass", .log_y = true, .curves = {{.name = "training"}}};
  double sum = 0;
  program::Checkpoints checkpoints(trainer, s.keeping, [&](Keeper& keep) {
    program::KeptPoints points{losses.curves};
    keep("losses", points);
    keep("sum", sum);
  });
  checkpoints.resume();
  const Index windows = recording.windows(), all = s.epochs * windows, before = trainer.updates();
  program::Progress progress(all - before);
  while (trainer.updates() < all && !program::interrupted()) {
    const Index window = trainer.updates() % windows, pass = trainer.updates() / windows + 1;
    if (window == 0) {
      trainer.reset_state();
      sum = 0;
    }
    sum += trainer.step({{"x", recording.input(window)}, {"y", recording.target(window)}}, s.length);
    if (window + 1 == windows) {
      losses.curves[0].points.push_back({static_cast<double>(pass), sum / static_cast<double>(windows)});
      page.set("loss", losses);
      page.write_now_and_then();
    }
    checkpoints.update();
    progress.update(trainer.updates() - before, [&] {
      return fmt::format("pass {:>3}/{}  error over signal {:.4f}", pass, s.epochs, sum / static_cast<double>(window + 1));
    });
  }
  progress.finish(page);
  checkpoints.finish();
}

// Of real numbers; their count is a power of two.
std::vector<std::complex<double>> fourier(std::vector<std::complex<double>> x) {
  const std::size_t n = x.size();
  if (n == 1) return x;
  std::vector<std::complex<double>> even, odd;
  for (std::size_t i = 0; i < n; i += 2) even.push_back(x[i]), odd.push_back(x[i + 1]);
  even = fourier(std::move(even));
  odd = fourier(std::move(odd));
  for (std::size_t k = 0; k < n / 2; ++k) {
    const auto turned = std::polar(1., -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n)) * odd[k];
    x[k] = even[k] + turned;
    x[k + n / 2] = even[k] - turned;
  }
  return x;
}

// In decibels, by bands of 281 Hz.
report::HeatMap spectrogram(const std::string& title, std::span<const float> y) {
  constexpr std::size_t kWindow = 1024, kBands = 48, kBins = 6, kColumns = 150;
  report::HeatMap map{.title = title,
                      .values = std::vector<double>(kBands * kColumns),
                      .diverging = false,
                      .caption = "Strength in dB; time from left to right, tones from 0 to 13.5 kHz from bottom to top."};
  map.rows.resize(kBands);
  map.columns.resize(kColumns);
  for (std::size_t c = 0; c < kColumns; ++c) {
    const std::size_t first = y.size() <= kWindow ? 0 : c * (y.size() - kWindow) / kColumns;
    std::vector<std::complex<double>> window;
    for (std::size_t i = 0; i < kWindow; ++i) {
      const double shape = .5 - .5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / kWindow);
      window.emplace_back(first + i < y.size() ? shape * static_cast<double>(y[first + i]) : 0);
    }
    const auto tones = fourier(std::move(window));
    for (std::size_t band = 0; band < kBands; ++band) {
      double energy = 0;
      for (std::size_t bin = 0; bin < kBins; ++bin) energy += std::norm(tones[band * kBins + bin]);
      map.values[(kBands - band - 1) * kColumns + c] = std::max(10 * std::log10(energy + 1e-12), -50.);
    }
  }
  return map;
}

report::LineChart waveforms(std::span<const float> x, std::span<const float> y, std::span<const float> truth) {
  // The loudest 10 ms.
  constexpr std::size_t kShown = kRate / 100;
  const auto peak = static_cast<std::size_t>(std::ranges::max_element(truth) - truth.begin());
  const std::size_t first = truth.size() <= kShown ? 0 : std::min(peak - std::min(peak, kShown / 2), truth.size() - kShown);
  report::LineChart chart{.title = "10 ms of the held-out signal",
                          .x_label = "ms",
                          .curves = {{.name = "guitar"}, {.name = "amplifier"}, {.name = "stream"}}};
  for (std::size_t i = first; i < std::min(first + kShown, truth.size()); ++i) {
    const double ms = 1000. * static_cast<double>(i) / kRate;
    chart.curves[0].points.push_back({ms, x[i]});
    chart.curves[1].points.push_back({ms, truth[i]});
    chart.curves[2].points.push_back({ms, y[i]});
  }
  return chart;
}

// Sample by sample, as a sound card asks for them.
void play(const Model& model, const ParameterValues<float>& values, const Settings& s, report::Page& page) {
  Tape tape;
  const Var y = model.record(tape, tape.input("x", 1, {B, 1})).back();
  const StreamModel<float> served({{"y", y}}, &values);
  Stream<float> stream(served);
  const std::vector<float> x = guitar(s.play, s.common.seed + 1), truth = amplified(x, s.gain);
  std::vector<float> out(x.size());
  std::vector<double> times;
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto start = Clock::now();
    if (!stream.step(std::span(x).subspan(i, 1), std::span(out).subspan(i, 1))) throw Error("a step failed");
    times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count(), error = error_to_signal(out, truth);
  std::ranges::sort(times);
  const double median = times[times.size() / 2], worst = times.back(), p999 = times[times.size() * 999 / 1000];
  const double faster = static_cast<double>(x.size()) / kRate / seconds;
  fmt::print("{:.1f} s of sound at {} Hz, sample by sample, in {:.3f} s: {:.0f} times real time\n", s.play, kRate, seconds,
             faster);
  fmt::print("a step: median {:.0f} ns, 99.9% below {:.0f} ns, worst {:.1f} us; a sample lasts {:.1f} us\n", 1e9 * median,
             1e9 * p999, 1e6 * worst, 1e6 / kRate);
  fmt::print("error over signal, held out: {:.4f} ({:.1f} dB)\n", error, 10 * std::log10(error));
  page.result("error over signal, held out", fmt::format("{:.4f}", error));
  page.result("times real time", fmt::format("{:.0f}", faster));
  page.result("step: median, worst", fmt::format("{:.0f} ns, {:.1f} us", 1e9 * median, 1e6 * worst));
  page.set("waveforms", waveforms(x, out, truth));
  page.set("amplifier", spectrogram("The amplifier", truth));
  page.set("stream", spectrogram("The stream", out));
  if (!s.wav.empty()) {
    std::vector<float> three = x;  // the guitar, the amplifier, the stream, one after the other
    three.insert(three.end(), truth.begin(), truth.end());
    three.insert(three.end(), out.begin(), out.end());
    program::write_wav(s.wav, three, kRate);
    fmt::print("{}: the guitar, the amplifier, and the stream, {:.1f} s each\n", s.wav, s.play);
  }
  if (!s.emit.empty()) {
    write_file(s.emit, emit_cpp({{"y", y}}, values, {.name = "amplifier", .description = "A guitar amplifier at 48 kHz."}));
    fmt::print("{}: the step as C++\n", s.emit);
  }
}

void learn_and_play(const CLI::App& app, Settings s) {
  const auto file = program::open(s.keeping);
  if (file) {
    const Described d = described(*file);
    s.units = d.units;
    s.gain = d.gain;
  }
  program::require_work(s.keeping, s.epochs, "passes");
  const Model model(s.units);
  auto page = program::make_page(app, s.common, "Amplifier", "a small LSTM, sample by sample");
  const Recording recording(s);
  const double energy = recording.energy();
  const Builder builder([&](Tape& tape, Index steps) { return model.loss(tape, steps, energy); });
  Trainer<float> trainer(builder, model.params(), Adam{.lr = s.lr}, ClipNorm{1},
                         {.seed = s.common.seed,
                          .threads = s.common.make_threads(),
                          .schedule = program::rise_and_fall(s.epochs * recording.windows(), 100),
                          .products = s.common.products});
  if (file) load_model(*file, model.params(), trainer.parameters());
  page.setting("parameters", fmt::format("{}", model.params().elements()));
  learn(trainer, recording, s, page);
  if (!s.keeping.save.empty()) save_model(s.keeping.save, model.params(), trainer.parameters(), description(model, s.gain));
  play(model, trainer.parameters(), s, page);
  page.finish();
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("Learns to imitate a guitar amplifier, then runs at 48 kHz, sample by sample.", "stream");
  app.add_option("--units", s.units, "Units of the LSTM")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--seconds", s.seconds, "Of sound to learn")->check(program::between(0.1, 600.0))->capture_default_str();
  app.add_option("--epochs", s.epochs, "Passes over it")->check(CLI::Range(0, 100000))->capture_default_str();
  app.add_option("--batch", s.rows, "Streams that it is cut into")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--length", s.length, "Steps of a training window")->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--lr", s.lr, "Learning rate, at its highest")->check(program::at_least(0))->capture_default_str();
  app.add_option("--gain", s.gain, "Of the amplifier")->check(program::between(0.1, 1000.0))->capture_default_str();
  app.add_option("--play", s.play, "Seconds of other sound to play")->check(program::between(0.1, 600.0))->capture_default_str();
  app.add_option("--wav", s.wav, "A file to listen to: the guitar, the amplifier, and the stream")->check(program::not_empty());
  app.add_option("--emit", s.emit, "A header of C++ with the step")->check(program::not_empty());
  program::add_common(app, s.common);
  program::add_precision(app, s.common);
  program::add_keeping(app, s.keeping);
  for (const char* option : {"--units", "--gain"}) app.get_option(option)->excludes(app.get_option("--load"));
  return program::run(app, argc, argv, [&] { learn_and_play(app, s); });
}
