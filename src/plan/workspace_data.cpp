#include <reel/plan/workspace_data.h>

#include <cstring>
#include <functional>

#include <reel/plan/parameter_check.h>

namespace reel {

std::size_t CarriedState::size(Element element) const {
  return static_cast<std::size_t>(shape.row_size()) * element_bytes(element);
}

CarriedState CarriedState::zero(const InputSlot& slot, Index rows, Element element) {
  CarriedState state;
  state.shape = slot.shape.bind(rows);
  state.rows = rows;
  state.bytes = aligned_bytes(state.size(element));
  std::memset(state.bytes.get(), 0, state.size(element));
  return state;
}

bool WorkspaceData::owns(const void* data, std::size_t bytes) const {
  const auto* first = static_cast<const std::byte*>(data);
  const auto overlaps = [&](const AlignedBytes& buffer, std::size_t size) {
    const std::less<const std::byte*> before;
    return buffer && bytes > 0 && before(first, buffer.get() + size) && before(buffer.get(), first + bytes);
  };
  return overlaps(memory->stored, memory->stored_bytes) || overlaps(memory->unbatched, memory->unbatched_bytes) ||
         (memory->cached && overlaps(memory->cached->bytes, memory->cached->size));
}

void* WorkspaceData::base(Source source, std::uint32_t slot, int thread) const {
  switch (source) {
    case Source::scratch:
      return memory->scratch[static_cast<std::size_t>(thread)].get();
    case Source::stored:
      return memory->stored.get();
    case Source::unbatched:
      return memory->unbatched.get();
    case Source::cached:
      return memory->cached->bytes.get();
    case Source::input:
      return const_cast<void*>(views[slot]->data);
    case Source::carried:
      return carried[slot].bytes.get();
    case Source::parameter:
      return const_cast<void*>(parameter_data[slot]);
    case Source::constant:
      return plan->constants[slot].get();
  }
  return nullptr;
}

void* address(const WorkspaceData& w, const OperandPlan& p) {
  return static_cast<std::byte*>(w.base(p.source, p.slot, 0)) + p.fixed + p.scaled * w.scale(p.source);
}

void grow(AlignedBytes& buffer, std::size_t& held, std::size_t needed) {
  if (buffer && needed <= held) return;
  buffer.reset();
  held = 0;
  buffer = aligned_bytes(needed);
  held = needed;
}

template <class T>
void bind_parameters(WorkspaceData& w) {
  const PlanData& p = *w.plan;
  const auto* values = static_cast<const ParameterValues<T>*>(w.parameters);
  check_parameters(p, values);
  w.key = values ? CachedKey{values->identity().key(), values->version()} : CachedKey{};
  for (Index i = 0; i < p.parameter_count; ++i) w.parameter_data[static_cast<std::size_t>(i)] = values->at(i).data();
}
template void bind_parameters<float>(WorkspaceData&);
template void bind_parameters<double>(WorkspaceData&);

}  // namespace reel
