#include <reel/export/export_onnx.h>

#include <cstring>
#include <map>
#include <set>

#include <fmt/format.h>

#include <reel/export/protobuf.h>
#include <reel/export/recurrent_layers.h>
#include <reel/graph/error.h>
#include <reel/graph/onnx_form.h>
#include <reel/plan/kernel_plan.h>
#include <reel/plan/parameter_check.h>
#include <reel/plan/results.h>

namespace reel {
namespace {

constexpr std::int64_t kIrVersion = 8;
constexpr std::string_view kParameters = "parameters/";

// Fields of onnx.proto (github.com/onnx/onnx), by message.
namespace model_field {
constexpr int ir_version = 1, producer = 2, description = 6, graph = 7, opset = 8;
}
namespace graph_field {
constexpr int node = 1, name = 2, initializer = 5, input = 11, output = 12;
}
namespace node_field {
constexpr int input = 1, output = 2, name = 3, operation = 4, attribute = 5;
}
namespace attribute_field {
constexpr int name = 1, number = 2, whole = 3, text = 4, wholes = 8, type = 20;
}
namespace tensor_field {
constexpr int dimension = 1, type = 2, name = 8, bytes = 9;
}

template <class T>
std::string_view raw(std::span<const T> numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()};
}

ProtobufMessage attribute(const OnnxAttribute& a) {
  ProtobufMessage m;
  m.text(attribute_field::name, a.first);
  if (const auto* whole = std::get_if<std::int64_t>(&a.second)) {
    m.whole(attribute_field::whole, *whole).whole(attribute_field::type, 2);
  } else if (const auto* number = std::get_if<float>(&a.second)) {
    m.number(attribute_field::number, *number).whole(attribute_field::type, 1);
  } else if (const auto* text = std::get_if<std::string>(&a.second)) {
    m.text(attribute_field::text, *text).whole(attribute_field::type, 3);
  } else {
    for (std::int64_t x : std::get<std::vector<std::int64_t>>(a.second)) m.whole(attribute_field::wholes, x);
    m.whole(attribute_field::type, 7);
  }
  return m;
}

// A value that the graph takes or gives: -1 among its dimensions stands for B.
ProtobufMessage declared(const std::string& name, Type type, std::span<const std::int64_t> dims) {
  ProtobufMessage shape, tensor, typed, value;
  for (std::int64_t d : dims) {
    ProtobufMessage dim;
    if (d < 0)
      dim.text(2, "B");
    else
      dim.whole(1, d);
    shape.message(1, dim);
  }
  tensor.whole(1, type == Type::id ? kOnnxInt64 : kOnnxFloat).message(2, shape);
  typed.message(1, tensor);
  return value.text(1, name).message(2, typed);
}

std::vector<std::int64_t> dims_of(const Shape& shape) {
  std::vector<std::int64_t> dims;
  if (shape.batched()) dims.push_back(-1);
  dims.insert(dims.end(), shape.dims().begin(), shape.dims().end());
  return dims;
}

class GraphWriter final : public OnnxWriter {
 public:
  GraphWriter(const PlanData& plan, const ParameterValues<float>& values)
      : plan_(plan), tape_(*plan.program.tape), values_(values), names_(tape_.size()), repeated_(tape_.size()) {
    for (const InputSlot& slot : plan.table.inputs()) {
      std::vector<std::int64_t> dims = dims_of(slot.shape);
      if (!slot.single) dims.insert(dims.begin(), slot.steps);
      declare_input(slot, dims);
    }
    for (const InputSlot& slot : plan.table.carried()) declare_input(slot, dims_of(slot.shape));
  }

  ProtobufMessage write(std::span<const std::string> output_names, const std::string& name) {
    const auto layers = recurrent_layers(tape_, plan_.program.roots);
    const auto layer_of = layers_by_node(tape_, layers);
    for (NodeId id : order_with(tape_, layers, layer_of)) {
      node_ = id;
      if (layer_of[id] < 0)
        write_node();
      else
        write_layer(layers[static_cast<std::size_t>(layer_of[id])]);
    }
    node_ = tape_.size();
    for (std::size_t i = 0; i < output_names.size(); ++i)
      give(output_names[i].empty() ? fmt::format("output_{}", i) : output_names[i], plan_.program.roots[i]);
    for (std::size_t c = 0; c < plan_.carries.size(); ++c)
      give(plan_.table.carried()[plan_.carries[c].first].name + "_next", plan_.program.roots[output_names.size() + c]);
    graph_.text(graph_field::name, name);
    return std::move(graph_);
  }

