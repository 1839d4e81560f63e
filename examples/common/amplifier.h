// A guitar and its amplifier, both made of formulas: what a small network learns to imitate, sample by sample.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <reel/models/model_file.h>
#include <reel/reel.h>

namespace amplifier {

using namespace reel;

constexpr int kRate = 48000;  // samples a second

// Plucked strings (Karplus and Strong, 1983): notes and chords, loud and soft, with pauses. Within [-1, 1].
std::vector<float> guitar(double seconds, std::uint64_t seed);

// The amplifier: a high-pass filter at 80 Hz, a gain that sags where it was loud, tanh around a bias, and a low-pass filter at 5
// kHz.
//
//   u_t = x_t - x_(t-1) + r u_(t-1)           r = exp(-2 pi 80 / rate)
//   s_t = s_(t-1) + a (|u_t| - s_(t-1))       a of 50 ms
//   v_t = .75 (tanh(g u_t / (1 + 4 s_t) + .3) - tanh(.3))
//   y_t = y_(t-1) + b (v_t - y_(t-1))         b = 1 - exp(-2 pi 5000 / rate)
std::vector<float> amplified(std::span<const float> x, double gain);

// Energy of the difference over that of the signal.
double error_to_signal(std::span<const float> y, std::span<const float> truth);

// x [B, 1] -> y [B, 1] = x + LSTM(x) w + b, sample by sample.
class Model {
 public:
  explicit Model(Index units) : cell_(params_, "lstm", 1, units), head_(params_, "head", units, 1) {}
  const ParameterSet& params() const { return params_; }
  Index units() const { return cell_.units(); }

  // With the state carried from run to run.
  Sequence record(Tape& tape, const Sequence& x) const;
  // Mean squared error of `steps` steps x [T, B, 1] against y [T, B, 1], over `energy`.
  Var loss(Tape& tape, Index steps, double energy) const;

 private:
  ParameterSet params_;
  Lstm cell_;
  Linear head_;
};

Record description(const Model& model, double gain);
struct Described {
  Index units;
  double gain;
};
Described described(const SafetensorsFile& file);  // FileError where the file describes no such model

}  // namespace amplifier
