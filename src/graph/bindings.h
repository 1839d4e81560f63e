// How named arrays meet the inputs of a tape: the table of what must be bound, and the checks at run.
//
// An input of shape [B, ...] binds [rows, ...]; a Sequence of T such inputs binds one time-major [T, rows, ...].
// Every violation is an InputError naming the input, its shape, and what was given. Threads: const after construction.
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <reel/graph/tape.h>

namespace reel {

// An array under the name of the input that it is for: of float, double or int32 (ids), shaped as InputSlot::bound says. Name and
// numbers are borrowed: they must live until the call that they are given to returns. Temporaries are kept by the binding itself.
struct Binding {
  std::string_view name;
  InputView view;

  Binding(std::string_view name, InputView view) : name(name), view(std::move(view)) {}
  template <std::same_as<std::string> Name>  // of which a temporary is deduced; what has a name is borrowed
  Binding(Name&& temporary, InputView view)
      : view(std::move(view)), kept_name_(std::make_shared<const std::string>(std::move(temporary))) {
    name = *kept_name_;
  }

 private:
  std::shared_ptr<const std::string> kept_name_;
};

// Of a batch: counts of its rows are int32.
inline constexpr Index kMostRows = (Index{1} << 31) - 1;

struct InputSlot {
  std::string name;
  Type type;
  Shape shape;      // of one step
  Index steps = 0;  // 0 with single == true: not a Sequence
  bool single = true;

  Index step_elements(Index rows) const { return shape.elements(rows); }
  Shape bound(Index rows) const;  // the shape that must be bound
  std::string text() const;       // "x [T=25, B, 65]"
};

class InputTable {
 public:
  InputTable() = default;
  // The distinct inputs and carried values among the given nodes of a tape.
  InputTable(const Tape& tape, std::span<const NodeId> nodes);

  std::span<const InputSlot> inputs() const { return inputs_; }
  std::span<const InputSlot> carried() const { return carried_; }
  int input(std::string_view name) const;    // index, or -1
  int carried(std::string_view name) const;  // index, or -1

  // Puts the views in the order of inputs() and returns B. `rows`: B where no batched input tells it (default 1).
  // `counts`: by number, the counts of rows that the nodes use.
  // `element`: what real inputs must be made of; nullopt accepts float and double. Names that no
  // input here has are ignored: a plan of fewer outputs need not read every input of its tape.
  Index match(std::span<const Binding> bindings, std::optional<Element> element, std::optional<Index> rows,
              std::vector<const InputView*>& views, std::vector<std::int32_t>& counts) const;

  // The parts of match(). What does not change while views are bound: B, where a batched input tells it.
  std::optional<Index> bind(std::span<const Binding> bindings, std::optional<Element> element,
                            std::vector<const InputView*>& views) const;
  // What may: B of a run, and the counts.
  Index rows(std::optional<Index> bound, std::optional<Index> asked) const;
  void read_counts(Index rows, std::span<const InputView* const> views, std::vector<std::int32_t>& counts) const;

 private:
  void add_counts(const Tape& tape, std::span<const NodeId> nodes);

  // A count of rows among the nodes: which slot and step it is bound by.
  struct CountSlot {
    std::uint32_t number;
    std::size_t slot;
    Index step;
  };

  std::vector<InputSlot> inputs_;
  std::vector<InputSlot> carried_;
  std::vector<CountSlot> counts_;
  std::vector<std::pair<CountSlot, CountSlot>> at_most_;  // the first is no more than the second
};

}  // namespace reel