  std::string input(int i) override { return whole_value(tape_.inputs(node_)[static_cast<std::size_t>(i)]); }
  std::vector<std::string> elements() override {
    std::vector<std::string> names;
    bool whole = false;  // one of them has all elements
    for (NodeId x : tape_.inputs(node_)) {
      names.push_back(value(x));
      whole |= !repeated_[x];
    }
    if (!whole) names[0] = whole_value(tape_.inputs(node_)[0]);
    return names;
  }

  using OnnxWriter::add;
  std::string add(std::string_view operation, std::span<const std::string> x,
                  std::span<const OnnxAttribute> attributes) override {
    return add_as(fmt::format("%{}", values_made_++), operation, x, attributes);
  }
  std::string numbers(std::span<const float> numbers, const Shape& shape) override {
    return constant(kOnnxFloat, dims_of(shape), raw(numbers));
  }
  using OnnxWriter::wholes;
  std::string wholes(std::span<const std::int64_t> list) override {
    return constant(kOnnxInt64, {static_cast<std::int64_t>(list.size())}, raw(list));
  }
  std::string whole(std::int64_t x) override { return constant(kOnnxInt64, {}, raw(std::span<const std::int64_t>(&x, 1))); }
  std::string dimensions(const Shape& shape) override {
    const std::vector<std::int64_t> dims(shape.dims().begin(), shape.dims().end());
    if (!shape.batched()) return wholes(dims);
    return add("Concat", {rows(), wholes(dims)}, {{"axis", 0}});
  }

  void result(const std::string& value) override { names_[node_] = value; }
  void repeated_result(const std::string& value) override {
    names_[node_] = value;
    repeated_[node_] = true;
  }

 private:
  void declare_input(const InputSlot& slot, const std::vector<std::int64_t>& dims) {
    take_name(slot.name);
    graph_.message(graph_field::input, declared(slot.name, slot.type, dims));
    if (batched_input_.first.empty() && slot.shape.batched()) batched_input_ = {slot.name, slot.single ? 0 : 1};
  }

  void take_name(const std::string& name) {
    if (name.starts_with('%') || name.starts_with(kParameters))
      throw InputError(fmt::format("export_onnx: \"{}\": names that begin with % or {} are the file's own", name, kParameters));
    if (!taken_.insert(name).second) throw InputError(fmt::format("export_onnx: two inputs or outputs are called \"{}\"", name));
  }

  void write_node() {
    const Node& n = tape_.node(node_);
    if (n.op->leaf()) return write_leaf(*n.op->leaf(), n);
    x_.clear();
    for (NodeId x : tape_.inputs(node_)) x_.push_back({tape_.node(x).type, tape_.node(x).shape});
    y_shape_ = n.shape;
    try {
      n.op->write_onnx(*this);
    } catch (const InputError& e) {
      throw InputError(fmt::format("export_onnx: {} ({})", e.what(), tape_.place(node_)));
    }
  }

  // A library cell over several steps, as one operator.
  void write_layer(const RecurrentLayer& layer) {
    const RecurrentStep &first = layer.steps.front(), &last = layer.steps.back();
    const Index H = tape_.node(first.next_h).shape.last(), T = static_cast<Index>(layer.steps.size());
    const bool lstm = layer.operation == "LSTM", gru = layer.operation == "GRU";
    // By gate (U, W, b), in the order of the operator.
    const std::vector<std::size_t> gates = lstm  ? std::vector<std::size_t>{0, 2, 1, 3}  // i o f c of i f o g
                                           : gru ? std::vector<std::size_t>{1, 0, 2}     // z r h of r z n
                                                 : std::vector<std::size_t>{0};
    const Index G = static_cast<Index>(gates.size()), I = tape_.node(first.x).shape.last();
    std::vector<float> U, W, b;
    for (std::size_t gate : gates) {
      append_transposed(U, first.parameters[3 * gate]);
      append_transposed(W, first.parameters[3 * gate + 1]);
      append(b, first.parameters[3 * gate + 2]);
    }
    b.resize(static_cast<std::size_t>(2 * G * H));
    if (layer.reset_after) std::ranges::copy(numbers_of(first.parameters[9]), b.begin() + 5 * H);
    const std::string axis = wholes({0});
    std::vector<std::string> x{sequence_of(layer),
                               numbers(U, Shape{1, G * H, I}),
                               numbers(W, Shape{1, G * H, H}),
                               numbers(b, Shape{1, 2 * G * H}),
                               "",
                               add("Unsqueeze", {whole_value(first.h), axis})};
    if (lstm) x.push_back(add("Unsqueeze", {whole_value(first.c), axis}));
    std::vector<OnnxAttribute> attributes{{"hidden_size", std::int64_t{H}}};
    if (layer.reset_after) attributes.emplace_back("linear_before_reset", std::int64_t{1});
    std::vector<std::string> y;
    for (int i = 0; i < (lstm ? 3 : 2); ++i) y.push_back(fmt::format("%{}", values_made_++));
    add_node(y, layer.operation, x, attributes);
    const std::string outputs = add("Squeeze", {y[0], wholes({1})});  // of the one direction
    for (Index t = 0; t < T; ++t)
      names_[layer.steps[static_cast<std::size_t>(t)].next_h] = add("Gather", {outputs, whole(t)}, {{"axis", std::int64_t{0}}});
    if (lstm) names_[last.next_c] = add("Squeeze", {y[2], axis});
  }

