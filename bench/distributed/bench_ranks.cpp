// What several ranks cost: an update of a model by all of them, and what travels meanwhile. One JSON line from rank 0.
//
// Usage: [mpirun -np N] bench_ranks CASE [SHARDS [ROWS]], with the thread count of each rank in REEL_THREADS (default 1). CASE:
// lstm or gru, one layer of (T, B, I, H) = (64, 64, 256, 512) under a linear layer and a cross-entropy over 64 symbols; large, an
// LSTM of (64, 64, 1024, 1024); char_rnn, two LSTM layers of 128 units, 50 streams of 50 steps. SHARDS: by default as many as
// ranks. ROWS: of the whole batch, other than the case's. step_ms: the median of updates; exchange_ms: the mean of the ranks'
// waiting in an update; rounds, bytes: of messages that a rank sends, in an update. mpirun -np 2 bench_ranks network: what a
// model of that cost needs: latency of a gathering of 8 bytes, and bandwidth of messages.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include <reel/models/cells/any_cell.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/cells/deep.h>
#include <reel/models/layers.h>
#include <reel/models/unroll.h>
#include <reel/ops/loss.h>
#include <reel/train/distributed/mpi_group.h>
#include <reel/train/trainer.h>

using namespace reel;

namespace {

using Clock = std::chrono::steady_clock;
double milliseconds_since(Clock::time_point then) {
  return std::chrono::duration<double, std::milli>(Clock::now() - then).count();
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

struct Case {
  Index T, B, I, H, layers, symbols;
  const char* cell;
};
Case find_case(const std::string& name) {
  if (name == "lstm" || name == "gru") return {64, 64, 256, 512, 1, 64, name == "lstm" ? "lstm" : "gru"};
  if (name == "large") return {64, 64, 1024, 1024, 1, 64, "lstm"};
  if (name == "char_rnn") return {50, 50, 65, 128, 2, 65, "lstm"};
  throw InputError(fmt::format("there is no case \"{}\"; there are lstm, gru, char_rnn and large", name));
}

class Model {
 public:
  explicit Model(const Case& c)
      : case_(c), table_(set_, "table", c.symbols, c.I), cell_(make(c)), head_(set_, "head", c.H, c.symbols) {}
  const ParameterSet& set() const { return set_; }
  Var loss(Tape& tape, Index steps) const {
    const Sequence x = map_steps(tape.ids("x", steps, {B}), [&](Var id) { return table_(id); });
    const Sequence logits = map_steps(unroll(cell_, x, zero_state(tape, cell_)).outputs, [&](Var h) { return head_(h); });
    return cross_entropy(logits, tape.ids("y", steps, {B}));
  }

 private:
  AnyCell make(const Case& c) {
    std::vector<AnyCell> layers;
    for (Index l = 0; l < c.layers; ++l)
      layers.push_back(make_cell(c.cell, set_, fmt::format("layer{}", l), l == 0 ? c.I : c.H, c.H));
    return layers.size() == 1 ? layers[0] : AnyCell(Deep(std::move(layers)));
  }
  Case case_;
  ParameterSet set_;
  Embedding table_;
  AnyCell cell_;
  Linear head_;
};

void time_updates(const std::string& name, Index shards, Index rows, Group* group) {
  Case c = find_case(name);
  if (rows > 0) c.B = rows;
  const char* threads = std::getenv("REEL_THREADS");
  const int count = threads ? std::atoi(threads) : 1;
  const Model model(c);
  Trainer<float> trainer(Builder([&](Tape& tape, Index steps) { return model.loss(tape, steps); }), model.set(), Adam{},
                         ClipNorm{5}, {.threads = ThreadPool(count), .sharding = {.shards = shards, .group = group}});
  const Index here = trainer.rows().among(c.B);
  Tensor<std::int32_t> x({c.T, here}), y({c.T, here});
  RandomStream random(1, static_cast<std::uint64_t>(trainer.rows().first));
  for (std::int32_t& id : x) id = static_cast<std::int32_t>(random.below(c.symbols));
  for (std::int32_t& id : y) id = static_cast<std::int32_t>(random.below(c.symbols));
  const auto update = [&] { trainer.step({{"x", x}, {"y", y}}, c.T); };
  for (int i = 0; i < 3; ++i) update();
  const double seconds = group ? group->seconds() : 0;
  const Index bytes = group ? group->bytes() : 0, messages = group ? group->messages() : 0;
  std::vector<double> times;
  const Clock::time_point start = Clock::now();
  // Every rank does as many: rank 0 tells whether there is time for more.
  for (bool more = true; more;) {
    for (int i = 0; i < 4; ++i) {
      const Clock::time_point before = Clock::now();
      update();
      times.push_back(milliseconds_since(before));
    }
    const char own = milliseconds_since(start) < 3000 ? 1 : 0;
    more = group ? group->gather(own)[0] != 0 : own != 0;
  }
  const auto n = static_cast<double>(times.size());
  double exchange = 0;
  const Index ranks = group ? group->size() : 1;
  if (group)
    for (double s : group->gather(group->seconds() - seconds)) exchange += 1000 * s / n / static_cast<double>(ranks);
  if (group && group->rank() > 0) return;
  fmt::print(
      "{{\"who\":\"reel\",\"case\":\"{}\",\"ranks\":{},\"threads\":{},\"shards\":{},\"rows\":{},\"step_ms\":{:.3f},\"exchange_"
      "ms\":{:.3f}",
      name, ranks, count, trainer.rows().shards, c.B, median(times), exchange);
  if (ranks > 1)
    fmt::print(",\"rounds\":{:.2f},\"bytes\":{:.0f}",
               static_cast<double>(group->messages() - messages) / n / static_cast<double>(ranks - 1),
               static_cast<double>(group->bytes() - bytes) / n);
  fmt::print(",\"parameters\":{}}}\n", model.set().elements());
}

// Two ranks or more, each of which sends to all others.
void time_network(Group& group) {
  std::vector<double> times;
  for (int i = 0; i < 2000; ++i) {
    const Clock::time_point before = Clock::now();
    group.gather(std::int64_t{i});
    times.push_back(milliseconds_since(before));
  }
  const double latency = 1000 * median(times);
  if (group.rank() == 0) fmt::print("{{\"who\":\"network\",\"ranks\":{},\"gather_us\":{:.2f}}}\n", group.size(), latency);
  for (Index bytes = 1 << 10; bytes <= 1 << 24; bytes *= 4) {
    std::vector<std::vector<std::byte>> parts(static_cast<std::size_t>(group.size()),
                                              std::vector<std::byte>(static_cast<std::size_t>(bytes)));
    std::vector<std::span<std::byte>> views(parts.begin(), parts.end());
    times.clear();
    for (int i = 0; i < 40; ++i) {
      const Clock::time_point before = Clock::now();
      group.gather_parts(views);
      times.push_back(milliseconds_since(before));
    }
    const double ms = median(times);
    if (group.rank() == 0)
      fmt::print("{{\"who\":\"network\",\"ranks\":{},\"message_bytes\":{},\"us\":{:.1f},\"gigabytes_s\":{:.3f}}}\n", group.size(),
                 bytes, 1000 * ms, static_cast<double>(bytes * (group.size() - 1)) / ms / 1e6);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::optional<MpiGroup> group;
  if (started_by_mpi()) group.emplace(argc, argv);
  try {
    const std::string name = argc > 1 ? argv[1] : "lstm";
    if (name == "network") {
      if (!group) throw InputError("bench_ranks network: is for ranks that mpirun started");
      time_network(*group);
      return 0;
    }
    const Index ranks = group ? group->size() : 1;
    time_updates(name, argc > 2 ? std::atoll(argv[2]) : ranks, argc > 3 ? std::atoll(argv[3]) : 0, group ? &*group : nullptr);
  } catch (const std::exception& e) {
    if (group)
      group->fail(e.what());
    else
      fmt::print(stderr, "bench_ranks: {}\n", e.what());
    return 1;
  }
}
