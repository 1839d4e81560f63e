#include <reel/models/generation/captioner.h>

#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/convolution.h>
#include <reel/models/generation/decoder.h>
#include <reel/models/generation/writer.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/joining.h>
#include <reel/ops/loss.h>
#include <reel/ops/reduction.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index rows = 2, T = 3, V = 6, D = 3;
const CaptionerOptions kSmall{.features = D, .words = V, .word_size = 2, .units = 4};

CaptionerOptions with_cell(const std::string& kind) {
  CaptionerOptions o = kSmall;
  o.cell = kind;
  return o;
}

// Images of 4 x 5 pixels and teacher-forced captions.
struct Captions {
  Tape tape;
  ParameterSet set;
  ImageCnn cnn{set, "cnn", 4, 5, 1, {2}, D};
  Captioner captioner;
  Var image = tape.input("image", {B, 4, 5, 1});
  AnyCell::State seen;
  Sequence words = tape.ids("words", T, {B}), logits;
  Data data;
  ParameterValues<double> values;

  explicit Captions(const std::string& kind) : captioner(set, "c", cnn, with_cell(kind)) {
    seen = captioner.see(image);
    logits = captioner.decoder().logits(words, seen);
    data.add("image", random_tensor({rows, 4, 5, 1}, 1)).add("words", random_ids({T, rows}, 2, V));
    values = set.initial<double>(3);
    for (const char* bias : {"cnn.0.b", "cnn.features.b"})  // away from ReLU's kink
      std::ranges::fill(values.edit(set.find(bias)), 0.4);
  }
};

}  // namespace

TEST_CASE("Captioner: gradients through the decoder into the image, for every cell") {
  for (const std::string& kind : cell_names()) {
    CAPTURE(kind);
    Captions c(kind);
    const Var loss = cross_entropy(c.logits, c.words);
    std::vector<Var> wrt{c.image};
    for (const Parameter& p : c.set.all()) wrt.push_back(c.tape.parameter(p));
    check_gradient(loss, wrt, c.data, &c.values);
    std::vector<Var> outputs = gradients(loss, wrt);
    outputs.push_back(stack(c.logits));
    check_plan(c.tape, outputs, c.data, &c.values, &c.set);
    // Every parameter takes part.
    const auto run = interpret<double>(c.tape, c.data.bindings<double>(), &c.values);
    for (std::size_t i = 0; i < wrt.size(); ++i) {
      CAPTURE(c.tape.describe(wrt[i].id()));
      const auto g = run.value(outputs[i]);
      CHECK(std::any_of(g.begin(), g.end(), [](double x) { return x != 0; }));
    }
  }
}

TEST_CASE("Captioner: the image reaches the first step only, and later ones through the state") {
  for (const char* kind : {"elman", "gru", "lstm"}) {
    CAPTURE(kind);
    Captions c(kind);
    AnyCell::State state = c.seen;
    for (std::size_t t = 0; t < T; ++t) {
      const Decoder::Step next = c.captioner.decoder().step(c.words[t], state);
      // With the state's other parts held, what comes out depends on the image through "first" alone.
      const Var effect = gradient(sum(square(next.logits)), state.vars.back());
      const auto run = interpret<double>(c.tape, c.data.bindings<double>(), &c.values);
      const auto seen = run.value(state.vars.back());
      CHECK(std::any_of(seen.begin(), seen.end(), [](double x) { return x != 0; }) == (t == 0));
      const auto g = run.value(effect);
      CHECK(std::any_of(g.begin(), g.end(), [](double x) { return x != 0; }));  // it would see another image here too
      state = next.state;
    }
    const Var later = gradient(sum(square(c.logits.back())), c.image);
    const auto run = interpret<double>(c.tape, c.data.bindings<double>(), &c.values);
    const auto g = run.value(later);
    CHECK(std::any_of(g.begin(), g.end(), [](double x) { return x != 0; }));
  }
}

TEST_CASE("Captioner: the state before START is zeros and the image's features") {
  Captions c("lstm");
  REQUIRE(c.seen.vars.size() == 3);
  const auto run = interpret<double>(c.tape, c.data.bindings<double>(), &c.values);
  for (std::size_t part : {0u, 1u}) check_close(run.value(c.seen.vars[part]), std::vector<double>(rows * 4, 0.0), 0);
  const Var v = c.cnn(c.image);
  const auto again = interpret<double>(c.tape, c.data.bindings<double>(), &c.values);
  check_close(again.value(c.seen.vars[2]), {again.value(v).begin(), again.value(v).end()}, 0);
}

TEST_CASE("Captioner: what sees must make the features that were promised") {
  Tape tape;
  ParameterSet set;
  const Captioner c(set, "c", ImageCnn(set, "cnn", 4, 5, 1, {2}, D + 1), kSmall);
  check_throws<ShapeError>(
      [&] {
        c.see(tape.input("image", {B, 4, 5, 1}));
      },
      {"Captioner c", "[B, 3]", "[B, 4]", "captioner_test.cpp"});
  check_throws<InputError>([&] { Captioner(set, "d", ImageCnn(set, "see", 4, 5, 1, {2}, D), with_cell("rnn")); },
                           {"\"rnn\"", "elman", "lstm"});
  check_throws<InputError>([&] { Captioner(set, "e", ImageCnn(set, "eye", 4, 5, 1, {2}, D), {.words = 4}); },
                           {"Captioner e", "features", "0"});
  check_throws<InputError>([&] { Captioner(set, "f", nullptr, kSmall); }, {"Captioner f", "sees"});
}

TEST_CASE("Captioner: a writer writes from what was seen, each word as likely as by teacher forcing") {
  for (const std::string& kind : cell_names()) {
    CAPTURE(kind);
    Captions c(kind);
    const auto seeing = compile<float>(c.tape, c.seen.vars);
    const ParameterValues<float> values = converted<float>(c.set, c.values);
    Workspace<float> workspace(seeing, &values);
    seeing.run(workspace, c.data.bindings<float>());
    HostState state;
    for (const Var& part : c.seen.vars) {
      const auto v = workspace.value(part);
      state.emplace_back(v.shape(), std::span<const float>(v.data(), static_cast<std::size_t>(v.size())));
    }
    Writer writer(c.captioner.decoder(), values);
    const WriteLimits limits{.start = 0, .end = -1, .most = T};
    const auto greedy = writer.greedy(state, limits), beam = writer.beam(state, limits, V * V);
    // The same words by teacher forcing, each row its own.
    for (const auto& texts : {greedy, beam}) {
      Tensor<std::int32_t> read(Shape{T, rows});
      for (Index t = 1; t < T; ++t)
        for (Index r = 0; r < rows; ++r)
          read[t * rows + r] = texts[static_cast<std::size_t>(r)].ids[static_cast<std::size_t>(t - 1)];
      std::vector<Binding> bindings = c.data.bindings<double>();
      for (Binding& b : bindings)
        if (b.name == "words") b = Binding{"words", read};
      const auto run = interpret<double>(c.tape, bindings, &c.values);
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t t = 0; t < T; ++t) {
          const double* logits = run.value(c.logits[t]).data() + static_cast<Index>(r) * V;
          double total = 0;
          for (Index v = 0; v < V; ++v) total += std::exp(logits[v]);
          CHECK(std::abs(texts[r].log_probabilities[t] - (logits[texts[r].ids[t]] - std::log(total))) < 1e-5);
        }
    }
    for (std::size_t r = 0; r < rows; ++r) CHECK(beam[r].log_probability() >= greedy[r].log_probability() - 1e-6);
  }
}