  // What a layer is given, [T, B, I]: an input of the graph as it is, where the steps are all of its, in order.
  std::string sequence_of(const RecurrentLayer& layer) {
    const LeafInfo* begin = tape_.node(layer.steps[0].x).op->leaf();
    bool all = begin && begin->kind == LeafInfo::Kind::input && begin->steps == static_cast<Index>(layer.steps.size());
    for (std::size_t t = 0; t < layer.steps.size() && all; ++t) {
      const LeafInfo* leaf = tape_.node(layer.steps[t].x).op->leaf();
      all = leaf && leaf->name == begin->name && leaf->step == static_cast<Index>(t);
    }
    if (all) return begin->name;
    std::vector<std::string> rows;
    for (const RecurrentStep& step : layer.steps) rows.push_back(add("Unsqueeze", {whole_value(step.x), wholes({0})}));
    return add("Concat", rows, {{"axis", std::int64_t{0}}});
  }

  std::span<const float> numbers_of(const Parameter& p) const {
    const auto view = values_.at(p.index());
    return {view.data(), static_cast<std::size_t>(view.size())};
  }
  void append(std::vector<float>& to, const Parameter& p) const {
    const auto from = numbers_of(p);
    to.insert(to.end(), from.begin(), from.end());
  }
  void append_transposed(std::vector<float>& to, const Parameter& p) const {
    const auto from = numbers_of(p);
    const Index rows = p.shape().dim(0), columns = p.shape().dim(1);
    for (Index c = 0; c < columns; ++c)
      for (Index r = 0; r < rows; ++r) to.push_back(from[static_cast<std::size_t>(r * columns + c)]);
  }

  void write_leaf(const LeafInfo& leaf, const Node& n) {
    switch (leaf.kind) {
      case LeafInfo::Kind::input:
        if (leaf.step < 0) names_[node_] = leaf.name;  // of a sequence: see value()
        break;
      case LeafInfo::Kind::carried:
        names_[node_] = leaf.name;
        break;
      case LeafInfo::Kind::parameter:
        names_[node_] = parameter(leaf.parameter);
        break;
      case LeafInfo::Kind::constant: {
        std::vector<float> numbers;
        for (Index i = 0; i < leaf.value->size(); ++i) numbers.push_back(static_cast<float>((*leaf.value)[i]));
        const bool one = numbers.size() == 1 && (n.shape.batched() || n.shape.rank() > 0);
        if (one)
          repeated_result(number(numbers[0]));
        else
          result(this->numbers(numbers, n.shape));
      }
    }
  }

  // A node's value; a step of a sequence is taken out of it where it is first asked for.
  const std::string& value(NodeId id) {
    if (names_[id].empty()) {
      const LeafInfo& leaf = *tape_.node(id).op->leaf();
      names_[id] = add("Gather", {leaf.name, whole(leaf.step)}, {{"axis", std::int64_t{0}}});
    }
    return names_[id];
  }

  // The same in its whole shape, written out where it was not.
  std::string whole_value(NodeId id) {
    if (repeated_[id]) {
      names_[id] = add("Expand", {value(id), dimensions(tape_.node(id).shape)});
      repeated_[id] = false;
    }
    return value(id);
  }

