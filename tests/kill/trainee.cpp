// A training run that saves after every update, to be killed and resumed: trainee CELL OPTIMIZER THREADS UPDATES CHECKPOINT
// MODEL. It goes on from the checkpoint where there is one, and writes the model at its end. "trainee check CHECKPOINT" reads
// one.
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>

#include <reel/models/model_file.h>
#include <reel/reel.h>

using namespace reel;

namespace {

OptimizerRule rule(std::string_view name) {
  if (name == "adam") return Adam{.lr = .01};
  if (name == "momentum") return Momentum{.lr = .01};
  if (name == "adagrad") return Adagrad{};
  throw InputError(fmt::format("there is no optimizer {}", name));
}

AnyCell make(const std::string& name, ParameterSet& set) {
  if (name != "deep") return make_cell(name, set, "cell", 6, 8);
  return AnyCell(Deep({make_cell("lstm", set, "first", 6, 8), make_cell("gru", set, "second", 8, 8)}));
}

int run(const std::vector<std::string>& arguments) {
  const std::string checkpoint = arguments[4];
  const Index updates = std::atoi(arguments[3].c_str());
  ParameterSet set;
  const AnyCell cell = make(arguments[0], set);
  const Linear head(
      set, "head",
      [&] {
        Tape tape;
        return unroll(cell, tape.input("x", 1, {B, 6}), zero_state(tape, cell)).outputs[0].shape().last();
      }(),
      6);
  const auto loss = [&](Tape& tape, Index steps, Mode mode) {
    const Sequence x = map_steps(tape.ids("x", steps, {B}), [&](Var id) { return dropout(one_hot(id, 6), .2, mode); });
    const auto outputs = unroll(cell, x, carried_state(tape, cell, "state")).outputs;
    const Sequence logits = map_steps(outputs, [&](Var h) { return head(dropout(h, .3, mode)); });
    return cross_entropy(logits, tape.ids("y", steps, {B}));
  };
  Trainer<float> trainer(
      Builder(loss), set, rule(arguments[1]), ClipNorm{1},
      {.seed = 4, .threads = ThreadPool(std::atoi(arguments[2].c_str())), .schedule = schedule::cosine(updates)});
  std::vector<std::int32_t> text(600);
  RandomStream random(1);
  for (std::int32_t& id : text) id = static_cast<std::int32_t>(random.below(6));
  TextStreams streams(text, 3, 5);
  double sum = 0;
  const auto more = [&](Keeper& keep) {
    keep("streams", streams);
    keep("random", random);
    keep("sum", sum);
  };
  if (std::filesystem::exists(checkpoint)) trainer.resume(checkpoint, more);
  while (trainer.updates() < updates) {
    if (streams.next() || random.below(50) == 0) trainer.reset_state();
    sum += trainer.step({{"x", streams.input()}, {"y", streams.target()}}, 5);
    trainer.keep_best(sum / static_cast<double>(trainer.updates()));
    trainer.save(checkpoint, more);
  }
  Record told;
  told.set("sum", sum).set("best", trainer.best_score()).set("next", random.below(1 << 30));
  save_model(arguments[5], set, trainer.parameters(), told);
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 2 && arguments[0] == "check") {
    const SafetensorsFile file(arguments[1]);
    return file.tensors().empty() ? 1 : 0;
  }
  if (arguments.size() != 6) throw InputError("trainee CELL OPTIMIZER THREADS UPDATES CHECKPOINT MODEL");
  return run(arguments);
} catch (const Error& e) {
  fmt::print(stderr, "trainee: {}\n", e.what());
  return 1;
}
