// SessionFamily: one model for sequences of any length: a Session for each length, recorded and planned when it is first met.
//
// The sessions share the memory that they run in, and the carried state goes from one to the next: it is that of the last run,
// whatever its length. A length is not kept for ever: what the plans of other lengths may hold is a share of what the largest
// holds, and those that were not used for longest go first. Programs that meet many lengths round them up. Threads: one at a
// time.
#pragma once

#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <reel/plan/session.h>

namespace reel {

struct LengthOptions {
  // Lengths are rounded up to multiples of this, and time-major inputs [T, B, ..] are padded with zeros at their end: for models
  // that take a mask. The model must give the same results for padded sequences (models/lengths.h).
  Index round_to = 1;
  // The mask's input [T, B], made by the family where it is not among the bindings: 1 for a step that there is, else 0.
  std::string mask = "mask";
  // What the plans of other lengths may hold, as a share of what the largest one and the common memory hold.
  double spare = 0.25;
};

template <class T = float>
class SessionFamily {
 public:
  // `parameters` outlive the family. InputError for lengths rounded to less than 1 and a negative share.
  SessionFamily(Builder builder, const ParameterValues<T>* parameters = nullptr, SessionOptions options = {},
                LengthOptions lengths = {}, Mode mode = Mode::inference);
  // Of a model that is recorded already: one session, for every number of steps.
  SessionFamily(std::span<const Result> outputs, const ParameterValues<T>* parameters, SessionOptions options);

  // One run of the model of so many steps, and the session that ran. Without `steps`, as many as the bound sequences have. With
  // `commit` false in the options, carried state and the count of runs wait for commit(). Throws as Session::run and as the
  // builder; the state is then as before. InputError for other steps than a recorded model has, and for sequences that differ in
  // theirs.
  Session<T>& run(std::span<const Binding> bindings, std::optional<Index> steps = std::nullopt, const RunOptions& options = {});
  Session<T>& run(std::initializer_list<Binding> bindings, std::optional<Index> steps = std::nullopt,
                  const RunOptions& options = {}) {
    return run(std::span(bindings.begin(), bindings.size()), steps, options);
  }
  void commit();
  void reset();  // carried state back to zero, for any number of rows

  // What runs leave to the next: to be set again in this or in another family of the same model.
  struct State {
    std::map<std::string, Tensor<T>> carried;  // nothing for a state that no run has committed yet
    std::set<std::string> with_rows;           // those of them that have B
    std::uint64_t runs = 0;
  };
  State state();
  // InputError, with the state as it was, for a name that the model, where it is planned already, does not carry.
  void set_state(State state);

  // The session of so many steps (rounded up), with the state and the count of runs that the last run left.
  Session<T>& at(Index steps);
  std::uint64_t runs() const { return runs_; }
  std::size_t lengths() const { return sessions_.size(); }  // kept now
  std::size_t bytes() const;                                // an estimate of what all of them hold

 private:
  struct Member {
    Index steps;
    std::size_t bytes;  // of tape and plan
    Session<T> session;
  };
  void leave_active();
  Index steps_of(std::span<const Binding> bindings);
  Member& make(Index steps);
  void forget(std::size_t most_bytes);
  std::size_t common_bytes() const;

  Builder builder_;                                    // empty where the model was recorded already
  std::optional<std::vector<std::string>> sequences_;  // that are as long as a model has steps; once they are needed
  const ParameterValues<T>* parameters_;
  SessionOptions options_;
  LengthOptions lengths_;
  Mode mode_;
  std::list<Member> sessions_;  // the last used first, and that one is active
  bool dirty_ = false;          // the active one's carried state is newer than what is kept here
  std::map<std::string, Tensor<T>> carried_;
  std::set<std::string> with_rows_;
  std::uint64_t runs_ = 0;
  std::size_t largest_ = 0;
};

}  // namespace reel