  // B, as a list of one.
  std::string rows() {
    if (!rows_.empty()) return rows_;
    if (batched_input_.first.empty()) throw InputError("no input tells how many rows there are");
    rows_ = add("Slice",
                {add("Shape", {batched_input_.first}), wholes({batched_input_.second}), wholes({batched_input_.second + 1})});
    return rows_;
  }

  void give(const std::string& name, NodeId id) {
    take_name(name);
    const Node& n = tape_.node(id);
    const std::string value = whole_value(id);
    add_as(name, "Identity", {&value, 1}, {});
    graph_.message(graph_field::output, declared(name, n.type, dims_of(n.shape)));
  }

  std::string add_as(const std::string& name, std::string_view operation, std::span<const std::string> x,
                     std::span<const OnnxAttribute> attributes) {
    add_node({&name, 1}, operation, x, attributes);
    return name;
  }
  void add_node(std::span<const std::string> y, std::string_view operation, std::span<const std::string> x,
                std::span<const OnnxAttribute> attributes) {
    ProtobufMessage node;
    for (const std::string& input : x) node.text(node_field::input, input);
    for (const std::string& output : y) node.text(node_field::output, output);
    node.text(node_field::operation, operation);
    node.text(node_field::name, fmt::format("{}/{}{}", node_ < tape_.size() ? tape_.scope_label(node_) : "", operation, y[0]));
    for (const OnnxAttribute& a : attributes) node.message(node_field::attribute, attribute(a));
    graph_.message(graph_field::node, node);
  }

  std::string parameter(const Parameter& p) {
    std::string& name = parameters_[p.index()];
    if (!name.empty()) return name;
    name = initializer(fmt::format("{}{}", kParameters, p.name()), kOnnxFloat, dims_of(p.shape()), raw(numbers_of(p)));
    return name;
  }

  // Equal constants are one.
  std::string constant(std::int64_t type, const std::vector<std::int64_t>& dims, std::string_view bytes) {
    constexpr std::size_t kMostCompared = 256;
    if (bytes.size() > kMostCompared) return initializer(fmt::format("%constant{}", constants_made_++), type, dims, bytes);
    std::string& name = constants_[{type, dims, std::string(bytes)}];
    if (name.empty()) name = initializer(fmt::format("%constant{}", constants_made_++), type, dims, bytes);
    return name;
  }
  std::string initializer(const std::string& name, std::int64_t type, const std::vector<std::int64_t>& dims,
                          std::string_view bytes) {
    ProtobufMessage tensor;
    for (std::int64_t d : dims) tensor.whole(tensor_field::dimension, d);
    tensor.whole(tensor_field::type, type).text(tensor_field::name, name).text(tensor_field::bytes, bytes);
    graph_.message(graph_field::initializer, tensor);
    return name;
  }

  const PlanData& plan_;
  const Tape& tape_;
  const ParameterValues<float>& values_;
  NodeId node_ = 0;
  std::vector<std::string> names_;  // by node, of its value
  std::vector<char> repeated_;      // by node: its value is smaller, and repeats
  std::set<std::string> taken_;
  std::map<Index, std::string> parameters_;  // by index
  std::map<std::tuple<std::int64_t, std::vector<std::int64_t>, std::string>, std::string> constants_;
  std::pair<std::string, std::int64_t> batched_input_;  // and the dimension that is B
  std::string rows_;
  Index values_made_ = 0, constants_made_ = 0;
  ProtobufMessage graph_;
};

}  // namespace

std::string export_onnx(std::span<const Result> outputs, const ParameterValues<float>& values, const OnnxOptions& options) {
  CompileOptions as_recorded;
  as_recorded.passes = {};
  const Plan<float> plan = compile_results<float>("export_onnx", outputs, as_recorded);
  check_parameters(plan.data(), &values);
  std::vector<std::string> names;
  for (const Result& r : outputs) names.push_back(r.name);
  ProtobufMessage opset, model;
  opset.text(1, "").whole(2, kOnnxOpset);
  model.whole(model_field::ir_version, kIrVersion).text(model_field::producer, "reel");
  model.text(model_field::description, options.description);
  model.message(model_field::graph, GraphWriter(plan.data(), values).write(names, options.name));
  model.message(model_field::opset, opset);
  if (model.bytes().size() >> 31 != 0)
    throw InputError(fmt::format("export_onnx: {} bytes; a file may have 2 GiB", model.bytes().size()));
  return model.bytes();
}

}  // namespace reel
