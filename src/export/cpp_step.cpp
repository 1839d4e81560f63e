#include <reel/export/cpp_step.h>

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <reel/graph/cpp_form.h>
#include <reel/graph/error.h>

namespace reel {
namespace {

class StepWriter final : public CppWriter {
 public:
  StepWriter(const PlanData& plan, std::span<const std::string> output_names, const ParameterValues<float>& values)
      : plan_(plan), tape_(*plan.program.tape), values_(values), known_(parameter_only(tape_)), numbers_(tape_.size()) {
    for (const InputSlot& slot : plan.table.inputs())
      step_.inputs.push_back({names_.give(slot.name), slot.type, slot.bound(1), slot.bound(1).row_size(), 0});
    for (const InputSlot& slot : plan.table.carried())
      step_.states.push_back({names_.give(slot.name), slot.type, slot.shape.row(), slot.shape.row_size(), 0});
    for (std::size_t i = 0; i < output_names.size(); ++i) {
      const Node& n = tape_.node(plan.program.roots[i]);
      step_.outputs.push_back(
          {names_.give(output_names[i].empty() ? "y" : output_names[i]), n.type, n.shape.row(), n.shape.row_size(), 0});
    }
  }

  CppStep write() {
    for (const Phase& phase : plan_.schedule.phases)
      for (NodeId id : phase.nodes)
        if (!known_[id]) write_node(id);
    // States first: what is given out may lie where an input lay.
    const std::size_t outputs = step_.outputs.size();
    for (std::size_t c = 0; c < plan_.carries.size(); ++c)
      write_root(plan_.program.roots[outputs + c], step_.states[plan_.carries[c].first]);
    for (std::size_t i = 0; i < outputs; ++i) write_root(plan_.program.roots[i], step_.outputs[i]);
    return std::move(step_);
  }

  std::string pointer(int x) override { return pointer_to(nodes_[static_cast<std::size_t>(x)]); }

  void line(std::string_view statement) override { step_.statements += fmt::format("    {}\n", statement); }

  void use(const CppFunction& function) override {
    if (!used_.insert(&function).second) return;
    for (const CppFunction* needed : function.needs) use(*needed);
    step_.functions += fmt::format("{}\n", function.text);
  }

  std::string constants(std::span<const float> numbers) override {
    const std::string name = fmt::format("c{}", arrays_++);
    add_constants(name, "", numbers);
    return name;
  }

  void check_ids(int x, Index n) override {
    line(fmt::format("for (int i = 0; i < {}; ++i)", this->x(x).size()));
    line(fmt::format("  if ({0} < 0 || {0} >= {1}) return false;", element(x, "i"), n));
    const Reading& reading = plan_.schedule.readings[nodes_[static_cast<std::size_t>(x)]];
    const LeafInfo* leaf = tape_.node(reading.base).op->leaf();
    if (!leaf || leaf->kind != LeafInfo::Kind::input) return;
    Index& below = step_.inputs[static_cast<std::size_t>(plan_.table.input(leaf->name))].ids_below;
    below = below == 0 ? n : std::min(below, n);
  }

 private:
  void write_node(NodeId id) {
    const Node& n = tape_.node(id);
    const auto inputs = tape_.inputs(id);
    nodes_.assign(inputs.begin(), inputs.end());
    x_.clear();
    for (NodeId x : inputs) x_.push_back(operand(x));
    y_shape_ = n.shape;
    y_ = fmt::format("v{}", id);
    line(fmt::format("// {}", n.op->name()));
    line(fmt::format("alignas(64) {} {}[{}];", type_name(n.type), y_, round_up(n.shape.row_size() + kRoom, kRoom)));
    try {
      n.op->write_cpp(*this);
    } catch (const InputError& e) {
      throw InputError(fmt::format("emit_cpp: {} ({})", e.what(), tape_.place(id)));
    }
  }

  CppOperand operand(NodeId id) {
    const Node& n = tape_.node(id);
    CppOperand x{n.shape, n.type};
    x.known = known_[id] != 0;
    if (x.known)
      x.numbers = numbers(id);
    else
      x.splat = plan_.schedule.readings[id].splat;
    return x;
  }

