// unroll(): a cell over the steps of a sequence. Backpropagation through time is gradients() of what this records.
#pragma once

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/models/cells/recurrent_cell.h>
#include <reel/models/lengths.h>

namespace reel {

template <class State>
struct Unrolled {
  Sequence outputs;           // what each step shows, in the order of time; packed: of the rows that have it
  std::vector<State> states;  // after each step
  State last;                 // each row's after its last step; the initial state for an empty sequence
};

namespace detail {

// A state that holds its parts and nothing else, where the cell can make one.
template <RecurrentCell C>
typename C::State only_parts(const C& cell, typename C::State state) {
  if constexpr (SizedCell<C>) {
    std::vector<Var> parts;
    for (const Var* part : state_parts(state)) parts.push_back(*part);
    return make_state(cell, parts);
  } else {
    return state;
  }
}

}  // namespace detail

// Steps are labelled "step 0", "step 1", ... Where the initial state is carried (tape.carried, carried_state), the final one
// becomes the next run's first: the delay unit of truncated backpropagation through time.
//
// Lengths apply to the parts of a state: what a cell shows should be one of them. Whatever else a state of a sized cell holds,
// such as a dropout mask or the logits of a Jordan network, belongs to one sequence: the first step is not given it, and with
// lengths the final state has none of it. InputError when a step changes the number of parts.
template <RecurrentCell C>
Unrolled<typename C::State> unroll(const C& cell, const Sequence& x, typename C::State initial, const Lengths& lengths = {},
                                   Direction direction = Direction::forward) {
  lengths.require_steps(x.size());
  const std::size_t T = x.size();
  Unrolled<typename C::State> run;
  run.outputs.resize(T);
  run.states.resize(T);
  run.last = initial = detail::only_parts(cell, std::move(initial));
  const std::vector<Var*> first = state_parts(initial);
  std::vector<std::vector<Var>> of_step(first.size(), std::vector<Var>(T));  // by part
  for (std::size_t i = 0; i < T; ++i) {
    const std::size_t t = direction == Direction::forward ? i : T - 1 - i;
    const auto scope = x[t].tape().scope(fmt::format("step {}", t));
    typename C::State previous = run.last;
    const std::vector<Var*> before = state_parts(previous);
    for (std::size_t p = 0; p < before.size(); ++p) *before[p] = lengths.before(t, *before[p], *first[p], direction, i == 0);
    run.last = cell.step(lengths.input(t, x[t]), previous);
    const std::vector<Var*> after = state_parts(run.last);
    if (after.size() != first.size())
      throw InputError(fmt::format("unroll: a state of {} parts, and of {} after step {}", first.size(), after.size(), t));
    for (std::size_t p = 0; p < after.size(); ++p) of_step[p][t] = *after[p] = lengths.after(t, *after[p], *before[p]);
    run.states[t] = run.last;
    run.outputs[t] = cell_output(cell, run.last);
  }
  if (lengths.given()) run.last = detail::only_parts(cell, std::move(run.last));
  const std::vector<Var*> last = state_parts(run.last);
  for (std::size_t p = 0; p < last.size(); ++p) {
    *last[p] = lengths.last(of_step[p], *first[p], direction);
    const LeafInfo* leaf = first[p]->tape().node(first[p]->id()).op->leaf();
    if (leaf && leaf->kind == LeafInfo::Kind::carried) first[p]->tape().carry(*first[p], *last[p]);
  }
  return run;
}

namespace detail {

// The cell's state with part i made by make(layout[i]).
template <SizedCell C, class Make>
typename C::State build_state(const C& cell, Make make) {
  std::vector<Var> parts;
  for (const StatePart& part : cell.state_layout()) parts.push_back(make(part));
  return make_state(cell, parts);
}

}  // namespace detail

template <SizedCell C>
typename C::State zero_state(Tape& tape, const C& cell) {
  return detail::build_state(cell, [&](const StatePart& part) { return tape.zeros(part.shape); });
}

// Kept between runs, under the names "<name>.h", "<name>.c", ...
template <SizedCell C>
typename C::State carried_state(Tape& tape, const C& cell, const std::string& name) {
  return detail::build_state(cell, [&](const StatePart& part) { return tape.carried(name + "." + part.name, part.shape); });
}

// Bound at run, under the names "<name>.h", "<name>.c", ...
template <SizedCell C>
typename C::State input_state(Tape& tape, const C& cell, const std::string& name) {
  return detail::build_state(cell, [&](const StatePart& part) { return tape.input(name + "." + part.name, part.shape); });
}

// [T, B, I] steps through a function of one step, e.g. a Linear head over the outputs of a cell.
template <class F>
Sequence map_steps(const Sequence& x, const F& f) {
  Sequence y;
  for (std::size_t t = 0; t < x.size(); ++t) {
    const auto scope = x[t].tape().scope(fmt::format("step {}", t));
    y.push_back(f(x[t]));
  }
  return y;
}

}  // namespace reel
