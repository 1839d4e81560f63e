// What a recurrent cell is, and how its state is taken apart.
//
// A cell is any type with a State and   State step(Var x, State previous) const.   A State is a Var, or a struct of up to four
// Vars, or a container of states, or any type with   std::vector<Var*> parts()   naming what one step hands to the next.
// What a step shows to the outside is the cell's output(state) if it has one, the state itself if it is a Var, or its member h.
#pragma once

#include <concepts>
#include <ranges>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/tape.h>

namespace reel {

template <class C>
concept RecurrentCell = requires(const C& cell, Var x, typename C::State state) {
  { cell.step(x, state) } -> std::convertible_to<typename C::State>;
};

namespace detail {

struct AnyField {
  template <class F>
  operator F() const;  // only named in unevaluated braces, to count fields
};

template <class S, class... Fields>
concept HasFields = requires {
  S{Fields{}...};
};

template <class S>
void collect_parts(S& state, std::vector<Var*>& parts);

template <class S>
void collect_fields(S& state, std::vector<Var*>& parts) {
  constexpr bool kFields = std::is_aggregate_v<S> && !HasFields<S, AnyField, AnyField, AnyField, AnyField, AnyField>;
  static_assert(
      kFields,
      "a State is a Var, a container of States, or a struct of one to four of these; one that has more fields, or others, "
      "such as numbers, says what its parts are: std::vector<Var*> parts()");
  if constexpr (!kFields) {
    (void)state, (void)parts;  // said above
  } else if constexpr (HasFields<S, AnyField, AnyField, AnyField, AnyField>) {
    auto& [a, b, c, d] = state;
    collect_parts(a, parts), collect_parts(b, parts), collect_parts(c, parts), collect_parts(d, parts);
  } else if constexpr (HasFields<S, AnyField, AnyField, AnyField>) {
    auto& [a, b, c] = state;
    collect_parts(a, parts), collect_parts(b, parts), collect_parts(c, parts);
  } else if constexpr (HasFields<S, AnyField, AnyField>) {
    auto& [a, b] = state;
    collect_parts(a, parts), collect_parts(b, parts);
  } else {
    auto& [a] = state;
    collect_parts(a, parts);
  }
}

template <class S>
void collect_parts(S& state, std::vector<Var*>& parts) {
  if constexpr (std::same_as<S, Var>) {
    parts.push_back(&state);
  } else if constexpr (requires {
                         { state.parts() } -> std::convertible_to<std::vector<Var*>>;
                       }) {
    for (Var* v : state.parts()) parts.push_back(v);
  } else if constexpr (std::ranges::range<S>) {
    for (auto& s : state) collect_parts(s, parts);
  } else {
    collect_fields(state, parts);
  }
}

}  // namespace detail

// The Vars that a step hands to the next, in the order of the state's fields.
template <class S>
std::vector<Var*> state_parts(S& state) {
  std::vector<Var*> parts;
  detail::collect_parts(state, parts);
  return parts;
}

template <RecurrentCell C>
Var cell_output(const C& cell, const typename C::State& state) {
  if constexpr (requires {
                  { cell.output(state) } -> std::convertible_to<Var>;
                })
    return cell.output(state);
  else if constexpr (std::same_as<typename C::State, Var>)
    return state;
  else
    return state.h;
}

// One part of a library cell's state.
struct StatePart {
  std::string name;  // "h"
  Shape shape;       // [B, H]
};

// Cells that know the shape of their state; others are given an initial state.
template <class C>
concept SizedCell = RecurrentCell<C> && requires(const C& cell) {
  { cell.state_layout() } -> std::convertible_to<std::vector<StatePart>>;
};

// The cell's state made of the Vars of its layout, in order: by its make_state(parts) where it has one, as it must if a new State
// has not all its parts yet. InputError for another number of parts.
template <SizedCell C>
typename C::State make_state(const C& cell, std::span<const Var> parts) {
  if (const std::size_t count = cell.state_layout().size(); count != parts.size())
    throw InputError(fmt::format("a state of {} parts for a cell whose state has {}", parts.size(), count));
  if constexpr (requires { cell.make_state(parts); }) {
    return cell.make_state(parts);
  } else {
    typename C::State state{};
    const std::vector<Var*> fields = state_parts(state);
    if (fields.size() != parts.size())
      throw InputError(fmt::format("a new state has {} parts, the cell's layout {}: the cell needs a make_state(parts)",
                                   fields.size(), parts.size()));
    for (std::size_t i = 0; i < parts.size(); ++i) *fields[i] = parts[i];
    return state;
  }
}

}  // namespace reel
