#include <reel/ops/arithmetic.h>
#include <reel/ops/batch_sum.h>
#include <reel/ops/broadcast.h>
#include <reel/ops/embedding.h>
#include <reel/plan/denormals.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

#if defined(__SSE__)

namespace {

constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040, kStatus = 0x003f;

// The calling thread's mode, without the flags of what has happened.
unsigned mode() { return _mm_getcsr() & ~kStatus; }

// A quarter of the smallest normal number, divided when it is asked for.
float quarter_of_smallest() {
  volatile float smallest = std::numeric_limits<float>::min(), quarter = smallest / 4;
  return quarter;
}

// A mode of the caller's own, until the end of a test.
class OwnMode {
 public:
  explicit OwnMode(unsigned mode) : before_(_mm_getcsr()) { _mm_setcsr(mode); }
  ~OwnMode() { _mm_setcsr(before_); }

 private:
  unsigned before_;
};

// Copies of what is given, in rows, summed over rows, and without B; and rows of a table.
struct Small {
  Tape tape;
  Var x = tape.input("x", {B, 40}), ids = tape.ids("ids", {B});
  Var same = x * 1.0, total = batch_sum(x * 1.0), w = tape.input("w", {40}) * 1.0,
      rows = embedding(ids, tape.constant(random_tensor({3, 2}, 1)));
  std::vector<Var> outputs{same, total, w, rows};
};

template <class T>
Tensor<T> denormals(Shape shape) {
  Tensor<T> x(shape);
  std::ranges::fill(x, std::numeric_limits<T>::min() / 4);
  return x;
}

template <class T>
bool all_zero(TensorView<const T> x) {
  return std::all_of(x.begin(), x.end(), [](T v) { return v == 0; });
}

// The modes of all threads that a ThreadPool object runs on.
std::vector<unsigned> modes(const ThreadPool& threads) {
  std::vector<unsigned> all(static_cast<std::size_t>(threads.count()), mode());
  threads.each(200, [&](Index, int slot) {
    volatile double busy = 1;
    for (int i = 0; i < 20000; ++i) busy = busy * 1.0000001;
    all[static_cast<std::size_t>(slot)] = mode();
  });
  return all;
}

}  // namespace

TEST_CASE("denormals: they are zeros while the object lives, and the caller's mode comes back") {
  const unsigned before = mode();
  CHECK(quarter_of_smallest() != 0);
  {
    const FlushDenormals flush;
    CHECK(quarter_of_smallest() == 0);
    {
      const FlushDenormals again;
      CHECK(quarter_of_smallest() == 0);
    }
    CHECK(quarter_of_smallest() == 0);
  }
  CHECK(quarter_of_smallest() != 0);
  CHECK(mode() == before);
}

TEST_CASE("denormals: rounding and exceptions that the caller has chosen stay, and a mode that flushes already") {
  constexpr unsigned kRoundUp = 0x4000;
  for (unsigned own : {0x1f80u | kRoundUp, 0x1f80u | kFlushToZero, 0x1f80u | kDenormalsAreZero}) {
    const OwnMode chosen(own);
    {
      const FlushDenormals flush;
      CHECK(mode() == (own | kFlushToZero | kDenormalsAreZero));
    }
    CHECK(mode() == own);
  }
}

TEST_CASE("denormals: an exception restores the mode") {
  const unsigned before = mode();
  try {
    const FlushDenormals flush;
    throw InputError("inside");
  } catch (const InputError&) {
  }
  CHECK(mode() == before);
}

TEST_CASE_TEMPLATE("denormals: plans flush them in rows, sums and what has no B, on every number of threads", T, float, double) {
  Small small;
  const Plan<T> plan = compile<T>(small.tape, small.outputs);
  const Tensor<T> x = denormals<T>({300, 40}), w = denormals<T>({40});
  const Tensor<std::int32_t> ids = random_ids({300}, 1, 3);
  const std::array bindings{Binding{"x", x}, Binding{"w", w}, Binding{"ids", ids}};
  for (int count : {1, 2, 3, 8}) {
    CAPTURE(count);
    const ThreadPool threads(count);
    const auto before = modes(threads);
    Workspace<T> workspace(plan, nullptr, threads);
    plan.run(workspace, bindings);
    for (const Var& v : {small.same, small.total, small.w}) CHECK(all_zero(workspace.value(v)));
    CHECK(modes(threads) == before);
  }
}

TEST_CASE("denormals: the interpreter keeps them") {
  Small small;
  const Tensor<double> x = denormals<double>({3, 40}), w = denormals<double>({40});
  const Tensor<std::int32_t> ids = random_ids({3}, 1, 3);
  const auto run = interpret<double>(small.tape, std::array{Binding{"x", x}, Binding{"w", w}, Binding{"ids", ids}});
  CHECK(run.value(small.same)[0] == x[0]);
}

TEST_CASE("denormals: a kernel that throws leaves the modes as they were") {
  Small small;
  const auto plan = compile<float>(small.tape, small.outputs);
  const Tensor<float> x = denormals<float>({300, 40}), w = denormals<float>({40});
  Tensor<std::int32_t> ids = random_ids({300}, 1, 3);
  for (Index row : {0, 299}) ids[row] = 3;  // not in the table
  const std::array bindings{Binding{"x", x}, Binding{"w", w}, Binding{"ids", ids}};
  for (int count : {1, 2, 8}) {
    CAPTURE(count);
    const ThreadPool threads(count);
    const auto before = modes(threads);
    Workspace<float> workspace(plan, nullptr, threads);
    check_throws<InputError>([&] { plan.run(workspace, bindings); }, {"embedding"});
    CHECK(modes(threads) == before);
  }
}

TEST_CASE("denormals: the caller's own mode is its own again after a run") {
  constexpr unsigned kRoundDown = 0x2000;
  Small small;
  const auto plan = compile<double>(small.tape, {small.w});
  const Tensor<double> w = denormals<double>({40});
  Workspace<double> workspace(plan);
  const OwnMode chosen(0x1f80u | kRoundDown);
  plan.run(workspace, {{"w", w}});
  CHECK(mode() == (0x1f80u | kRoundDown));
  CHECK(all_zero(workspace.value(small.w)));
}

#endif
