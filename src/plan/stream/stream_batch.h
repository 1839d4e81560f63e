// StreamBatch: many streams of one model, stepped together as the rows of one batch. Streams join and leave between steps.
//
// A row has the bits of a Stream alone. join, leave and step allocate nothing. Threads: one at a time.
#pragma once

#include <vector>

#include <reel/plan/stream/stream.h>

namespace reel {

template <class T = float>
class StreamBatch {
 public:
  // One of its streams, as long as it has not left.
  struct Member {
    std::uint32_t place = 0, joined = 0;
    friend bool operator==(const Member&, const Member&) = default;
  };

  // For so many streams at most. InputError for none.
  StreamBatch(const StreamModel<T>& model, Index most);
  StreamBatch(StreamBatch&&) noexcept;
  StreamBatch& operator=(StreamBatch&&) noexcept;
  ~StreamBatch();

  Index size() const { return static_cast<Index>(rows_.size()); }
  Index most() const { return most_; }

  Member join();                   // as the last row, with a state of zeros; InputError when it is full
  void leave(Member member);       // the last row takes its place; InputError for one that is not there
  Index row(Member member) const;  // which row of x and y it is now; InputError for one that is not there

  // One step of all: arrays have size() rows, in the order of row(). False, and nothing has changed, as in Stream::step.
  [[nodiscard]] bool step(std::span<const StreamInput<T>> x, std::span<const StreamOutput<T>> y) noexcept;
  [[nodiscard]] bool step(std::span<const T> x, std::span<T> y) noexcept {
    const StreamInput<T> in = x;
    const StreamOutput<T> out = y;
    return step({&in, 1}, {&out, 1});
  }

  // As in Stream, of one member.
  TensorView<const T> state(Member member, std::string_view name) const;
  void set_state(Member member, std::string_view name, TensorView<const T> value);

  std::size_t bytes() const;

 private:
  std::byte* state_row(std::size_t slot, Index row) const;

  std::shared_ptr<streams::Model> model_;
  std::unique_ptr<streams::Reader> reader_;
  std::unique_ptr<streams::BoundStep<T>> step_;
  Index most_;
  std::vector<std::uint32_t> rows_;    // by row: the place of its member
  std::vector<std::uint32_t> free_;    // places
  std::vector<Index> row_of_;          // by place; -1: free
  std::vector<std::uint32_t> joined_;  // by place: how many joined there
};

}  // namespace reel
