// A plan's kernels with every operand in place, for a few rows at most: what streams run. Internal to src/plan/stream.
#pragma once

#include <memory>
#include <vector>

#include <reel/plan/stream/weights.h>

namespace reel::streams {

template <class T>
class BoundStep {
 public:
  // REQUIRES: no kernel draws random numbers.
  BoundStep(std::shared_ptr<const PlanData> plan, Index most_rows);

  // Reads these weights from now on.
  void bind(const Weights& weights) noexcept;
  // Whether an input takes, or an output gives, so many bytes of this type for so many rows.
  bool takes(std::size_t slot, Type type, std::size_t bytes, Index rows) const noexcept {
    return type == inputs_[slot].type && bytes == inputs_[slot].size(rows);
  }
  bool gives(std::size_t number, Type type, std::size_t bytes, Index rows) const noexcept {
    return type == outputs_[number].type && bytes == outputs_[number].size(rows);
  }
  // Where the slot's numbers lie.
  std::byte* input(std::size_t slot) noexcept { return inputs_[slot].data; }

  // Computes the outputs and the next states of the first `rows` rows. Throws what kernels throw, and the states are as they
  // were.
  void run(Index rows);
  // The next states become the states.
  void commit() noexcept;

  std::size_t inputs() const { return inputs_.size(); }
  std::size_t outputs() const { return outputs_.size(); }
  const std::byte* output(std::size_t number) const { return outputs_[number].data; }
  std::byte* state(std::size_t slot) { return states_[slot].data; }
  const std::byte* state(std::size_t slot) const { return states_[slot].data; }
  std::size_t state_bytes(std::size_t slot, Index rows) const { return states_[slot].size(rows); }
  std::size_t states() const { return states_.size(); }

  const PlanData& plan() const { return *plan_; }
  std::size_t bytes() const;  // memory held

 private:
  struct Value {
    std::byte* data;
    std::size_t each;  // bytes of a row
    Type type;
    std::size_t size(Index rows) const { return each * static_cast<std::size_t>(rows); }
  };
  struct Next {
    std::size_t state;
    const std::byte* data;
  };
  struct InputPort {
    std::uint32_t port;
    std::uint32_t slot;
    Index fixed, scaled;
  };
  struct WeightPort {
    std::uint32_t port;
    const OperandPlan* plan;
  };
  struct Call {
    const KernelPlan* kernel;
    KernelCall call;
    bool batched;  // has the rows of the run; others have one
    std::unique_ptr<BoundCall> bound;
  };

  void place_memory();
  std::byte* home(const OperandPlan& p) const;
  void add_call(const KernelPlan& kernel);
  void set_rows(Index rows) noexcept;

  std::shared_ptr<const PlanData> plan_;
  Index most_rows_, rows_ = -1;
  std::size_t bytes_ = 0;
  AlignedBytes memory_, scratch_;                                          // scratch: of kernels, where one is not bound
  std::byte *stored_ = nullptr, *unbatched_ = nullptr, *block_ = nullptr;  // in memory_
  std::vector<KernelOperand> ports_;                                       // of all kernels
  std::vector<InputPort> input_ports_;
  std::vector<WeightPort> weight_ports_;
  std::vector<Call> calls_;
  std::vector<Value> inputs_, states_, outputs_;
  std::vector<Next> next_;
};

}  // namespace reel::streams
