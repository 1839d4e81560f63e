// Writer: writes word after word with a Decoder: the likeliest, drawn at random, or the best of several by beam search.
//
// One step is a plan whose states are inputs and outputs; the host keeps them, drops rows and puts them in another order.
// Threads: one Writer per thread; the work inside runs on the ThreadPool it was given.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include <reel/graph/random.h>
#include <reel/models/generation/decoder.h>
#include <reel/plan/session.h>

namespace reel {

// What was written for one row: `ids` without START and END, and the log-probability in nats of each of them and, when the text
// ended by itself, of END.
struct Written {
  std::vector<std::int32_t> ids;
  std::vector<double> log_probabilities;
  bool ended = false;
  double log_probability() const;  // the sum
};

struct WriteLimits {
  std::int32_t start = 0, end = 1;  // ids of START and END; end < 0: texts do not end by themselves
  Index most = 100;                 // words at most, END among them
};

// The parts of a decoder's state in the order of its layout, each [rows, ..].
using HostState = std::vector<Tensor<float>>;

// The parts of a state that a session has computed, as they are now.
HostState host_state(const Session<float>& session, const AnyCell::State& state);

class Writer {
 public:
  // `values` outlive the writer; after an update of them it writes with the new ones.
  Writer(const Decoder& decoder, const ParameterValues<float>& values, ThreadPool threads = ThreadPool(1));

  HostState zeros(Index rows) const;

  // All three: one text per row of the state. InputError when its shapes are not those of the decoder's state, and for limits
  // that are no words; NumericError for logits that are NaN or +inf, and where all are -inf. One of -inf forbids its word.

  // The likeliest word at every step, of equal ones the first.
  std::vector<Written> greedy(const HostState& state, const WriteLimits& limits);
  // Drawn with probabilities softmax(logits / temperature); temperature > 0, else InputError. The log-probabilities are the
  // model's own, at temperature 1.
  std::vector<Written> sample(const HostState& state, const WriteLimits& limits, double temperature, RandomStream& random);
  // The likeliest text found when the `width` best beginnings are kept at every step: of those that ended if any did, else of
  // those that `most` cut off. InputError for width < 1.
  std::vector<Written> beam(const HostState& state, const WriteLimits& limits, Index width);

 private:
  struct Scored {
    HostState state;
    Tensor<double> log_probabilities;  // [rows, V]
  };
  Scored step(const HostState& state, std::span<const std::int32_t> words);
  void check(const HostState& state, const WriteLimits& limits) const;
  Written beam_of_row(const HostState& row, const WriteLimits& limits, Index width);
  template <class Choose>
  std::vector<Written> one_by_one(const HostState& state, const WriteLimits& limits, Choose choose);

  std::vector<StatePart> layout_;
  Decoder::Step out_;
  std::vector<std::string> names_;  // of the inputs, by part
  std::optional<Session<float>> session_;
};

// Rows of every part, in the order of `rows`, any number of times each. InputError for a row that is not there.
HostState take_rows(const HostState& state, std::span<const Index> rows);

}  // namespace reel
