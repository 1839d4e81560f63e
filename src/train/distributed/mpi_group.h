// MpiGroup: the ranks of an MPI job as a Group (train/distributed/group.h). Part of the library reel_mpi, which is built where
// there is an MPI-3 (CMake: REEL_MPI; reel::mpi).
//
//   int main(int argc, char** argv) {
//     MpiGroup group(argc, argv);
//     Trainer<float> trainer(.., {.sharding = {.shards = 8, .group = &group}});
//
// and, in a terminal, mpirun -np 4 program. A rank that is killed ends the job by mpirun's hand. One that does not answer any
// more, because it is stopped or its machine is gone, is named on standard error by the others, and the job ends; so is one that
// lives but has kept others waiting for too long, in a loop without end, say. Signs of life need an MPI with MPI_THREAD_MULTIPLE;
// without it only the second limit holds. Threads: as Group; one object at a time.
#pragma once

#include <memory>

#include <reel/train/distributed/group.h>

namespace reel {

struct MpiOptions {
  double silence = 5;  // seconds without a sign of life after which a rank is given up, 1 or more; 0: never
  double wait = 600;   // seconds that others wait for one that is alive; 0: for ever
};

// Whether the process was started by mpirun or the like: what to ask before MPI is begun, which takes time.
bool started_by_mpi();

class MpiGroup final : public Group {
 public:
  // Begins MPI, and ends it in the destructor, where the ranks wait for each other; one that is left by an exception ends the
  // job. Error where MPI cannot be begun, or is not the one that started the process; InputError for limits that are none.
  MpiGroup(int& argc, char**& argv, const MpiOptions& options = {});
  ~MpiGroup() override;
  MpiGroup(const MpiGroup&) = delete;
  MpiGroup& operator=(const MpiGroup&) = delete;

  Index rank() const override;
  Index size() const override;
  void begin(std::span<const std::span<const std::byte>> to, std::span<const std::span<std::byte>> from) override;
  void finish() override;
  void progress() override;
  // How many threads each rank may have, so that those on this machine do not share a core.
  int threads() const;

  // For a main function that ends with an error: one line on standard error. Where all ranks come here within two seconds, rank 0
  // says what was wrong, and all go on to end; else this one says it, and ends the job.
  void fail(const std::string& why);

 private:
  struct Mpi;
  std::unique_ptr<Mpi> mpi_;
};

}  // namespace reel
