// AnyCell: any sized recurrent cell behind one type, so that a program chooses cells at run time.
#pragma once

#include <any>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/models/cells/recurrent_cell.h>

namespace reel {

class AnyCell {
 public:
  struct State {
    std::vector<Var> vars;  // the parts of the cell's own state
    std::any own;           // the state of the cell whose step this was, with what is no part of it; empty at first
    std::vector<Var*> parts() {
      std::vector<Var*> p;
      for (Var& v : vars) p.push_back(&v);
      return p;
    }
  };

  template <SizedCell C>
  AnyCell(C cell) : self_(std::make_shared<const Model<C>>(std::move(cell))) {}  // NOLINT: implicit by design

  State step(Var x, const State& previous) const { return self_->step(x, previous); }
  Var output(const State& state) const { return self_->output(state); }
  std::vector<StatePart> state_layout() const { return self_->state_layout(); }
  State make_state(std::span<const Var> parts) const { return {{parts.begin(), parts.end()}, {}}; }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual State step(Var x, const State& previous) const = 0;
    virtual Var output(const State& state) const = 0;
    virtual std::vector<StatePart> state_layout() const = 0;
  };

  template <class C>
  struct Model final : Interface {
    explicit Model(C c) : cell(std::move(c)) {}
    State step(Var x, const State& previous) const override {
      typename C::State next = cell.step(x, state_of(previous));
      State result;
      for (Var* v : state_parts(next)) result.vars.push_back(*v);
      result.own = std::move(next);
      return result;
    }
    Var output(const State& state) const override { return cell_output(cell, state_of(state)); }
    std::vector<StatePart> state_layout() const override { return cell.state_layout(); }

    typename C::State state_of(const State& state) const {
      const std::size_t count = cell.state_layout().size();
      if (count != state.vars.size())
        throw InputError(fmt::format("AnyCell: the state has {} parts, the cell {}", state.vars.size(), count));
      const auto* after_own_step = std::any_cast<typename C::State>(&state.own);
      if (!after_own_step) return reel::make_state(cell, state.vars);
      typename C::State result = *after_own_step;
      const std::vector<Var*> parts = state_parts(result);
      for (std::size_t i = 0; i < count; ++i) *parts[i] = state.vars[i];
      return result;
    }
    C cell;
  };

  std::shared_ptr<const Interface> self_;
};

}  // namespace reel