  // Of a node that depends on parameters and constants alone; one number where all are equal.
  std::span<const float> numbers(NodeId id) {
    const Node& n = tape_.node(id);
    const LeafInfo* leaf = n.op->leaf();
    if (leaf && leaf->kind == LeafInfo::Kind::parameter) {
      const auto view = values_.at(leaf->parameter.index());
      return {view.data(), static_cast<std::size_t>(view.size())};
    }
    std::vector<float>& kept = numbers_[id];
    if (!kept.empty()) return kept;
    if (leaf) {
      const Tensor<double>& value = *leaf->value;
      for (Index i = 0; i < value.size(); ++i) kept.push_back(static_cast<float>(value[i]));
      return kept;
    }
    std::vector<std::vector<float>> given;
    std::vector<OracleOperand<float>> x;
    for (NodeId input : tape_.inputs(id)) {
      const auto from = numbers(input);
      std::vector<float>& all = given.emplace_back(from.begin(), from.end());
      all.resize(static_cast<std::size_t>(tape_.node(input).shape.row_size()), from.empty() ? 0.f : from[0]);
    }
    for (std::size_t i = 0; i < given.size(); ++i)
      x.push_back({given[i].data(), nullptr, &tape_.node(tape_.inputs(id)[i]).shape, static_cast<Index>(given[i].size())});
    kept.resize(static_cast<std::size_t>(n.shape.row_size()));
    n.op->evaluate(Evaluation<float>{{}, x, {kept.data(), nullptr, &n.shape, n.shape.row_size()}});
    return kept;
  }

  // An array of the numbers of a known node, written where it is first asked for.
  std::string known_array(NodeId id) {
    const auto [it, added] = known_arrays_.try_emplace(id);
    if (!added) return it->second;
    const Node& n = tape_.node(id);
    const LeafInfo* leaf = n.op->leaf();
    const bool parameter = leaf && leaf->kind == LeafInfo::Kind::parameter;
    it->second = parameter ? names_.give("w_" + leaf->parameter.name()) : fmt::format("c{}", arrays_++);
    const auto few = numbers(id);
    std::vector<float> all(few.begin(), few.end());
    all.resize(static_cast<std::size_t>(n.shape.row_size()), few.empty() ? 0.f : few[0]);
    add_constants(it->second, parameter ? fmt::format("{} {}", leaf->parameter.name(), n.shape.text()) : "", all);
    return it->second;
  }

  std::string pointer_to(NodeId id) {
    if (known_[id]) return known_array(id);
    const Reading& reading = plan_.schedule.readings[id];
    const Node& base = tape_.node(reading.base);
    Index offset = reading.offset;
    if (reading.output >= 0) offset += reading.output * base.shape.trailing_product(0);
    const LeafInfo* leaf = base.op->leaf();
    if (!leaf) return cpp_offset(fmt::format("v{}", reading.base), offset);
    if (leaf->kind == LeafInfo::Kind::carried)
      return cpp_offset(step_.states[static_cast<std::size_t>(plan_.table.carried(leaf->name))].name, offset);
    offset += std::max<Index>(leaf->step, 0) * base.shape.row_size();
    return cpp_offset(step_.inputs[static_cast<std::size_t>(plan_.table.input(leaf->name))].name, offset);
  }

  void write_root(NodeId id, const CppStep::Array& to) {
    line(fmt::format("for (int i = 0; i < {}; ++i) {}[i] = {};", to.size, to.name,
                     cpp_element_at(pointer_to(id), plan_.schedule.readings[id].splat ? "0" : "i")));
  }

  void add_constants(const std::string& name, const std::string& comment, std::span<const float> numbers) {
    if (!comment.empty()) step_.constants += fmt::format("// {}\n", comment);
    step_.constants += fmt::format("alignas(64) inline constexpr float {}[] = {{", name);
    std::size_t column = 0;
    for (float number : numbers) {
      step_.constants += column % 10 == 0 ? "\n    " : " ";
      step_.constants += cpp_literal(number) + ",";
      ++column;
    }
    step_.constants += numbers.empty() ? "0};\n" : "};\n";
  }

  static std::string_view type_name(Type type) { return type == Type::id ? "std::int32_t" : "float"; }

  const PlanData& plan_;
  const Tape& tape_;
  const ParameterValues<float>& values_;
  std::vector<char> known_;                  // by node
  std::vector<std::vector<float>> numbers_;  // by node, of what is known and no parameter
  std::map<NodeId, std::string> known_arrays_;
  std::set<const CppFunction*> used_;
  std::vector<NodeId> nodes_;  // inputs of the node being written
  CppNames names_;
  int arrays_ = 0;
  CppStep step_;
};

}  // namespace

CppStep cpp_step(const PlanData& plan, std::span<const std::string> output_names, const ParameterValues<float>& values) {
  return StepWriter(plan, output_names, values).write();
}

}  // namespace reel
