#include "common/amplifier.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "common/keeping.h"

namespace amplifier {

std::vector<float> guitar(double seconds, std::uint64_t seed) {
  RandomStream random(seed, 0, RandomUse::data);
  std::vector<double> all(static_cast<std::size_t>(seconds * kRate));
  const auto pluck = [&](std::size_t start, double frequency, double loudness, double brightness) {
    std::vector<double> string(static_cast<std::size_t>(kRate / frequency));
    for (double& x : string) x = random.uniform(-1, 1);
    for (int pass = 0; pass < static_cast<int>(8 * (1 - brightness)); ++pass)  // a softer finger
      for (std::size_t i = 0; i < string.size(); ++i) string[i] = .5 * (string[i] + string[(i + 1) % string.size()]);
    std::size_t at = 0;
    for (std::size_t t = start; t < all.size(); ++t) {
      all[t] += loudness * string[at];
      const std::size_t next = (at + 1) % string.size();
      string[at] = .4985 * (string[at] + string[next]);
      at = next;
    }
  };
  constexpr int kChord[] = {0, 7, 12, 16};  // half-tones
  for (double t = 0; t < seconds; t += random.uniform(.1, .6)) {
    const auto start = static_cast<std::size_t>(t * kRate);
    const double root = 82.41 * std::exp2(static_cast<double>(random.below(25)) / 12), loudness = random.uniform(.05, .4),
                 brightness = random.uniform();
    if (random.below(4) == 0) {
      for (int tone : kChord) pluck(start, root * std::exp2(tone / 12.), .5 * loudness, brightness);
    } else {
      pluck(start, root, loudness, brightness);
    }
    if (random.below(6) == 0) t += random.uniform(.3, 1);
  }
  std::vector<float> x;
  for (double v : all) x.push_back(static_cast<float>(std::clamp(v, -1., 1.)));
  return x;
}

std::vector<float> amplified(std::span<const float> x, double gain) {
  constexpr double kTurn = 2 * std::numbers::pi / kRate, kBias = .3;
  const double r = std::exp(-kTurn * 80), a = 1 - std::exp(-1. / (.05 * kRate)), b = 1 - std::exp(-kTurn * 5000);
  double before = 0, u = 0, sag = 0, y = 0;
  std::vector<float> out;
  for (float now : x) {
    u = now - before + r * u;
    before = now;
    sag += a * (std::abs(u) - sag);
    const double v = .75 * (std::tanh(gain * u / (1 + 4 * sag) + kBias) - std::tanh(kBias));
    y += b * (v - y);
    out.push_back(static_cast<float>(y));
  }
  return out;
}

double error_to_signal(std::span<const float> y, std::span<const float> truth) {
  double error = 0, signal = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double t = truth[i], d = y[i] - t;
    error += d * d;
    signal += t * t;
  }
  return error / signal;
}

Sequence Model::record(Tape& tape, const Sequence& x) const {
  const auto run = unroll(cell_, x, carried_state(tape, cell_, "state"));
  Sequence y;
  for (std::size_t t = 0; t < x.size(); ++t) y.push_back(x[t] + head_(run.outputs[t]));
  return y;
}

Var Model::loss(Tape& tape, Index steps, double energy) const {
  const Sequence x = tape.input("x", steps, {B, 1}), truth = tape.input("y", steps, {B, 1}), y = record(tape, x);
  std::vector<Var> errors;
  for (std::size_t t = 0; t < y.size(); ++t) errors.push_back(square(y[t] - truth[t]));
  return mean(accumulate(errors)) / (energy * static_cast<double>(steps));
}

Record description(const Model& model, double gain) {
  Record r;
  r.set("program", "stream").set("units", model.units()).set("gain", gain);
  return r;
}

Described described(const SafetensorsFile& file) {
  const Record r = program::load_description(file, "stream");
  return {r.count("units"), r.real("gain")};
}

}  // namespace amplifier
