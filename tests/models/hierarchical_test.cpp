#include <reel/models/cells/lstm.h>
#include <reel/models/hierarchical.h>
#include <reel/models/lengths.h>
#include <reel/models/parameter_set.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/elementary.h>
#include <reel/ops/reduction.h>
#include <reel/ops/selection.h>

#include "models/cells/cell_table.h"
#include "models/evaluated_twice.h"
#include "models/plain_loops.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr Index rows = 3, I = 2;
constexpr Index kSteps[] = {3, 2, 2};  // of each chunk
// Words of each row in each chunk, so that rows fall in length in every one, and how many chunks each has.
constexpr Index kWords[3][rows] = {{3, 3, 2}, {2, 1, 0}, {2, 0, 0}};
constexpr Index kChunks[rows] = {3, 2, 1};

struct Chunks {
  Tape tape;
  ParameterSet set;
  Lstm lower{set, "lower", I, 4, drawn()}, upper{set, "upper", 4, 3, drawn()};
  Hierarchical network{lower, upper};
  ParameterValues<double> values = set.initial<double>(2);
  std::vector<Sequence> chunks;
  std::vector<Tensor<double>> numbers;
  Data data;

  Chunks() {
    for (std::size_t c = 0; c < 3; ++c) {
      chunks.push_back(tape.input(fmt::format("chunk{}", c), kSteps[c], {B, I}));
      numbers.push_back(random_tensor(Shape{kSteps[c], rows, I}, 20 + c));
      data.add(fmt::format("chunk{}", c), numbers.back());
    }
  }

  // What the lower cell makes of chunk c of a row, and the upper one of all its chunks.
  plain::Row lower_alone(std::size_t c, Index row, Index words) const {
    plain::Memory s{plain::zeros(4), plain::zeros(4)};
    for (Index t = 0; t < words; ++t)
      s = plain::step(plain::Numbers(values), lower, plain::row_of(numbers[c], t, rows, row, I), s);
    return s.h;
  }
  plain::Row alone(Index row, bool whole) const {
    plain::Memory s{plain::zeros(3), plain::zeros(3)};
    for (std::size_t c = 0; c < (whole ? 3 : static_cast<std::size_t>(kChunks[row])); ++c)
      s = plain::step(plain::Numbers(values), upper, lower_alone(c, row, whole ? kSteps[c] : kWords[c][row]), s);
    return s.h;
  }
  std::vector<double> all_alone(bool whole) const {
    std::vector<double> all;
    for (Index r = 0; r < rows; ++r)
      for (double x : alone(r, whole).v) all.push_back(x);
    return all;
  }

  // Lengths of `have` rows per step, from how long each row is.
  Lengths lengths(const std::string& name, Index steps, const Index (&of_row)[rows], bool pack) {
    Tensor<std::int32_t> counts(Shape{steps});
    Tensor<double> mask(Shape{steps, rows});
    for (Index t = 0; t < steps; ++t)
      for (Index r = 0; r < rows; ++r)
        if (t < of_row[r]) ++counts[t], mask[t * rows + r] = 1;
    if (pack) {
      data.add(name, counts);
      return Lengths::packed(tape.row_counts(name, steps));
    }
    data.add(name, mask);
    return Lengths::padded(tape.input(name, steps, {B}));
  }
};

}  // namespace

TEST_CASE("hierarchical: equals plain loops over the chunks") {
  Chunks c;
  const auto run = c.network(c.chunks);
  std::vector<ExpectedVar> expected{{"output", c.network.output(run), c.all_alone(true)}};
  for (std::size_t k = 0; k < 3; ++k) {
    std::vector<double> all;
    for (Index r = 0; r < rows; ++r)
      for (double x : c.lower_alone(k, r, kSteps[k]).v) all.push_back(x);
    expected.push_back({fmt::format("chunk {}", k), run.chunks[k], all});
  }
  check_twice(c.tape, expected, c.data, &c.values, 1e-14);
}

TEST_CASE("hierarchical: with lengths of words and of chunks every row equals itself alone") {
  for (const bool pack : {false, true}) {
    CAPTURE(pack);
    Chunks c;
    std::vector<Lengths> words;
    for (std::size_t k = 0; k < 3; ++k) words.push_back(c.lengths(fmt::format("words{}", k), kSteps[k], kWords[k], pack));
    const auto run = c.network(c.chunks, words, c.lengths("chunks", 3, kChunks, pack));
    const Var y = c.network.output(run);
    check_twice(c.tape, {{"output", y, c.all_alone(false)}}, c.data, &c.values, 1e-14);
    std::vector<Var> wrt{c.chunks[0][0], c.chunks[0][2], c.chunks[1][1], c.chunks[2][0]};
    for (const Parameter& p : c.set.all()) wrt.push_back(c.tape.parameter(p));
    const Var loss = sum(square(y)) + 0.3 * sum(y);
    check_gradient(loss, wrt, c.data, &c.values);
    std::vector<Var> outputs = gradients(loss, wrt);
    outputs.push_back(y);
    check_plan(c.tape, outputs, c.data, &c.values, &c.set);
  }
}

TEST_CASE("hierarchical: refuses no chunk, an empty chunk and lengths of other chunks") {
  Chunks c;
  check_throws<InputError>([&] { c.network({}); }, {"Hierarchical", "no chunk"});
  check_throws<InputError>([&] { c.network({c.chunks[0], Sequence()}); }, {"chunk 1", "T = 0"});
  check_throws<InputError>([&] { c.network(c.chunks, {Lengths(), Lengths()}); }, {"3 chunks", "2"});
}
