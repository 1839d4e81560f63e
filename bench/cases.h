// The recurrent layers that the benchmarks time, and how.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

struct Case {
  std::string_view kind;  // lstm, gru or elman
  long B, T, I, H;

  std::string name() const {
    return std::string(kind) + "_b" + std::to_string(B) + "_t" + std::to_string(T) + "_i" + std::to_string(I) + "_h" +
           std::to_string(H);
  }
  int gates() const { return kind == "lstm" ? 4 : kind == "gru" ? 3 : 1; }
  // Of the products of one forward pass; the backward pass has twice as many.
  double forward_flop() const { return 2.0 * static_cast<double>(B * T * (I + H) * H) * gates(); }
};

// Those whose name begins with the prefix; where there are none, the one of that name: "lstm_b1_t64_i512_h512".
inline std::vector<Case> cases(std::string_view prefix) {
  std::vector<Case> result;
  for (const std::string_view kind : {"lstm", "gru", "elman"})
    for (const Case& c :
         {Case{kind, 1, 25, 65, 100}, Case{kind, 32, 64, 128, 256}, Case{kind, 64, 64, 256, 512}, Case{kind, 200, 10, 2, 16}})
      if (c.name().starts_with(prefix)) result.push_back(c);
  if (!result.empty()) return result;
  for (const std::string_view kind : {"lstm", "gru", "elman"}) {
    Case c{kind, 0, 0, 0, 0};
    const std::string form = std::string(kind) + "_b%ld_t%ld_i%ld_h%ld";
    if (std::sscanf(std::string(prefix).c_str(), form.c_str(), &c.B, &c.T, &c.I, &c.H) == 4 && c.name() == prefix)
      result.push_back(c);
  }
  return result;
}

inline double median(std::vector<double> v) {
  std::ranges::nth_element(v, v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2));
  return v[v.size() / 2];
}

// Milliseconds of one call: the median over at least 0.7 s.
template <class F>
double median_ms(const F& f) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point t) { return std::chrono::duration<double, std::milli>(Clock::now() - t).count(); };
  f(), f();
  std::vector<double> times;
  for (const auto begin = Clock::now(); since(begin) < 700 || times.size() < 5;) {
    const auto start = Clock::now();
    f();
    times.push_back(since(start));
  }
  return median(times);
}

}  // namespace bench
