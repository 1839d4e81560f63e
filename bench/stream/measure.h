// How long a step takes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace stream_bench {

using Clock = std::chrono::steady_clock;

inline double ns_since(Clock::time_point start) { return std::chrono::duration<double, std::nano>(Clock::now() - start).count(); }

inline double quantile(std::vector<double> x, double q) {
  const auto at = x.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(x.size() - 1));
  std::nth_element(x.begin(), at, x.end());
  return *at;
}

// Of a call to the clock.
inline double clock_ns() {
  std::vector<double> times;
  for (int i = 0; i < 10000; ++i) times.push_back(ns_since(Clock::now()));
  return quantile(times, .5);
}

struct Times {
  double median, p999, worst;
};

template <class Step>
Times measure(Step step) {
  for (int i = 0; i < 1000; ++i) step(i);
  Clock::time_point start = Clock::now();
  for (int i = 0; i < 1000; ++i) step(i);
  const int stretch = std::clamp(static_cast<int>(100e3 / (ns_since(start) / 1000)), 10, 10000);  // about 100 us
  std::vector<double> stretches, steps;
  for (int s = 0; s < 200; ++s) {
    start = Clock::now();
    for (int i = 0; i < stretch; ++i) step(i);
    stretches.push_back(ns_since(start) / stretch);
  }
  const double own = clock_ns();
  for (int i = 0; i < 100000; ++i) {
    start = Clock::now();
    step(i);
    steps.push_back(std::max(ns_since(start) - own, 0.));
  }
  return {quantile(stretches, .5), quantile(steps, .999), quantile(steps, 1)};
}

inline void print(const char* who, const std::string& name, const Times& t) {
  std::printf("{\"who\":\"%s\",\"case\":\"%s\",\"step_ns\":%.1f,\"p999_ns\":%.1f,\"worst_ns\":%.1f}\n", who, name.c_str(),
              t.median, t.p999, t.worst);
  std::fflush(stdout);
}

// Inputs, one for each step, over and over.
constexpr int kInputs = 64;
inline void fill(float (&x)[kInputs]) {
  for (int i = 0; i < kInputs; ++i) x[i] = static_cast<float>(i * 37 % 64) / 32 - 1;
}

}  // namespace stream_bench
