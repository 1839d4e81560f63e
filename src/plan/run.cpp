// One run from end to end: bind, check, prepare, lay out, execute, commit.

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/plan/executor.h>
#include <reel/plan/memory.h>
#include <reel/plan/non_finite.h>
#include <reel/plan/workspace.h>
#include <reel/plan/workspace_data.h>

namespace reel {

namespace {

// B where the options ask for one, or where a committed state has it and no batched input tells.
std::optional<Index> expected_rows(const WorkspaceData& w, std::optional<Index> bound, const RunOptions& options) {
  if (options.rows || bound) return options.rows;
  for (std::size_t i = 0; i < w.carried.size(); ++i)
    if (w.carried[i].committed && w.plan->table.carried()[i].shape.batched()) return w.carried[i].rows;
  return std::nullopt;
}

// InputError for a carried state among the bindings.
void refuse_carried(const InputTable& table, std::span<const Binding> bindings) {
  if (table.carried().empty()) return;
  for (const Binding& b : bindings)
    if (table.carried(b.name) >= 0 && table.input(b.name) < 0)
      throw InputError(fmt::format("\"{}\" is carried; give it with Workspace::set_carried", b.name));
}

// InputError for arrays that the run itself would overwrite.
void refuse_own_values(const WorkspaceData& w, Index rows) {
  const auto inputs = w.plan->table.inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto elements = std::max<Index>(inputs[i].steps, 1) * inputs[i].step_elements(rows);
    if (w.owns(w.views[i]->data, static_cast<std::size_t>(elements) * element_bytes(w.views[i]->element)))
      throw InputError(fmt::format(
          "input {} is bound to an output of the same workspace, which the run overwrites; copy it first", inputs[i].text()));
  }
}

// Makes zero states for the context's rows; InputError when a state holds another number of rows.
void prepare_carried(WorkspaceData& w) {
  const auto slots = w.plan->table.carried();
  for (std::size_t i = 0; i < slots.size(); ++i) {
    CarriedState& state = w.carried[i];
    if (state.rows < 0) {
      state = CarriedState::zero(slots[i], w.context.rows, w.plan->element);
    } else if (slots[i].shape.batched() && state.rows != w.context.rows) {
      // A state that was only prepared for a run that then failed is still zero for any number of rows.
      if (!state.committed) {
        state = CarriedState::zero(slots[i], w.context.rows, w.plan->element);
        continue;
      }
      throw InputError(fmt::format("carried {} holds {} rows, but this run has {}; reset() first", slots[i].text(), state.rows,
                                   w.context.rows));
    }
  }
}

// What depends on parameters alone: as it is, or as another workspace of the plan has it, or memory for it.
void take_cached(WorkspaceData& w) {
  std::shared_ptr<CachedValues>& cached = w.memory->cached;
  const std::shared_ptr<CachedShelf>& shelf = w.plan->shelf;
  if (cached && cached->are(shelf, w.key)) return;
  if (auto found = shelf->find(w.key))
    cached = std::move(found);
  else
    cached = CachedShelf::writable(std::move(cached), static_cast<std::size_t>(w.sizes.cached));
}

// The whole batch, of which these rows are those of some shards. InputError where they are not as many as those have.
void meet_batch(WorkspaceData& w, const Shards& shards) {
  BatchRows& batch = w.shard_buffers.batch;
  if (shards.exchange)
    batch = shards.exchange->begin(w.plan->fingerprint, w.context.rows, w.counts);
  else
    batch = {w.context.rows, w.counts};
  if (const Index due = shards.rows.among(batch.rows); due != w.context.rows)
    throw InputError(fmt::format(
        "{} rows were given of a batch of {}: row r belongs to shard r mod {}, so that shards {} to {} have {}", w.context.rows,
        batch.rows, shards.rows.shards, shards.rows.first, shards.rows.first + shards.rows.own - 1, due));
}

Index plan_bytes(const PlanData::Sizes& s, int threads) { return s.stored + s.scratch_each * threads + s.unbatched + s.cached; }

// Grows the memory to the context's rows. When there is not enough, the next run begins anew.
void lay_out(WorkspaceData& w) {
  const PlanData& plan = *w.plan;
  const int threads = w.threads.count();
  WorkspaceMemory& m = *w.memory;
  if (w.rows != w.context.rows) {
    w.rows = -1;
    w.sizes = plan.sizes(w.context.rows, threads);
    w.block = largest_block(w.context.rows, threads, plan.row_costs);
    if (w.ports.empty()) w.ports.assign(static_cast<std::size_t>(threads), std::vector<KernelOperand>(plan.most_ports));
    w.rows = w.context.rows;
  }
  try {
    grow(m.stored, m.stored_bytes, static_cast<std::size_t>(w.sizes.stored));
    grow(m.unbatched, m.unbatched_bytes, static_cast<std::size_t>(w.sizes.unbatched));
    take_cached(w);
    const auto scratch = static_cast<std::size_t>(w.sizes.scratch_each);
    if (scratch <= m.scratch_bytes && m.scratch.size() >= static_cast<std::size_t>(threads)) return;
    m.scratch.clear();
    m.scratch_bytes = std::max(m.scratch_bytes, scratch);
    m.scratch.reserve(static_cast<std::size_t>(threads));
    for (int slot = 0; slot < threads; ++slot) m.scratch.push_back(aligned_bytes(m.scratch_bytes));
  } catch (const MemoryError& e) {
    throw MemoryError(
        fmt::format("a run over {} rows needs {} bytes: {}", w.context.rows, plan_bytes(w.sizes, threads), e.what()));
  }
}

}  // namespace

