#include <reel/plan/session_family.h>

#include <algorithm>
#include <cstring>
#include <deque>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

// Bindings of `steps` steps for a model of more: time-major arrays with zeros after them, and the mask where it is asked for.
template <class T>
class Padded {
 public:
  Padded(std::span<const Binding> given, std::span<const InputSlot> slots, Index steps, Index rounded, const std::string& mask) {
    Index rows = 1;
    for (const Binding& b : given) {
      const auto slot = std::ranges::find(slots, b.name, &InputSlot::name);
      const bool sequence = slot != slots.end() && !slot->single && b.view.shape.rank() > 0 && b.view.shape.dim(0) == steps;
      if (sequence && slot->shape.batched() && b.view.shape.rank() > 1) rows = b.view.shape.dim(1);
      bindings_.push_back(sequence ? Binding{b.name, padded(b.view, rounded)} : b);
    }
    const auto slot = std::ranges::find(slots, mask, &InputSlot::name);
    if (slot == slots.end() || std::ranges::find(given, mask, &Binding::name) != given.end()) return;
    Tensor<T> ones(slot->bound(rows));
    std::fill_n(ones.begin(), ones.size() / std::max<Index>(rounded, 1) * steps, T(1));
    bindings_.push_back({mask, numbers_.emplace_back(std::move(ones))});
  }
  std::span<const Binding> bindings() const { return bindings_; }

 private:
  InputView padded(const InputView& from, Index rounded) {
    InputView to = from;
    to.shape = from.shape.with_dim(0, rounded);
    const std::size_t size = element_bytes(from.element);
    AlignedBytes& bytes = bytes_.emplace_back(aligned_bytes(static_cast<std::size_t>(to.shape.row_size()) * size));
    const std::size_t filled = static_cast<std::size_t>(from.shape.row_size()) * size;
    std::memcpy(bytes.get(), from.data, filled);
    std::memset(bytes.get() + filled, 0, static_cast<std::size_t>(to.shape.row_size()) * size - filled);
    to.data = bytes.get();
    return to;
  }

  std::vector<Binding> bindings_;
  std::deque<AlignedBytes> bytes_;
  std::deque<Tensor<T>> numbers_;
};

}  // namespace

template <class T>
SessionFamily<T>::SessionFamily(Builder builder, const ParameterValues<T>* parameters, SessionOptions options,
                                LengthOptions lengths, Mode mode)
    : builder_(std::move(builder)),
      parameters_(parameters),
      options_(std::move(options)),
      lengths_(std::move(lengths)),
      mode_(mode) {
  if (!builder_) throw InputError("SessionFamily: the builder is empty");
  if (lengths_.round_to < 1)
    throw InputError(fmt::format("SessionFamily: lengths are rounded to multiples of 1 or more, not {}", lengths_.round_to));
  if (!(lengths_.spare >= 0)) throw InputError(fmt::format("SessionFamily: a share of memory cannot be {}", lengths_.spare));
}

template <class T>
SessionFamily<T>::SessionFamily(std::span<const Result> outputs, const ParameterValues<T>* parameters, SessionOptions options)
    : parameters_(parameters), options_(std::move(options)), mode_(Mode::inference) {
  sessions_.push_back({0, 0, Session<T>(outputs, parameters_, options_)});
}

// What the last run left, so that another session can go on from it.
template <class T>
void SessionFamily<T>::leave_active() {
  if (!dirty_) return;
  const Session<T>& last = sessions_.front().session;
  for (const InputSlot& slot : last.plan().carried()) {
    const auto state = last.workspace().carried(slot.name);
    if (slot.shape.batched()) with_rows_.insert(slot.name);
    carried_.insert_or_assign(slot.name,
                              Tensor<T>(state.shape(), std::span(state.data(), static_cast<std::size_t>(state.size()))));
  }
  dirty_ = false;
}

template <class T>
std::size_t SessionFamily<T>::common_bytes() const {
  return options_.memory ? sessions_.empty() ? 0 : sessions_.front().session.workspace().bytes() : 0;
}

// Drops what was not used for longest, until the others hold no more than this.
template <class T>
void SessionFamily<T>::forget(std::size_t most_bytes) {
  std::size_t held = 0;
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    held += it->bytes;
    it = held > most_bytes ? sessions_.erase(it) : std::next(it);
  }
}

template <class T>
typename SessionFamily<T>::Member& SessionFamily<T>::make(Index steps) {
  const auto share = [&](std::size_t largest) { return static_cast<std::size_t>(lengths_.spare * static_cast<double>(largest)); };
  // Room is made first, by what one as long as this one will need.
  std::size_t expected = largest_;
  if (!sessions_.empty() && sessions_.front().steps > 0) {
    const Member& last = sessions_.front();
    expected = std::max(expected, last.bytes / static_cast<std::size_t>(last.steps) * static_cast<std::size_t>(steps));
  }
  forget(share(expected));
  Tape tape;
  Session<T> session(builder_.record(tape, steps, mode_), parameters_, options_);
  if (!options_.memory) options_.memory = session.workspace().memory();
  const std::size_t bytes = tape.bytes() + session.plan().held_bytes();
  largest_ = std::max(largest_, bytes + common_bytes());
  forget(share(largest_));
  sessions_.push_front({steps, bytes, std::move(session)});
  return sessions_.front();
}

