// Beams over a decoder whose next words depend on the last one alone, with probabilities that stand here.
#include <cmath>

#include <reel/models/cells/elman.h>
#include <reel/models/generation/writer.h>
#include <reel/models/initializers.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr std::int32_t kEnd = 1;
constexpr Index V = 4;

// next[word]: the probabilities of the words after it.
Written best_text(const std::array<std::array<double, V>, V>& next, Index width, Index most) {
  ParameterSet set;
  std::vector<double> identity(V * V), logs;
  for (Index i = 0; i < V; ++i) identity[static_cast<std::size_t>(i * V + i)] = 100;
  for (const auto& row : next)
    for (double p : row) logs.push_back(std::log(p));
  const Embedding words(set, "words", V, V, init::values(identity));
  const CellOptions straight{.weights = init::zeros(), .bias = init::zeros()};
  const Elman cell(set, "cell", V, V, straight);  // h = tanh(x U): 1 for the word that was read, else 0
  const Linear head(set, "head", V, V, init::values(logs), init::zeros());
  auto values = set.initial<float>(1);
  std::ranges::transform(identity, values.edit(set.find("cell.U")).begin(), [](double x) { return static_cast<float>(x); });
  const Decoder decoder(words, cell, head);
  Writer writer(decoder, values);
  return writer.beam(writer.zeros(1), {.start = 0, .end = kEnd, .most = most}, width).at(0);
}

}  // namespace

TEST_CASE("beam: what has ended does not win over what is a little better and has not") {
  // END at once has probability .4; by way of word 2 it is .6 in the end, half a nat better.
  const Written text =
      best_text({{{1e-9, .4, .6, 1e-9}, {.25, .25, .25, .25}, {1e-9, 1 - 3e-9, 1e-9, 1e-9}, {.25, .25, .25, .25}}}, 2, 5);
  CHECK(text.ids == std::vector<std::int32_t>{2});
  CHECK(text.ended);
  CHECK(text.log_probability() == doctest::Approx(std::log(.6)));
}

TEST_CASE("beam: it goes on as long as something open may still be the best") {
  // Each of three words more costs a tenth; END at once is worth .5.
  const Written text =
      best_text({{{1e-9, .45, .55, 1e-9}, {.25, .25, .25, .25}, {1e-9, 1e-9, 1e-9, 1}, {1e-9, .95, .05, 1e-9}}}, 3, 6);
  CHECK(text.ids == std::vector<std::int32_t>{2, 3});
  CHECK(text.log_probability() == doctest::Approx(std::log(.55 * .95)).epsilon(1e-4));
}
