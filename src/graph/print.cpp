#include <reel/graph/print.h>

#include <map>

#include <fmt/format.h>

namespace reel {
namespace {

class Printer {
 public:
  Printer(const Tape& tape, const PrintOptions& options)
      : tape_(tape), options_(options), end_(options.end == 0 ? tape.size() : std::min(options.end, tape.size())) {
    for (const auto& [node, gradient] : options.gradients) gradient_of_[node.id()] = gradient.id();
  }

  NodeId end() const { return end_; }

  std::string head(NodeId id) const { return tape_.node(id).op->text(); }

  std::string values(NodeId id) const {
    if (!has_value(id)) return {};
    if (tape_.node(id).type == Type::id) return list(options_.values->ids(id));
    return list(options_.values->value(id));
  }

  std::string gradient(NodeId id) const {
    const auto it = gradient_of_.find(id);
    return it == gradient_of_.end() || !has_value(it->second) ? std::string() : list(options_.values->value(it->second));
  }

 private:
  // Nodes that were recorded after the run have none.
  bool has_value(NodeId id) const { return options_.values && id < options_.values->evaluated(); }

  template <class S>
  std::string list(TensorView<const S> v) const {
    std::string s;
    for (Index i = 0; i < std::min(v.size(), options_.most_elements); ++i) {
      if (i) s += i % v.shape().last() ? " " : "; ";  // rows of a matrix
      if constexpr (std::is_integral_v<S>)
        s += fmt::format("{}", v[i]);
      else
        s += fmt::format("{:.{}g}", v[i], options_.significant_digits);
    }
    if (v.size() > options_.most_elements) s += fmt::format(" .. {} in all", v.size());
    return s;
  }

  const Tape& tape_;
  const PrintOptions& options_;
  NodeId end_;
  std::map<NodeId, NodeId> gradient_of_;
};

std::string escaped(const std::string& s) {
  std::string out;
  for (char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string dot_node(const Tape& tape, const Printer& printer, NodeId id) {
  const Node& n = tape.node(id);
  const std::string name = tape.name(id);
  std::string label = n.op->leaf() && !name.empty() ? escaped(name) : escaped(printer.head(id));
  if (!n.op->leaf() && !name.empty()) label = escaped(name) + " = " + label;
  label += "\\n" + n.shape.text();
  if (const std::string v = printer.values(id); !v.empty()) label += "\\n" + v;
  if (const std::string g = printer.gradient(id); !g.empty()) label += "\\nd: " + g;
  const char* style = n.op->leaf() ? "shape=box, style=\"rounded,filled\", fillcolor=\"#e8f0fe\""
                                   : "shape=box, style=filled, fillcolor=\"#ffffff\"";
  return fmt::format("n{} [label=\"{}\", {}];\n", id, label, style);
}

}  // namespace

std::string text(const Tape& tape, const PrintOptions& options) {
  const Printer printer(tape, options);
  std::string out;
  for (NodeId id = 0; id < printer.end(); ++id) {
    std::string line = fmt::format("%{} = {}", id, printer.head(id));
    for (NodeId x : tape.inputs(id)) line += fmt::format(" %{}", x);
    line += fmt::format(" : {}{}", tape.node(id).type == Type::id ? "ids " : "", tape.node(id).shape.text());
    if (const std::string v = printer.values(id); !v.empty()) line += " = " + v;
    if (const std::string g = printer.gradient(id); !g.empty()) line += " | gradient " + g;
    if (const std::string& scope = tape.scope_label(id); !scope.empty()) line += "   # " + scope;
    out += line + "\n";
  }
  return out;
}

std::string dot(const Tape& tape, const PrintOptions& options) {
  const Printer printer(tape, options);
  std::map<std::string, std::vector<NodeId>> scopes;
  for (NodeId id = 0; id < printer.end(); ++id) scopes[tape.scope_label(id)].push_back(id);
  std::string out = fmt::format("digraph tape {{\n  rankdir={};\n  node [fontname=\"Helvetica\", fontsize=11];\n",
                                options.downwards ? "TB" : "LR");
  int cluster = 0;
  for (const auto& [scope, nodes] : scopes) {
    if (!scope.empty())
      out += fmt::format("  subgraph cluster_{} {{ label=\"{}\"; color=\"#999999\";\n", cluster++, escaped(scope));
    for (NodeId id : nodes) out += "  " + dot_node(tape, printer, id);
    if (!scope.empty()) out += "  }\n";
  }
  for (NodeId id = 0; id < printer.end(); ++id)
    for (NodeId x : tape.inputs(id)) out += fmt::format("  n{} -> n{};\n", x, id);
  return out + "}\n";
}

}  // namespace reel
