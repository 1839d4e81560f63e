#include <reel/train/distributed/mpi_group.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <set>
#include <thread>

#include <sched.h>
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mpi.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); }

constexpr std::size_t kMostBytes = std::size_t{1} << 30;  // of one message: MPI counts in int
constexpr int kTag = 1;
constexpr auto kBeat = std::chrono::milliseconds(200);

[[noreturn]] void end_job(const std::string& why) {
  fmt::print(stderr, "{}\n", why);
  std::fflush(stderr);
  MPI_Abort(MPI_COMM_WORLD, 1);
  std::_Exit(1);
}

// A thread that tells rank 0 that this one lives, or, on rank 0, everybody; and that ends the job where the others are silent.
class Watch {
 public:
  Watch(MPI_Comm comm, int rank, std::vector<std::string> names, double silence)
      : comm_(comm), rank_(rank), names_(std::move(names)), silence_(silence), thread_([this] { run(); }) {}
  ~Watch() {
    stopped_ = true;
    thread_.join();
  }

 private:
  struct Peer {
    int rank;
    Clock::time_point heard = Clock::now();
    MPI_Request sent = MPI_REQUEST_NULL;
  };

  void run() {
    std::vector<Peer> peers;
    for (int r = 0; r < static_cast<int>(names_.size()); ++r)
      if (r != rank_ && (rank_ == 0 || r == 0)) peers.push_back({r});
    static constexpr char beat = 0;  // outlives what is under way in the end
    Clock::time_point last = Clock::now();
    while (!stopped_) {
      // Who was stopped himself has not listened, and knows nothing about the others.
      if (seconds_since(last) > silence_ / 2)
        for (Peer& p : peers) p.heard = Clock::now();
      last = Clock::now();
      for (Peer& p : peers) {
        int done = 1;
        MPI_Test(&p.sent, &done, MPI_STATUS_IGNORE);
        if (done) MPI_Isend(&beat, 1, MPI_CHAR, p.rank, kTag, comm_, &p.sent);
        for (int there = 1; there;) {
          MPI_Iprobe(p.rank, kTag, comm_, &there, MPI_STATUS_IGNORE);
          char heard;
          if (there) MPI_Recv(&heard, 1, MPI_CHAR, p.rank, kTag, comm_, MPI_STATUS_IGNORE);
          if (there) p.heard = Clock::now();
        }
        // Rank 0 speaks for all, unless it is the one.
        if (seconds_since(p.heard) > silence_ + (rank_ > 1 ? 1 : 0))
          end_job(fmt::format("rank {} ({}) has given no sign of life for {:.0f} seconds; the job ends", p.rank,
                              names_[static_cast<std::size_t>(p.rank)], seconds_since(p.heard)));
      }
      std::this_thread::sleep_for(kBeat);
    }
    // Nobody may listen any more.
    for (Peer& p : peers)
      if (p.sent != MPI_REQUEST_NULL) MPI_Request_free(&p.sent);
  }

  MPI_Comm comm_;
  int rank_;
  std::vector<std::string> names_;
  double silence_;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

}  // namespace

bool started_by_mpi() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMIX_RANK", "MPI_LOCALNRANKS"})
    if (std::getenv(name)) return true;
  return false;
}

struct MpiGroup::Mpi {
  MPI_Comm comm = MPI_COMM_NULL, beats = MPI_COMM_NULL, failures = MPI_COMM_NULL;
  int rank = 0, size = 1, here = 1;  // here: ranks on this machine
  bool ends = true;                  // whoever began MPI ends it
  MpiOptions options;
  std::vector<MPI_Request> requests;
  std::vector<int> peers;  // of the requests
  int exceptions = std::uncaught_exceptions();
  std::vector<std::string> names;
  std::optional<Watch> watch;

  // True when all that was begun has ended.
  bool test() {
    int done = 1;
    MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE);
    return done;
  }
  // Ranks that have not sent, or taken, what they are to.
  std::set<int> missing() {
    std::set<int> ranks;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      int done = 1;
      if (requests[i] != MPI_REQUEST_NULL) MPI_Test(&requests[i], &done, MPI_STATUS_IGNORE);
      if (!done) ranks.insert(peers[i]);
    }
    return ranks;
  }
};

MpiGroup::MpiGroup(int& argc, char**& argv, const MpiOptions& options) : mpi_(std::make_unique<Mpi>()) {
  int begun = 0, level = MPI_THREAD_SINGLE;
  MPI_Initialized(&begun);
  mpi_->ends = !begun;
  if (begun)
    MPI_Query_thread(&level);
  else if (MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level) != MPI_SUCCESS)
    throw Error("MPI cannot be begun");
  if (!(options.silence >= 1 || options.silence == 0) || !(options.wait >= 0))
    throw InputError(fmt::format("MpiGroup: limits of {} and {} seconds; the first is to be 1 or more, or 0 for none",
                                 options.silence, options.wait));
  mpi_->options = options;
  MPI_Comm_dup(MPI_COMM_WORLD, &mpi_->comm);
  MPI_Comm_dup(MPI_COMM_WORLD, &mpi_->beats);
  MPI_Comm_dup(MPI_COMM_WORLD, &mpi_->failures);
  MPI_Comm_rank(mpi_->comm, &mpi_->rank);
  MPI_Comm_size(mpi_->comm, &mpi_->size);
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const char* ranks = std::getenv(name); ranks && std::atoi(ranks) != mpi_->size)
      throw Error(fmt::format("{} ranks were started by another MPI than reel was built with, which sees {}", ranks, mpi_->size));
  MPI_Comm machine;
  MPI_Comm_split_type(mpi_->comm, MPI_COMM_TYPE_SHARED, mpi_->rank, MPI_INFO_NULL, &machine);
  MPI_Comm_size(machine, &mpi_->here);
  MPI_Comm_free(&machine);
  char host[MPI_MAX_PROCESSOR_NAME];
  int length = 0;
  MPI_Get_processor_name(host, &length);
  mpi_->names = gather_texts(fmt::format("process {} on {}", getpid(), std::string_view(host, static_cast<std::size_t>(length))));
  if (options.silence > 0 && mpi_->size > 1 && level >= MPI_THREAD_MULTIPLE)
    mpi_->watch.emplace(mpi_->beats, mpi_->rank, mpi_->names, options.silence);
}