template <class T>
PreparedBindings Plan<T>::prepare(std::span<const Binding> bindings) const {
  auto prepared = std::make_shared<PreparedBindings::Data>();
  prepared->bindings.assign(bindings.begin(), bindings.end());
  prepared->rows = data().table.bind(prepared->bindings, element_of<T>(), prepared->views);
  refuse_carried(data().table, bindings);
  prepared->plan = data_;
  return PreparedBindings(std::move(prepared));
}

template <class T>
void Plan<T>::run(Workspace<T>& workspace, std::span<const Binding> bindings, const RunOptions& options) const {
  WorkspaceData& w = workspace.data();
  if (w.plan.get() != &data()) throw InputError("run: the workspace was made for another plan");
  const auto guard = w.memory->in_use.enter("the Workspace");
  const std::optional<Index> bound = data().table.bind(bindings, element_of<T>(), w.views);
  refuse_carried(data().table, bindings);
  run_bound(w, bound, bindings, options);
  if (options.commit) workspace.commit();
}

template <class T>
void Plan<T>::run(Workspace<T>& workspace, const PreparedBindings& prepared, const RunOptions& options) const {
  WorkspaceData& w = workspace.data();
  if (w.plan.get() != &data()) throw InputError("run: the workspace was made for another plan");
  if (prepared.data_->plan != data_) throw InputError("run: the bindings were prepared for another plan");
  const auto guard = w.memory->in_use.enter("the Workspace");
  w.views.assign(prepared.data_->views.begin(), prepared.data_->views.end());
  run_bound(w, prepared.data_->rows, prepared.bindings(), options);
  if (options.commit) workspace.commit();
}

// With the views in place.
template <class T>
void Plan<T>::run_bound(WorkspaceData& w, std::optional<Index> bound_rows, std::span<const Binding> bindings,
                        const RunOptions& options) const {
  bind_parameters<T>(w);
  const Index rows = data().table.rows(bound_rows, expected_rows(w, bound_rows, options));
  data().table.read_counts(rows, w.views, w.next_counts);
  refuse_own_values(w, rows);
  w.has_run = w.pending = false;
  w.context.rows = rows;
  w.context.dealt = options.shards ? options.shards->rows : DealtRows{};
  std::swap(w.counts, w.next_counts);
  w.context.counts = w.counts;
  prepare_carried(w);
  w.memory->values_of = nullptr;
  lay_out(w);
  if (options.shards) meet_batch(w, *options.shards);
  execute<T>(w, options.shards, w.shard_buffers.batch);
  w.memory->values_of = &w;
  w.has_run = w.pending = true;
  if (!options.check_finite || outputs_are_finite<T>(w)) return;
  const std::string place = explain_non_finite<T>(w, options.tape, bindings);
  w.has_run = w.pending = false;
  throw NumericError(fmt::format("an output is not finite{}", place.empty() ? "" : "; it began with " + place));
}

template class Plan<float>;
template class Plan<double>;

}  // namespace reel
