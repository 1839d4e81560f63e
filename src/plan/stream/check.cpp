#include <reel/plan/stream/check.h>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {

void check_stream(std::string_view who, const PlanData& plan, std::span<const Result> outputs) {
  const Tape& tape = *plan.program.tape;
  for (NodeId id = 0; id < tape.size(); ++id)
    if (tape.node(id).op->traits().draws)
      throw InputError(fmt::format("{}: [{}] draws random numbers ({}); record the step for inference", who,
                                   tape.node(id).op->name(), tape.place(id)));
  for (const Result& r : outputs)
    if (!r.value.shape().batched())
      throw InputError(fmt::format("{}: the output \"{}\" has no row of its own for each stream; it is {}", who, r.name,
                                   r.value.shape().text()));
  for (const InputSlot& slot : plan.table.carried())
    if (!slot.shape.batched())
      throw InputError(fmt::format("{}: the carried state {} has no row of its own for each stream", who, slot.text()));
  for (const InputSlot& slot : plan.table.inputs())
    if (!slot.shape.batched())
      throw InputError(fmt::format("{}: the input {} has no row of its own for each stream", who, slot.text()));
}

}  // namespace reel
