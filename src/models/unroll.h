// unroll(): a cell over the steps of a sequence. Backpropagation through time is gradients() of what this records.
#pragma once

#include <fmt/format.h>

#include <reel/models/deep.h>
#include <reel/models/recurrent_cell.h>

namespace reel {

template <class State>
struct Unrolled {
  Sequence outputs;           // what each step shows
  std::vector<State> states;  // after each step
  State final;                // the last of them, or the initial state for an empty sequence
};

// Where the initial state is carried (tape.carried, carried_state), the final one becomes the next run's first: the delay
// unit of truncated backpropagation through time. Steps are labelled "step 0", "step 1", ...
template <RecurrentCell C>
Unrolled<typename C::State> unroll(const C& cell, const Sequence& x, typename C::State initial) {
  Unrolled<typename C::State> run;
  run.final = initial;
  for (std::size_t t = 0; t < x.size(); ++t) {
    const auto scope = x[t].tape().scope(fmt::format("step {}", t));
    run.final = cell.step(x[t], run.final);
    run.states.push_back(run.final);
    run.outputs.push_back(cell_output(cell, run.final));
  }
  const std::vector<Var*> first = state_parts(initial), last = state_parts(run.final);
  for (std::size_t i = 0; i < first.size(); ++i) {
    const LeafInfo* leaf = first[i]->tape().node(first[i]->id()).op->leaf();
    if (leaf && leaf->kind == LeafInfo::Kind::carried && !(*first[i] == *last[i])) first[i]->tape().carry(*first[i], *last[i]);
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
