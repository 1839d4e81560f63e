// Streams in eight threads, a million steps each, while another thread publishes weights: no system call in a step, which the
// kernel itself would answer by ending the process.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which make system calls of their own
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <thread>

#include <reel/models/cells/lstm.h>
#include <reel/models/layers.h>
#include <reel/models/unroll.h>
#include <reel/plan/session.h>
#include <reel/plan/stream/stream.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// From now on this thread may end, alone or with all others, and nothing else.
bool refuse_system_calls() {
  sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 1, 0),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};
  const sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

constexpr int kThreads = 8, kSteps = 1'000'000, kInputs = 64;
enum Outcome { kOtherBits = 1, kStepFailed = 2, kNoFilter = 3 };  // or 0

float input(int step) { return static_cast<float>(step * 37 % kInputs) / (kInputs / 2) - 1; }

struct Model {
  ParameterSet set;
  Lstm cell{set, "lstm", 1, 8};
  Linear head{set, "head", 8, 1};
  Tape tape;
  Var y;
  Model() {
    const auto step = unroll(cell, tape.input("x", 1, {B, 1}), carried_state(tape, cell, "state"));
    y = head(step.outputs.back());
  }
};

// Ends the process, which is one of its own. `calls`: whether a step is followed by a system call, which must not go well.
[[noreturn]] void run_streams(const Model& m, const ParameterValues<float>& values, std::uint32_t expected, bool calls) {
  StreamModel<float> model({{"y", m.y}}, &values);
  std::atomic<int> ready = 0, done = 0, failed = 0;
  std::vector<float> last(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      Stream<float> stream(model);
      float y = 0;
      bool good = refuse_system_calls();
      if (!good) failed = kNoFilter;
      ++ready;
      while (ready < kThreads) {
      }
      for (int i = 0; i < kSteps && good; ++i) {
        const float x = input(i);
        good = stream.step({&x, 1}, {&y, 1});
        if (calls && i == 1000) syscall(SYS_getppid);
      }
      if (!good && failed == 0) failed = kStepFailed;
      last[static_cast<std::size_t>(t)] = y;
      ++done;
      for (;;) {
      }
    });
  while (done < kThreads) {
    model.publish(values);
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  for (float y : last)
    if (std::uint32_t bits = 0; std::memcpy(&bits, &y, sizeof bits), bits != expected && failed == 0) failed = kOtherBits;
  _exit(failed);  // with the threads, which may not even free their stacks
}

int status_of(const Model& m, const ParameterValues<float>& values, std::uint32_t expected, bool calls) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) run_streams(m, values, expected, calls);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

}  // namespace

TEST_CASE("streams: eight in eight threads, a million steps each, with the plan's bits and no system call") {
  const Model m;
  const auto values = m.set.initial<float>(1);
  Session<float> session({{"y", m.y}}, &values);
  for (int i = 0; i < kSteps; ++i) {
    const float x = input(i);
    session.run({{"x", TensorView<const float>(&x, Shape{1, 1, 1})}});
  }
  std::uint32_t expected = 0;
  std::memcpy(&expected, session[m.y].data(), sizeof expected);
  CHECK(status_of(m, values, expected, false) == 0);
  const int status = status_of(m, values, expected, true);  // the filter works
  CHECK(WIFSIGNALED(status));
}
#endif