MpiGroup::~MpiGroup() {
  if (std::uncaught_exceptions() > mpi_->exceptions) end_job(fmt::format("rank {}: ended by an exception", mpi_->rank));
  // The watch goes on until every rank has come here.
  MPI_Request all;
  MPI_Ibarrier(mpi_->comm, &all);
  const Clock::time_point start = Clock::now();
  for (int done = 0; !done; sched_yield()) {
    MPI_Test(&all, &done, MPI_STATUS_IGNORE);
    if (!done && mpi_->options.wait > 0 && seconds_since(start) > mpi_->options.wait)
      end_job(
          fmt::format("rank {} has waited for {:.0f} seconds for others to end; the job ends", mpi_->rank, seconds_since(start)));
  }
  mpi_->watch.reset();
  MPI_Comm_free(&mpi_->comm);
  MPI_Comm_free(&mpi_->beats);
  MPI_Comm_free(&mpi_->failures);
  if (mpi_->ends) MPI_Finalize();
}

Index MpiGroup::rank() const { return mpi_->rank; }
Index MpiGroup::size() const { return mpi_->size; }

void MpiGroup::begin(std::span<const std::span<const std::byte>> to, std::span<const std::span<std::byte>> from) {
  const auto in_parts = [](auto bytes, const auto& f) {
    for (std::size_t at = 0; at < bytes.size(); at += kMostBytes) {
      const auto part = bytes.subspan(at, std::min(kMostBytes, bytes.size() - at));
      f(part.data(), static_cast<int>(part.size()));
    }
  };
  const auto add = [&](int peer) -> MPI_Request* {
    mpi_->peers.push_back(peer);
    return &mpi_->requests.emplace_back(MPI_REQUEST_NULL);
  };
  for (int apart = 1; apart < mpi_->size; ++apart) {
    const int source = (mpi_->rank + mpi_->size - apart) % mpi_->size, target = (mpi_->rank + apart) % mpi_->size;
    in_parts(from[static_cast<std::size_t>(source)],
             [&](std::byte* data, int n) { MPI_Irecv(data, n, MPI_BYTE, source, kTag, mpi_->comm, add(source)); });
    in_parts(to[static_cast<std::size_t>(target)], [&](const std::byte* data, int n) {
      MPI_Isend(data, n, MPI_BYTE, target, kTag, mpi_->comm, add(target));
      bytes_ += n;
      ++messages_;
    });
  }
}

void MpiGroup::progress() {
  if (!mpi_->requests.empty()) mpi_->test();
}

void MpiGroup::finish() {
  const Clock::time_point start = Clock::now();
  for (Index spins = 0; !mpi_->test(); ++spins) {
    if (spins > 100) sched_yield();
    if (mpi_->options.wait <= 0 || spins % 1024 || seconds_since(start) < mpi_->options.wait) continue;
    std::vector<std::string> late;
    for (int rank : mpi_->missing())
      late.push_back(fmt::format("rank {} ({})", rank, mpi_->names[static_cast<std::size_t>(rank)]));
    if (late.empty()) continue;
    end_job(fmt::format("rank {} has waited for {:.0f} seconds for {}; the job ends", mpi_->rank, seconds_since(start),
                        fmt::join(late, ", ")));
  }
  mpi_->requests.clear();
  mpi_->peers.clear();
  seconds_ += seconds_since(start);
}

int MpiGroup::threads() const {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  const int bound = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
  const auto cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  return std::max(1, std::min(bound, cores / mpi_->here));
}

void MpiGroup::fail(const std::string& why) {
  constexpr std::size_t kLength = 2000;
  std::vector<char> own(kLength, 0), all(kLength * static_cast<std::size_t>(size()));
  std::copy_n(why.begin(), std::min(why.size(), kLength - 1), own.begin());
  MPI_Request request;
  MPI_Iallgather(own.data(), kLength, MPI_CHAR, all.data(), kLength, MPI_CHAR, mpi_->failures, &request);
  const Clock::time_point start = Clock::now();
  for (int done = 0; !done; std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (!done && seconds_since(start) > 2) end_job(fmt::format("rank {}: {}", mpi_->rank, why));
  }
  if (mpi_->rank > 0) return;
  std::vector<std::string> told;
  for (Index r = 0; r < size(); ++r) {
    const std::string text = &all[kLength * static_cast<std::size_t>(r)];
    if (std::find(told.begin(), told.end(), text) != told.end()) continue;
    told.push_back(text);
    fmt::print(stderr, "{}{}\n", r == 0 ? "" : fmt::format("rank {}: ", r), text);
  }
}

}  // namespace reel