template <class T>
Session<T>& SessionFamily<T>::at(Index steps) {
  if (!builder_) {
    sessions_.front().session.workspace().set_runs(runs_);
    return sessions_.front().session;
  }
  if (steps > 0 && lengths_.round_to > 1) steps = round_up(steps, lengths_.round_to);
  if (sessions_.empty() || sessions_.front().steps != steps) {
    leave_active();
    const auto known = std::ranges::find(sessions_, steps, &Member::steps);
    if (known != sessions_.end())
      sessions_.splice(sessions_.begin(), sessions_, known);
    else
      make(steps);
    Session<T>& next = sessions_.front().session;
    for (const auto& [name, state] : carried_)
      if (next.plan().carries(name)) next.workspace().set_carried(name, state);
  }
  sessions_.front().session.workspace().set_runs(runs_);
  return sessions_.front().session;
}

// The steps of the bound sequences: of those inputs that are longer in a model of more steps.
template <class T>
Index SessionFamily<T>::steps_of(std::span<const Binding> bindings) {
  if (!sequences_) {
    Tape one, two;
    builder_.record(one, 1, mode_);
    builder_.record(two, 2, mode_);
    const auto longer = two.sequences();
    std::vector<std::string> names;
    for (const auto& [name, length] : one.sequences())
      if (std::ranges::find(longer, std::pair(name, length + 1)) != longer.end() && length == 1) names.push_back(name);
    sequences_ = std::move(names);
  }
  const Binding* first = nullptr;
  Index steps = 0;
  for (const Binding& b : bindings) {
    if (std::ranges::find(*sequences_, b.name) == sequences_->end() || b.view.shape.rank() == 0) continue;
    if (first && b.view.shape.dim(0) != steps)
      throw InputError(
          fmt::format("the sequence {} has {} steps, but {} has {}", first->name, steps, b.name, b.view.shape.dim(0)));
    first = &b;
    steps = b.view.shape.dim(0);
  }
  if (!first && !sequences_->empty())
    throw InputError(fmt::format("how many steps? None of the model's sequences ({}) is bound, and no number was given",
                                 fmt::join(*sequences_, ", ")));
  return steps;
}

template <class T>
Session<T>& SessionFamily<T>::run(std::span<const Binding> bindings, std::optional<Index> given, const RunOptions& options) {
  if (given && !builder_) {
    const auto recorded = sessions_.front().session.results()[0].value.tape().sequences();
    const bool same = std::ranges::any_of(recorded, [&](const auto& sequence) { return sequence.second == *given; });
    if (!same)
      throw InputError(
          fmt::format("{} steps were given, but the model is recorded already, of another length; only what has a "
                      "builder takes any number of steps",
                      *given));
  }
  const Index steps = given ? *given : builder_ ? steps_of(bindings) : 0;
  Session<T>& session = at(steps);
  const Index rounded = sessions_.front().steps;
  if (builder_ && lengths_.round_to > 1)
    session.run(Padded<T>(bindings, session.plan().inputs(), steps, rounded, lengths_.mask).bindings(), options);
  else
    session.run(bindings, options);
  if (options.commit) {
    dirty_ = true;
    ++runs_;
  }
  return session;
}

template <class T>
void SessionFamily<T>::commit() {
  if (sessions_.empty()) return;
  sessions_.front().session.workspace().commit();
  dirty_ = true;
  ++runs_;
}

template <class T>
void SessionFamily<T>::reset() {
  for (Member& m : sessions_) m.session.workspace().reset();
  carried_.clear();
  dirty_ = false;
}

template <class T>
typename SessionFamily<T>::State SessionFamily<T>::state() {
  leave_active();
  State state{carried_, with_rows_, runs_};
  std::erase_if(state.carried, [](const auto& entry) { return entry.second.size() == 0; });
  return state;
}

template <class T>
void SessionFamily<T>::set_state(State state) {
  if (!sessions_.empty())
    for (const auto& [name, value] : state.carried)
      if (!sessions_.front().session.plan().carries(name))
        throw InputError(fmt::format("the model carries no state \"{}\"", name));
  reset();
  carried_ = std::move(state.carried);
  with_rows_ = std::move(state.with_rows);
  runs_ = state.runs;
  if (sessions_.empty()) return;
  for (const auto& [name, value] : carried_) sessions_.front().session.workspace().set_carried(name, value);
}

template <class T>
std::size_t SessionFamily<T>::bytes() const {
  std::size_t total = sessions_.empty() ? 0 : sessions_.front().session.workspace().bytes();
  for (const Member& m : sessions_) total += m.bytes;
  return total;
}

template class SessionFamily<float>;
template class SessionFamily<double>;

}  // namespace reel
