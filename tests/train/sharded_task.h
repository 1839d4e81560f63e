// What ranks and processes learn alike, bit for bit: four models whose batches are dealt to shards.
#pragma once

#include <memory>
#include <string>

#include <reel/data/own_rows.h>
#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/cells/deep.h>
#include <reel/models/layers.h>
#include <reel/models/parameter_set.h>
#include <reel/models/unroll.h>
#include <reel/ops/dropout.h>
#include <reel/ops/loss.h>
#include <reel/train/trainer.h>

namespace reel::test {

class ShardedTask {
 public:
  static constexpr Index kSymbols = 7, kSteps = 6, kRows = 13, kUnits = 10;
  static std::vector<std::string> names() { return {"lstm", "gru", "packed", "jordan"}; }

  explicit ShardedTask(const std::string& name)
      : name_(name),
        cell_(name == "jordan" ? AnyCell(Deep({make_cell("lstm", set_, "first", kUnits, kUnits),
                                               make_cell("jordan", set_, "second", kUnits, kUnits)}))
                               : make_cell(name == "gru" ? "gru" : "lstm", set_, "cell", kUnits, kUnits)),
        table_(set_, "table", kSymbols, kUnits),
        head_(set_, "head", kUnits, kSymbols) {}

  const ParameterSet& set() const { return set_; }
  Builder builder() const {
    return [this](Tape& tape, Index steps, Mode mode) { return record(tape, steps, mode); };
  }

  // The rows of one update's batch that are here.
  std::vector<Binding> batch(Index update, const DealtRows& rows) const {
    RandomStream random(31, static_cast<std::uint64_t>(update));
    if (name_ == "packed") {
      std::vector<std::vector<std::int32_t>> sequences(kRows);
      for (auto& s : sequences)
        for (Index n = 1 + random.below(kSteps); n > 0; --n) s.push_back(static_cast<std::int32_t>(random.below(kSymbols)));
      sequences[0].resize(kSteps, 1);
      const SequenceBatch own = own_rows(rows, sequence_batch(sequences, kSteps));
      return {{"x", Tensor(own.ids)}, {"y", Tensor(own.ids)}, {"counts", Tensor(own.counts)}};
    }
    Tensor<std::int32_t> x({kSteps, kRows}), y({kSteps, kRows});
    for (std::int32_t& id : x) id = static_cast<std::int32_t>(random.below(kSymbols));
    for (Index i = 0; i < y.size(); ++i) y[i] = i < kRows ? 0 : (x[i] + x[i - kRows]) % kSymbols;
    return {{"x", own_rows_of_steps(rows, x)}, {"y", own_rows_of_steps(rows, y)}};
  }

  Trainer<float> trainer(Sharding sharding, int threads, bool recompute = false, double lr = .01) const {
    return Trainer<float>(builder(), set_, Adam{.lr = lr}, ClipNorm{.5},
                          {.seed = 4,
                           .threads = ThreadPool(threads),
                           .weight_decay = {.rate = .01},
                           .schedule = schedule::warmup(5, schedule::constant()),
                           .recompute = recompute ? Recompute(true) : Recompute(),
                           .sharding = sharding});
  }

 private:
  Var record(Tape& tape, Index steps, Mode mode) const {
    const Sequence x = map_steps(tape.ids("x", steps, {B}), [&](Var id) { return table_(id); });
    const Sequence y = tape.ids("y", steps, {B});
    if (name_ != "packed") {
      const double rate = name_ == "gru" ? .3 : 0;
      // One mask of every row, and one of its own for each.
      const Var common = rate > 0 && mode == Mode::training ? dropout_mask(tape, {kUnits}, rate) : Var();
      const Sequence logits = map_steps(unroll(cell_, x, carried_state(tape, cell_, "state")).outputs, [&](Var h) {
        const Var masked = dropout(h, rate, mode);
        return head_(common ? masked * common : masked);
      });
      return cross_entropy(logits, y);
    }
    const Lengths lengths = Lengths::packed(tape.row_counts("counts", steps));
    const auto outputs = unroll(cell_, x, zero_state(tape, cell_), lengths).outputs;
    std::vector<Var> logits, ids;
    for (std::size_t t = 0; t < outputs.size(); ++t) {
      logits.push_back(head_(outputs[t]));
      ids.push_back(lengths.input(t, y[t]));
    }
    return cross_entropy(logits, ids);
  }

  std::string name_;
  ParameterSet set_;
  AnyCell cell_;
  Embedding table_;
  Linear head_;
};

}  // namespace reel::test
