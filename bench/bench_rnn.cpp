// One recurrent layer over a whole sequence: forward and backward (train), forward alone (infer), and train with the cell written
// here as its equations (eqn); _bf16: with bf16 products, by bf16_path. One JSON line per case.
//
// Usage: bench_rnn [case-prefix] [--profile], with the thread count in REEL_THREADS (default 1). --profile prints where the time
// goes instead.
// train_ms: gradients of the weights and of x, h0 and c0; dy, h0 and c0 are inputs of the run, so that nothing folds away; the
// weights count as updated before every run and are packed again inside it. fma_gflops: a register-only loop of
// multiply-adds between the measurements, as a measure of the machine at that moment.
#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include "cases.h"

#include <reel/ops/kernels/bf16.h>
#include <reel/ops/kernels/multiply_add_rate.h>
#include <reel/plan/profile.h>
#include <reel/reel.h>

using namespace reel;

namespace {

using bench::Case;

// ---- the same cells once more, as a user would write them: one weight per gate, equations and nothing else ----

struct LstmEquations {
  Gate i, f, o, g;
  LstmEquations(ParameterSet& set, Index I, Index H)
      : i(set, "cell", "i", I, H), f(set, "cell", "f", I, H), o(set, "cell", "o", I, H), g(set, "cell", "g", I, H) {}
  struct State {
    Var h, c;
  };
  State step(Var x, const State& s) const {
    const Var c = sigmoid(f(x, s.h)) * s.c + sigmoid(i(x, s.h)) * tanh(g(x, s.h));
    return {sigmoid(o(x, s.h)) * tanh(c), c};
  }
};

struct GruEquations {
  Gate r, z, n;
  GruEquations(ParameterSet& set, Index I, Index H)
      : r(set, "cell", "r", I, H), z(set, "cell", "z", I, H), n(set, "cell", "n", I, H) {}
  using State = Var;
  Var step(Var x, Var h) const {
    const Var keep = sigmoid(z(x, h));
    return keep * h + (1.0 - keep) * tanh(n(x, sigmoid(r(x, h)) * h));
  }
};

struct ElmanEquations {
  Gate a;
  ElmanEquations(ParameterSet& set, Index I, Index H) : a(set, "cell", "a", I, H) {}
  using State = Var;
  Var step(Var x, Var h) const { return tanh(a(x, h)); }
};

// ---- measuring ----

using bench::median_ms;

Tensor<float> small_numbers(Shape shape, std::uint64_t stream) {
  RandomStream random(1, stream);
  Tensor<float> t(shape);
  for (float& x : t) x = static_cast<float>(random.uniform(-.05, .05));
  return t;
}

struct Times {
  double train = 0, infer = 0;
};

struct Run {
  int threads = 1;
  bool profile = false;
};

// Records the cell over T steps with its state as inputs, and times it.
template <class Cell, class State>
Times measure(const Case& c, const ParameterSet& set, const Cell& cell, State (*make_state)(Tape&, Index), const Run& run,
              bool infer, Precision products = Precision::full) {
  Tape tape;
  const Sequence x = tape.input("x", c.T, {B, c.I});
  State begin = make_state(tape, c.H);
  const Sequence y = unroll(cell, x, begin).outputs;
  const Sequence dy = tape.input("dy", c.T, {B, c.H});

  std::vector<Var> wrt = x;
  for (Var* v : state_parts(begin)) wrt.push_back(*v);
  for (const Parameter& p : set.all()) wrt.push_back(tape.parameter(p));
  std::vector<Var> outputs = y;
  for (const Var& g : gradients(y, dy, wrt)) outputs.push_back(g);

  auto values = set.initial<float>(1);
  const Tensor<float> x_data = small_numbers(Shape{c.T, c.B, c.I}, 1), dy_data = small_numbers(Shape{c.T, c.B, c.H}, 2);
  const Tensor<float> h_data = small_numbers(Shape{c.B, c.H}, 3), c_data = small_numbers(Shape{c.B, c.H}, 4);
  const std::vector<Binding> bindings{{"x", x_data}, {"dy", dy_data}, {"h0", h_data}, {"c0", c_data}};

  Times times;
  const CompileOptions options{.products = products};
  const auto train_plan = compile<float>(tape, outputs, options), infer_plan = compile<float>(tape, y, options);
  Workspace<float> train(train_plan, &values, ThreadPool(run.threads)), forward(infer_plan, &values, ThreadPool(run.threads));
  const auto update = [&] { values.touch(); };
  if (run.profile) {
    const double peak = kernels::multiply_add_gflops();
    fmt::print("{} train: {}\n", c.name(), profile(train_plan, train, bindings, {.before_run = update}).text(peak));
    if (infer) fmt::print("{} infer: {}\n", c.name(), profile(infer_plan, forward, bindings).text(peak));
    return times;
  }
  times.train = median_ms([&] {
    update();
    train_plan.run(train, bindings);
  });
  if (infer) times.infer = median_ms([&] { infer_plan.run(forward, bindings); });
  return times;
}

Var one_part(Tape& tape, Index H) { return tape.input("h0", {B, H}); }
template <class State>
State two_parts(Tape& tape, Index H) {
  return {tape.input("h0", {B, H}), tape.input("c0", {B, H})};
}

void run_case(const Case& c, const Run& run) {
  ParameterSet library, equations;
  Times a, b, half;  // half: in bf16
  const double rate_before = kernels::multiply_add_gflops();
  if (c.kind == "lstm") {
    const Lstm cell(library, "lstm", c.I, c.H);
    a = measure<Lstm, Lstm::State>(c, library, cell, two_parts<Lstm::State>, run, true);
    half = measure<Lstm, Lstm::State>(c, library, cell, two_parts<Lstm::State>, run, true, Precision::bf16);
    b = measure<LstmEquations, LstmEquations::State>(c, equations, LstmEquations(equations, c.I, c.H),
                                                     two_parts<LstmEquations::State>, run, false);
  } else if (c.kind == "gru") {
    const Gru cell(library, "gru", c.I, c.H);
    a = measure<Gru, Var>(c, library, cell, one_part, run, true);
    half = measure<Gru, Var>(c, library, cell, one_part, run, true, Precision::bf16);
    b = measure<GruEquations, Var>(c, equations, GruEquations(equations, c.I, c.H), one_part, run, false);
  } else {
    const Elman cell(library, "elman", c.I, c.H);
    a = measure<Elman, Var>(c, library, cell, one_part, run, true);
    half = measure<Elman, Var>(c, library, cell, one_part, run, true, Precision::bf16);
    b = measure<ElmanEquations, Var>(c, equations, ElmanEquations(equations, c.I, c.H), one_part, run, false);
  }
  if (run.profile) return;
  const double flop = c.forward_flop();
  fmt::print(
      "{{\"who\":\"reel\",\"case\":\"{}\",\"threads\":{},\"train_ms\":{:.4f},\"infer_ms\":{:.4f},\"eqn_ms\":{:.4f},"
      "\"train_bf16_ms\":{:.4f},\"infer_bf16_ms\":{:.4f},\"train_"
      "gflops\":{:.1f},"
      "\"infer_gflops\":{:.1f},\"fma_gflops\":{:.1f},\"bf16_path\":\"{}\"}}\n",
      c.name(), run.threads, a.train, a.infer, b.train, half.train, half.infer, 3 * flop / a.train / 1e6, flop / a.infer / 1e6,
      (rate_before + kernels::multiply_add_gflops()) / 2, kernels::bf16_path_name(Precision::bf16));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view prefix;
  Run run;
  for (const std::string_view argument : std::span(argv + 1, static_cast<std::size_t>(argc - 1)))
    if (argument == "--profile")
      run.profile = true;
    else
      prefix = argument;
  if (const char* threads = std::getenv("REEL_THREADS")) run.threads = std::atoi(threads);
  for (const Case& c : bench::cases(prefix)) run_case(c, run);
}
