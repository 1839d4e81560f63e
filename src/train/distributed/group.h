// Group: the ranks that train one model together, each a process of its own: what they tell each other.
//
// All ranks call the same functions in the same order, with buffers of agreed sizes. Where the ranks are MPI's:
// train/distributed/mpi_group.h. Threads: one thread at a time.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <reel/graph/op.h>

namespace reel {

class Group {
 public:
  virtual ~Group() = default;
  virtual Index rank() const = 0;
  virtual Index size() const = 0;

  // Begins to send to[r] to rank r, and to receive what it sends into from[r]; a rank's own are not touched. They live until
  // finish(), which waits for all that was begun.
  virtual void begin(std::span<const std::span<const std::byte>> to, std::span<const std::span<std::byte>> from) = 0;
  virtual void finish() = 0;
  // Lets what was begun go on, for a moment.
  virtual void progress() {}

  double seconds() const { return seconds_; }  // spent in waiting, so far
  Index bytes() const { return bytes_; }       // sent, so far
  Index messages() const { return messages_; }

  // ---- of begin() and finish() ----

  // Every rank's numbers, rank after rank.
  template <class N>
  requires std::is_trivially_copyable_v<N> std::vector<N> gather(std::span<const N> own) {
    std::vector<N> all(own.size() * static_cast<std::size_t>(size()));
    gather_bytes(std::as_bytes(own), std::as_writable_bytes(std::span(all)));
    return all;
  }
  template <class N>
  requires std::is_trivially_copyable_v<N> std::vector<N> gather(const N& own) { return gather(std::span<const N>(&own, 1)); }
  std::vector<std::string> gather_texts(const std::string& own);
  // Every rank's bytes, of sizes that all know.
  void gather_parts(std::span<const std::span<std::byte>> parts);  // of all ranks; one's own is filled already
  // InputError on every rank where texts differ, items parted by ", ": "rank 2 has other settings than rank 0: lr .01, not lr
  // .02".
  void require_same(std::string_view what, const std::string& own);

 protected:
  double seconds_ = 0;
  Index bytes_ = 0, messages_ = 0;

 private:
  void gather_bytes(std::span<const std::byte> own, std::span<std::byte> all);
};

// Which of a batch's shards a rank has. InputError for a number of shards that is no power of two, of ranks that is none, and for
// more ranks than shards.
DealtRows dealt_rows(Index shards, const Group* group);

}  // namespace reel
