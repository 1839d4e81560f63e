// Builder: how a model of so many time steps is recorded, and what is asked of it.
//
// Threads: const; the function inside is called by one thread at a time.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <reel/graph/error.h>
#include <reel/graph/mode.h>
#include <reel/graph/tape.h>

namespace reel {

// A value that is asked for, under a name as an input has one. A Var alone has the name that Tape::name() gave it, or none.
struct Result {
  std::string name;
  Var value;
  Result(Var value) : name(value ? value.tape().name(value.id()) : ""), value(value) {}  // NOLINT: implicit
  Result(std::string name, Var value) : name(std::move(name)), value(value) {}           // NOLINT: implicit
};

template <class F>
concept RecordsSteps = std::invocable<F&, Tape&, Index>;
template <class F>
concept RecordsStepsInMode = std::invocable<F&, Tape&, Index, Mode>;

// Made of a function of (Tape&, Index steps) or of (Tape&, Index steps, Mode) that records a model and returns a Var, a Result or
// a list of them. Copies are equal; two Builders made of equal functions are not: keep the one that you pass again and again.
class Builder {
 public:
  Builder() = default;  // empty
  template <class F>
  requires((RecordsSteps<F> || RecordsStepsInMode<F>)&&!std::same_as<std::remove_cvref_t<F>, Builder>)
      Builder(F f) {                                                        // NOLINT: implicit by design
    if constexpr (std::is_pointer_v<F> || requires { f.operator bool(); })  // such as a std::function
      if (!static_cast<bool>(f)) throw InputError("Builder: the function is empty");
    record_ = std::make_shared<const Function>([f = std::move(f)](Tape& tape, Index steps, Mode mode) mutable {
      if constexpr (RecordsStepsInMode<F>)
        return listed(f(tape, steps, mode));
      else
        return listed(f(tape, steps));
    });
  }

  explicit operator bool() const { return record_ != nullptr; }
  bool operator==(const Builder&) const = default;
  std::vector<Result> record(Tape& tape, Index steps, Mode mode) const { return (*record_)(tape, steps, mode); }

 private:
  using Function = std::function<std::vector<Result>(Tape&, Index, Mode)>;
  static std::vector<Result> listed(Result result) { return {std::move(result)}; }
  static std::vector<Result> listed(std::vector<Result> results) { return results; }
  static std::vector<Result> listed(const std::vector<Var>& results) { return {results.begin(), results.end()}; }

  std::shared_ptr<const Function> record_;
};

}  // namespace reel
