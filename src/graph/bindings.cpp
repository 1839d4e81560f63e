#include <reel/graph/bindings.h>

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

int find(std::span<const InputSlot> slots, std::string_view name) {
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (slots[i].name == name) return static_cast<int>(i);
  return -1;
}

void check_element(const InputSlot& slot, const InputView& view, std::optional<Element> element) {
  const bool is_ids = view.element == Element::i32;
  if (slot.type == Type::id) {
    if (!is_ids)
      throw InputError(fmt::format("input {}: expects int32 ids, was given {}", slot.text(), element_name(view.element)));
    return;
  }
  if (is_ids || view.element == Element::c128 || (element && view.element != *element))
    throw InputError(fmt::format("input {}: expects {}, was given {}", slot.text(),
                                 element ? element_name(*element) : "float or double", element_name(view.element)));
}

// The rows that a view implies, or -1 for an input without B (one of counted rows is only made by check_gradients()). InputError
// when the shape cannot fit.
Index implied_rows(const InputSlot& slot, const InputView& view) {
  const int batch_axis = slot.single ? 0 : 1;
  const bool deep_enough = view.shape.rank() > batch_axis;
  const Index rows = slot.shape.batched() && deep_enough ? view.shape.dim(batch_axis) : 0;
  if (view.shape != slot.bound(rows)) throw InputError(fmt::format("input {}: was given {}", slot.text(), view.shape.text()));
  return slot.shape.rows() == B ? rows : -1;
}

}  // namespace

Shape InputSlot::bound(Index rows) const {
  const Shape step = shape.bind(rows);
  return single ? step : step.with_leading(steps);
}

std::string InputSlot::text() const {
  if (single) return name + " " + shape.text();
  const std::string step = shape.text();
  return fmt::format("{} [T={}{}{}", name, steps, step == "[]" ? "" : ", ", step.substr(1));
}

InputTable::InputTable(const Tape& tape, std::span<const NodeId> nodes) {
  std::unordered_map<std::string_view, int> known;
  for (NodeId id : nodes) {
    const Node& node = tape.node(id);
    const LeafInfo* leaf = node.op->leaf();
    if (!leaf || (leaf->kind != LeafInfo::Kind::input && leaf->kind != LeafInfo::Kind::carried)) continue;
    if (!known.try_emplace(leaf->name, 0).second) continue;
    auto& slots = leaf->kind == LeafInfo::Kind::input ? inputs_ : carried_;
    slots.push_back({leaf->name, node.type, node.shape, leaf->steps, leaf->step < 0});
  }
  add_counts(tape, nodes);
}

void InputTable::add_counts(const Tape& tape, std::span<const NodeId> nodes) {
  const RowCountTable& table = tape.pool()->row_counts();
  std::vector<std::ptrdiff_t> place(table.counts.size(), -1);  // in counts_
  for (NodeId id : nodes) {
    const RowCount rows = tape.node(id).shape.rows();
    if (!rows.is_counted() || place[rows.number()] >= 0) continue;
    const RowCountTable::Entry& entry = table.counts[rows.number()];
    if (input(entry.name) < 0) inputs_.push_back({entry.name, Type::id, Shape{}, entry.steps, false});
    place[rows.number()] = static_cast<std::ptrdiff_t>(counts_.size());
    counts_.push_back({rows.number(), static_cast<std::size_t>(input(entry.name)), entry.step});
  }
  for (const auto& [less, more] : table.at_most)
    if (place[less] >= 0 && place[more] >= 0)
      at_most_.emplace_back(counts_[static_cast<std::size_t>(place[less])], counts_[static_cast<std::size_t>(place[more])]);
}

void InputTable::read_counts(Index rows, std::span<const InputView* const> views, std::vector<std::int32_t>& counts) const {
  const auto text = [&](const CountSlot& c) { return fmt::format("{}[{}]", inputs_[c.slot].name, c.step); };
  counts.clear();
  for (const CountSlot& c : counts_) {
    const std::int32_t n = static_cast<const std::int32_t*>(views[c.slot]->data)[c.step];
    if (n < 0 || n > rows) throw InputError(fmt::format("{} = {} rows: there are {} in the batch", text(c), n, rows));
    if (counts.size() <= c.number) counts.resize(c.number + 1, 0);
    counts[c.number] = n;
  }
  for (const auto& [less, more] : at_most_)
    if (counts[less.number] > counts[more.number])
      throw InputError(fmt::format("{} = {} rows are taken of {} = {}; order the sequences by falling length", text(less),
                                   counts[less.number], text(more), counts[more.number]));
}

int InputTable::input(std::string_view name) const { return find(inputs_, name); }
int InputTable::carried(std::string_view name) const { return find(carried_, name); }

std::optional<Index> InputTable::bind(std::span<const Binding> bindings, std::optional<Element> element,
                                      std::vector<const InputView*>& views) const {
  views.assign(inputs_.size(), nullptr);
  const InputSlot* first = nullptr;
  Index bound_rows = -1;
  for (const Binding& b : bindings) {
    const int i = input(b.name);
    if (i < 0) continue;  // a plan of fewer outputs may not read every input of its tape
    if (views[i]) throw InputError(fmt::format("input {} is bound twice", inputs_[i].text()));
    check_element(inputs_[i], b.view, element);
    const Index implied = implied_rows(inputs_[i], b.view);
    if (implied >= 0 && bound_rows >= 0 && implied != bound_rows)
      throw InputError(
          fmt::format("input {} has B = {}, but input {} has B = {}", inputs_[i].text(), implied, first->text(), bound_rows));
    if (implied >= 0) first = &inputs_[i], bound_rows = implied;
    views[i] = &b.view;
  }
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    if (!views[i]) throw InputError(fmt::format("input {} is not bound", inputs_[i].text()));
  return bound_rows < 0 ? std::nullopt : std::optional(bound_rows);
}

Index InputTable::rows(std::optional<Index> bound, std::optional<Index> asked) const {
  if (asked && *asked < 0) throw InputError(fmt::format("the number of rows must be 0 or more, not {}", *asked));
  const Index rows = bound ? *bound : asked.value_or(1);
  if (rows > kMostRows) throw InputError(fmt::format("a batch has at most 2^31 - 1 rows, not {}", rows));
  if (asked && *asked != rows) {
    const auto batched = std::ranges::find_if(inputs_, [](const InputSlot& slot) { return slot.shape.rows() == B; });
    throw InputError(fmt::format("input {} has B = {}, but {} rows were asked for", batched->text(), rows, *asked));
  }
  for (const InputSlot& slot : inputs_) checked_product(std::max<Index>(slot.steps, 1), slot.step_elements(rows));
  return rows;
}

Index InputTable::match(std::span<const Binding> bindings, std::optional<Element> element, std::optional<Index> asked,
                        std::vector<const InputView*>& views, std::vector<std::int32_t>& counts) const {
  const Index found = rows(bind(bindings, element, views), asked);
  read_counts(found, views, counts);
  return found;
}

}  // namespace reel
