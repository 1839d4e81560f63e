// The sums of a run whose shards are on several ranks (plan/shards.h), by a Group: what a Trainer has.
//
// What is summed everywhere is gathered from all, and each adds up the same tree. Of outputs every rank is sent its slice of the
// others' partial sums while the run goes on, and adds them when it is over: a rank's slice of n numbers is [n r / R, n (r + 1) /
// R).
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include <reel/plan/shards.h>
#include <reel/train/distributed/group.h>
#include <reel/train/optimizers.h>

namespace reel {

class GroupExchange final : public Exchange {
 public:
  // `rows`: which of a batch are here.
  GroupExchange(Group& group, const DealtRows& rows, bool bf16) : group_(group), dealt_(rows), bf16_(bf16) {}

  BatchRows begin(std::uint64_t plan, Index rows, std::span<const std::int32_t> counts) override;
  void sum(std::span<const PartialSum> sums) override;
  void begin_sum(std::span<const PartialSum> outputs) override;

  // Runs f, which may call the above. Where it fails on any rank, every rank throws the failure of the first one; its text names
  // the rank, where there are several. InputError on all where one does another thing, `what`, or has another `state`.
  template <class F>
  void together(std::string_view what, std::uint64_t state, const F& f) {
    what_ = what;
    state_ = state;
    settled_ = false;
    used_ = 0;  // what a run before began, and was refused for, is finished
    std::exception_ptr failure;
    try {
      f();
    } catch (...) {
      failure = std::current_exception();
    }
    settle(failure);
  }

  // Waits for what begin_sum() began, and adds it: every rank's slices are whole then.
  void finish_sums();
  // Every rank's text, or "" for none: of the first rank that has one, with its name.
  std::string first_text(const std::string& own);

  Index rows() const { return rows_; }  // of the last run's whole batch

 private:
  // Of one begin_sum(): what goes to each rank, and comes from it, piece after piece.
  struct Pending {
    std::vector<PartialSum> outputs;
    std::vector<std::vector<std::byte>> to, from;
  };
  void settle(std::exception_ptr failure);
  std::vector<Index> agree(std::exception_ptr failure, std::uint64_t plan, Index rows, std::size_t counts);
  [[noreturn]] void refuse(const std::string& why);
  template <class T>
  void add(const PartialSum& output, const Pending& pending, std::size_t at);
  Index slice_begin(Index n, Index rank) const { return OwnPieces{group_.size()}.cut(n, rank); }

  Group& group_;
  DealtRows dealt_;
  std::string what_;
  std::uint64_t state_ = 0;
  bool bf16_;             // partial sums travel as bf16, which is all that they are
  bool settled_ = false;  // the failure of this run is every rank's already
  Index rows_ = 0;        // of the whole batch
  std::vector<Pending> pending_;
  std::size_t used_ = 0;  // of pending_, whose memory is kept
};

}  // namespace reel
