#include <reel/models/generation/writer.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/models/generation/draw.h>

namespace reel {
namespace {

Index rows_of(const HostState& state) { return state.empty() ? 0 : state[0].shape().dim(0); }

void append(Written& text, std::int32_t id, double log_probability, const WriteLimits& limits) {
  text.log_probabilities.push_back(log_probability);
  if (id == limits.end)
    text.ended = true;
  else
    text.ids.push_back(id);
}

// A text that goes on with one word more.
struct Candidate {
  Index from;  // which text
  std::int32_t id;
  double score;                                   // log-probability of the whole
  bool operator<(const Candidate& other) const {  // the better comes first; of equal ones the one found first
    return score != other.score ? score > other.score : std::pair(from, id) < std::pair(other.from, other.id);
  }
};

// The `width` best, of those that may be written at all.
std::vector<Candidate> best_candidates(const std::vector<Written>& open, const Tensor<double>& next, Index width) {
  const Index V = next.shape().dim(1);
  std::vector<Candidate> all;
  for (Index r = 0; r < static_cast<Index>(open.size()); ++r) {
    const double before = open[static_cast<std::size_t>(r)].log_probability();
    for (Index v = 0; v < V; ++v)
      if (const double score = before + next[r * V + v]; std::isfinite(score))
        all.push_back({r, static_cast<std::int32_t>(v), score});
  }
  const std::size_t kept = std::min(static_cast<std::size_t>(width), all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end());
  all.resize(kept);
  return all;
}

}  // namespace

double Written::log_probability() const { return std::accumulate(log_probabilities.begin(), log_probabilities.end(), 0.0); }

HostState take_rows(const HostState& state, std::span<const Index> rows) {
  HostState taken;
  for (const Tensor<float>& part : state) {
    if (part.shape().rank() == 0) throw InputError("take_rows: a part of the state has no rows, its shape is []");
    for (Index row : rows)
      if (row < 0 || row >= part.shape().dim(0))
        throw InputError(fmt::format("take_rows: there is no row {} in a state of {}", row, part.shape().dim(0)));
    const Index size = part.shape().row_size() / std::max<Index>(part.shape().dim(0), 1);
    Tensor<float>& to = taken.emplace_back(part.shape().with_dim(0, static_cast<Index>(rows.size())));
    for (std::size_t r = 0; r < rows.size(); ++r)
      std::copy_n(part.data() + rows[r] * size, size, to.data() + static_cast<Index>(r) * size);
  }
  return taken;
}

HostState host_state(const Session<float>& session, const AnyCell::State& state) {
  HostState host;
  for (const Var& part : state.vars) {
    const auto value = session[part];
    host.emplace_back(value.shape(), std::span<const float>(value.data(), static_cast<std::size_t>(value.size())));
  }
  return host;
}

Writer::Writer(const Decoder& decoder, const ParameterValues<float>& values, ThreadPool threads)
    : layout_(decoder.cell().state_layout()) {
  Tape tape;
  const AnyCell::State state = input_state(tape, decoder.cell(), "state");
  for (const StatePart& part : layout_) names_.push_back("state." + part.name);
  out_ = decoder.step(tape.ids("word", {B}), state);
  std::vector<Result> outputs{{"logits", out_.logits}};
  outputs.insert(outputs.end(), out_.state.vars.begin(), out_.state.vars.end());
  session_.emplace(outputs, &values, SessionOptions{.threads = std::move(threads)});
}

HostState Writer::zeros(Index rows) const {
  HostState state;
  for (const StatePart& part : layout_) state.emplace_back(part.shape.bind(rows));
  return state;
}

void Writer::check(const HostState& state, const WriteLimits& limits) const {
  const Index V = out_.logits.shape().last();
  if (limits.start < 0 || limits.start >= V)
    throw InputError(fmt::format("Writer: START is {}, outside the words [0, {})", limits.start, V));
  if (limits.end >= V) throw InputError(fmt::format("Writer: END is {}, outside the words [0, {})", limits.end, V));
  if (limits.most < 0) throw InputError(fmt::format("Writer: cannot write at most {} words", limits.most));
  if (state.size() != layout_.size())
    throw InputError(fmt::format("Writer: a state of {} parts; the decoder's has {}", state.size(), layout_.size()));
  for (std::size_t i = 0; i < state.size(); ++i)
    if (state[i].shape().rank() == 0 || state[i].shape() != layout_[i].shape.bind(rows_of(state)))
      throw InputError(fmt::format("Writer: state part {} must be {}, not {}", layout_[i].name, layout_[i].shape.text(),
                                   state[i].shape().text()));
}

Writer::Scored Writer::step(const HostState& state, std::span<const std::int32_t> words) {
  const auto rows = static_cast<Index>(words.size());
  const Tensor<std::int32_t> ids(Shape{rows}, words);
  std::vector<Binding> bindings{{"word", ids}};
  for (std::size_t i = 0; i < state.size(); ++i) bindings.push_back({names_[i], state[i]});
  session_->run(bindings);
  Scored next;
  next.state = host_state(*session_, out_.state);
  const auto logits = (*session_)["logits"];
  const Index V = logits.shape().dim(1);
  next.log_probabilities = Tensor<double>(Shape{rows, V});
  for (Index r = 0; r < rows; ++r)
    if (!log_softmax_of(std::span(logits.data() + r * V, static_cast<std::size_t>(V)),
                        std::span(next.log_probabilities.data() + r * V, static_cast<std::size_t>(V))))
      throw NumericError(fmt::format("Writer: the logits of row {} are no finite numbers", r));
  return next;
}

// choose(log-probabilities, V): the next word of a row.
template <class Choose>
std::vector<Written> Writer::one_by_one(const HostState& begin, const WriteLimits& limits, Choose choose) {
  check(begin, limits);
  const Index rows = rows_of(begin);
  std::vector<Written> texts(static_cast<std::size_t>(rows));
  std::vector<std::int32_t> words(static_cast<std::size_t>(rows), limits.start);
  HostState state = begin;
  for (Index i = 0; i < limits.most && rows > 0; ++i) {
    Scored next = step(state, words);
    state = std::move(next.state);
    const Index V = next.log_probabilities.shape().dim(1);
    bool open = false;
    for (Index r = 0; r < rows; ++r) {
      Written& text = texts[static_cast<std::size_t>(r)];
      if (text.ended) continue;
      const double* row = next.log_probabilities.data() + r * V;
      const std::int32_t id = choose(row, V);
      append(text, id, row[id], limits);
      if (text.ended) continue;  // its END is not read: a decoder need not know it as a word
      words[static_cast<std::size_t>(r)] = id;
      open = true;
    }
    if (!open) break;
  }
  return texts;
}

std::vector<Written> Writer::greedy(const HostState& state, const WriteLimits& limits) {
  return one_by_one(state, limits,
                    [](const double* row, Index V) { return static_cast<std::int32_t>(std::max_element(row, row + V) - row); });
}

std::vector<Written> Writer::sample(const HostState& state, const WriteLimits& limits, double temperature, RandomStream& random) {
  if (!(temperature > 0)) throw InputError(fmt::format("Writer: the temperature must be positive, not {}", temperature));
  return one_by_one(state, limits, [&](const double* row, Index V) {
    return draw_by_logits(std::span(row, static_cast<std::size_t>(V)), temperature, random);
  });
}

std::vector<Written> Writer::beam(const HostState& state, const WriteLimits& limits, Index width) {
  if (width < 1) throw InputError(fmt::format("Writer: the width of a beam must be 1 or more, not {}", width));
  check(state, limits);
  std::vector<Written> texts;
  for (Index r = 0; r < rows_of(state); ++r) texts.push_back(beam_of_row(take_rows(state, {{r}}), limits, width));
  return texts;
}

Written Writer::beam_of_row(const HostState& row, const WriteLimits& limits, Index width) {
  std::vector<Written> open(1), done;
  const auto score = [](const Written& text) { return text.log_probability(); };
  HostState state = row;
  for (Index i = 0; i < limits.most && !open.empty(); ++i) {
    std::vector<std::int32_t> words;
    for (const Written& text : open) words.push_back(text.ids.empty() ? limits.start : text.ids.back());
    const Scored next = step(state, words);
    const Index V = next.log_probabilities.shape().dim(1);
    std::vector<Written> longer;
    std::vector<Index> rows;
    for (const Candidate& c : best_candidates(open, next.log_probabilities, width)) {
      Written text = open[static_cast<std::size_t>(c.from)];
      append(text, c.id, next.log_probabilities[c.from * V + c.id], limits);
      if (text.ended) {
        done.push_back(std::move(text));
      } else {
        longer.push_back(std::move(text));
        rows.push_back(c.from);
      }
    }
    open = std::move(longer);
    state = take_rows(next.state, rows);
    // A longer text is never likelier than its beginning.
    const auto best = std::ranges::max_element(done, {}, score);
    if (best != done.end() && std::ranges::all_of(open, [&](const Written& text) { return score(text) <= score(*best); })) break;
  }
  if (done.empty()) done = std::move(open);
  return *std::ranges::max_element(done, {}, score);
}

}  // namespace reel
