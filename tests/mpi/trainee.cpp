// What ranks learn together, to be compared, killed, stopped and resumed: trainee TASK SHARDS THREADS UPDATES MODEL [CHECKPOINT].
// It writes the model at its end. With a checkpoint it goes on from it where there is one, saves to it now and then, and each
// rank writes its process's number to CHECKPOINT.RANK.pid. REEL_TRAINEE_LR on one rank makes it another's settings.
#include <cstdlib>
#include <filesystem>
#include <optional>

#include <unistd.h>

#include <fmt/format.h>

#include <reel/data/files.h>
#include <reel/models/model_file.h>
#include <reel/train/distributed/mpi_group.h>

#include "train/sharded_task.h"

using namespace reel;
using namespace reel::test;

namespace {

void learn(const std::vector<std::string>& arguments, Group* group) {
  const ShardedTask task(arguments.at(0));
  const Index updates = std::atoi(arguments.at(3).c_str());
  const std::string model = arguments.at(4), checkpoint = arguments.size() > 5 ? arguments[5] : "";
  const char* lr = std::getenv("REEL_TRAINEE_LR");
  Trainer<float> trainer = task.trainer({.shards = std::atoi(arguments.at(1).c_str()), .group = group},
                                        std::atoi(arguments.at(2).c_str()), false, lr ? std::atof(lr) : .01);
  const Index rank = group ? group->rank() : 0;
  if (!checkpoint.empty()) {
    write_file(fmt::format("{}.{}.pid", checkpoint, rank), fmt::format("{}\n", getpid()));
    if (std::filesystem::exists(checkpoint)) trainer.resume(checkpoint);
  }
  while (trainer.updates() < updates) {
    trainer.step(task.batch(trainer.updates(), trainer.rows()));
    if (!checkpoint.empty() && trainer.updates() % 10 == 0) trainer.save(checkpoint);
  }
  if (rank == 0) save_model(model, task.set(), trainer.parameters(), Record());
}

}  // namespace

int main(int argc, char** argv) {
  std::optional<MpiGroup> group;
  if (started_by_mpi()) group.emplace(argc, argv);
  try {
    learn({argv + 1, argv + argc}, group ? &*group : nullptr);
  } catch (const std::exception& e) {
    if (group)
      group->fail(e.what());
    else
      fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
