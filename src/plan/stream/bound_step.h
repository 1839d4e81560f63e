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
  // Where the input of a slot lies in the next run; false for another type than the slot's, or another number of elements than
  // InputSlot::bound has for so many rows.
  bool bind_input(std::size_t slot, const void* data, std::size_t elements, Type type, Index rows = 1) noexcept {
    Input& input = inputs_[slot];
    input.data = data;
    return type == input.type && elements == input.elements * static_cast<std::size_t>(rows);
  }

  // Computes the outputs and the next states of the first `rows` rows. Throws what kernels throw, and the states are as they
  // were.
  void run(Index rows);
  // The next states become the states.
  void commit() noexcept;

  std::size_t inputs() const { return inputs_.size(); }
  std::size_t outputs() const { return outputs_.size(); }
  Type output_type(std::size_t number) const { return outputs_[number].type; }
  const std::byte* output(std::size_t number) const { return outputs_[number].data; }
  std::size_t output_bytes(std::size_t number, Index rows) const { return outputs_[number].size(rows); }
  std::byte* state(std::size_t slot) { return states_[slot].data; }
  const std::byte* state(std::size_t slot) const { return states_[slot].data; }
  std::size_t state_bytes(std::size_t slot, Index rows) const { return states_[slot].size(rows); }
  std::size_t states() const { return states_.size(); }

  const PlanData& plan() const { return *plan_; }
  Index most_rows() const { return most_rows_; }
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
  struct Input {
    const void* data;
    std::size_t elements;  // of a row
    Type type;
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
    const Op* op;
    const TileProgram* tiles;
    KernelCall call;
    bool reduces;  // over all rows, to a result without B
  };

  void place_memory();
  std::byte* home(const OperandPlan& p) const;
  void add_call(const KernelPlan& kernel);
  void set_rows(Index rows) noexcept;

  std::shared_ptr<const PlanData> plan_;
  Index most_rows_, rows_ = -1;
  std::size_t bytes_ = 0;
  AlignedBytes memory_;
  std::byte *stored_ = nullptr, *unbatched_ = nullptr, *block_ = nullptr, *scratch_ = nullptr;  // in memory_
  std::vector<Input> inputs_;                                                                   // by slot
  std::vector<KernelOperand> ports_;                                                            // of all kernels
  std::vector<InputPort> input_ports_;
  std::vector<WeightPort> weight_ports_;
  std::vector<Call> calls_;
  std::vector<Value> states_, outputs_;
  std::vector<Next> next_;
};

}  // namespace reel::streams
