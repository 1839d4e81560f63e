#include <reel/graph/interpreter.h>

#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel {
namespace {

bool finite(double x) { return std::isfinite(x); }
bool finite(std::complex<double> x) { return std::isfinite(x.real()) && std::isfinite(x.imag()); }

template <class T>
void convert(const InputView& from, Index offset, Tensor<T>& to) {
  for (Index i = 0; i < to.size(); ++i) {
    const Index at = offset + i;
    to[i] = from.element == Element::f32 ? static_cast<T>(static_cast<const float*>(from.data)[at])
                                         : static_cast<T>(static_cast<const double*>(from.data)[at]);
  }
}

std::vector<NodeId> all_nodes(const Tape& tape) {
  std::vector<NodeId> ids(tape.size());
  std::iota(ids.begin(), ids.end(), NodeId{0});
  return ids;
}

}  // namespace

template <class T>
Interpreter<T>::Interpreter(const Tape& tape, std::span<const Binding> bindings, ParameterSource parameters, RunContext context,
                            std::optional<Index> rows)
    : tape_(tape), context_(context), real_(tape.size()), ids_(tape.size()), shapes_(tape.size()) {
  const InputTable table(tape, all_nodes(tape));
  std::vector<const InputView*> views;
  context_.rows = table.match(bindings, std::nullopt, rows, views, counts_);
  context_.counts = counts_;
  for (NodeId id = 0; id < tape.size(); ++id) {
    const Node& n = tape.node(id);
    shapes_[id] = context_.bind(n.shape);
    if (n.op->leaf()) load_leaf(id, bindings, table, views, parameters);
  }
}

template <class T>
void Interpreter<T>::load_leaf(NodeId id, std::span<const Binding> bindings, const InputTable& table,
                               std::span<const InputView* const> views, const ParameterSource& parameters) {
  const Node& n = tape_.node(id);
  const LeafInfo& leaf = *n.op->leaf();
  switch (leaf.kind) {
    case LeafInfo::Kind::input: {
      const InputView& view = *views[table.input(leaf.name)];
      const Index offset = std::max<Index>(leaf.step, 0) * n.shape.elements(context_.rows);
      if (n.type == Type::id) {
        ids_[id] = Tensor<std::int32_t>(shapes_[id]);
        std::copy_n(static_cast<const std::int32_t*>(view.data) + offset, ids_[id].size(), ids_[id].data());
      } else {
        real_[id] = Tensor<T>(shapes_[id]);
        convert(view, offset, real_[id]);
      }
      return;
    }
    case LeafInfo::Kind::carried:
      real_[id] = Tensor<T>(shapes_[id]);
      for (const Binding& b : bindings) {
        if (b.name != leaf.name) continue;
        if (b.view.shape != shapes_[id] || (b.view.element != Element::f32 && b.view.element != Element::f64))
          throw InputError(
              fmt::format("carried {}: was given {} {}", tape_.describe(id), element_name(b.view.element), b.view.shape.text()));
        convert(b.view, 0, real_[id]);
      }
      return;
    case LeafInfo::Kind::parameter:
      if (const auto values = parameters.find(leaf.parameter)) {
        real_[id] = Tensor<T>(shapes_[id]);
        return convert(*values, 0, real_[id]);
      }
      throw InputError(fmt::format("interpret: the tape has parameter {} but no values for it were given", tape_.describe(id)));
    case LeafInfo::Kind::constant:
      return evaluate_node(id);
  }
}

template <class T>
void Interpreter<T>::evaluate_node(NodeId id) {
  const auto operand = [&](NodeId i) {
    OracleOperand<T> o;
    o.shape = &tape_.node(i).shape;
    o.size = shapes_[i].row_size();
    if (tape_.node(i).type == Type::id)
      o.ids = ids_[i].data();
    else
      o.real = real_[i].data();
    return o;
  };
  const Node& n = tape_.node(id);
  if (n.type == Type::id) {
    if (ids_[id].shape() != shapes_[id]) ids_[id] = Tensor<std::int32_t>(shapes_[id]);
  } else if (real_[id].shape() != shapes_[id]) {
    real_[id] = Tensor<T>(shapes_[id]);
  }
  operands_.clear();
  for (NodeId x : tape_.inputs(id)) operands_.push_back(operand(x));
  try {
    n.op->evaluate(Evaluation<T>{context_, operands_, operand(id)});
  } catch (const InputError& e) {
    throw InputError(fmt::format("[{}] {} ({})", n.op->name(), e.what(), tape_.place(id)));
  }
}

template <class T>
NodeId Interpreter<T>::checked(NodeId id) const {
  if (id < real_.size()) return id;
  throw InputError(fmt::format("interpret: {} was recorded after the interpreter was made", tape_.describe(id)));
}

template <class T>
void Interpreter<T>::evaluate(std::optional<NodeId> until) {
  const NodeId end = std::min(until.value_or(static_cast<NodeId>(real_.size())), static_cast<NodeId>(real_.size()));
  for (NodeId id = 0; id < end; ++id)
    if (!tape_.node(id).op->leaf()) evaluate_node(id);
  evaluated_ = end;
}

template <class T>
std::optional<NodeId> Interpreter<T>::first_non_finite() const {
  for (NodeId id = 0; id < evaluated_; ++id)
    for (const T& x : real_[id])
      if (!finite(x)) return id;
  return std::nullopt;
}

template <class T>
std::string Interpreter<T>::explain_non_finite() const {
  const auto id = first_non_finite();
  if (!id) return {};
  const auto values = value(*id);
  const auto bad = std::find_if(values.begin(), values.end(), [](const T& x) { return !finite(x); });
  return fmt::format("[{}] element {} of {} is {} ({})", tape_.node(*id).op->name(), bad - values.begin(), tape_.describe(*id),
                     std::real(*bad), tape_.place(*id));
}

template class Interpreter<float>;
template class Interpreter<double>;
template class Interpreter<std::complex<double>>;

}  // namespace reel
