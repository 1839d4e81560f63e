#include <reel/graph/check_gradients.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/graph/gradients.h>
#include <reel/graph/structural.h>

namespace reel {
namespace {

constexpr double kComplexStep = 1e-30;

// Derivatives of the loss with respect to one leaf element at a time.
class ComplexStep {
 public:
  ComplexStep(Var loss, Interpreter<std::complex<double>> run) : loss_(loss), run_(std::move(run)) {}
  double derivative(Var leaf, Index i) {
    auto& x = run_.leaf(leaf)[i];
    const auto kept = x;
    x += std::complex<double>(0, kComplexStep);
    run_.evaluate(loss_.id() + 1);
    x = kept;
    return run_.value(loss_)[0].imag() / kComplexStep;
  }

 private:
  Var loss_;
  Interpreter<std::complex<double>> run_;
};

struct Check {
  Var loss;
  std::span<const Var> wrt;
  std::span<const Binding> bindings;
  const ParameterValues<double>* parameters;
  const GradientCheckOptions& options;
};

GradientReport compare(const Check& c, const Interpreter<double>& analytic, std::span<const Var> gradients, ComplexStep numeric) {
  GradientReport report;
  const Tape& tape = c.loss.tape();
  for (std::size_t w = 0; w < c.wrt.size(); ++w) {
    const auto g = analytic.value(gradients[w]);
    double largest = 1;
    for (double x : g) largest = std::max(largest, std::abs(x));
    const double tolerance = c.options.tolerance * largest;
    const Index checks = c.options.most_elements == 0 ? g.size() : std::min(g.size(), c.options.most_elements);
    for (Index k = 0; k < checks; ++k) {
      const Index i = k * g.size() / checks;
      const double n = numeric.derivative(c.wrt[w], i);
      const double error = std::abs(g[i] - n);
      ++report.checked;
      report.worst = std::isnan(error) ? error : std::max(report.worst, error / largest);
      if (!(error <= tolerance)) report.mismatches.push_back({"", tape.describe(c.wrt[w].id()), i, g[i], n, tolerance});
    }
  }
  std::ranges::sort(report.mismatches, std::greater<>(), [](const GradientMismatch& m) {
    const double error = std::abs(m.analytic - m.numeric) / m.tolerance;
    return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
  });
  return report;
}

GradientReport check(const Check& c) {
  Tape& tape = c.loss.tape();
  for (const Var& w : c.wrt)
    if (!w || w.tape() != tape || !tape.node(w.id()).op->leaf())
      throw InputError("check_gradients: a variable is empty, on another tape, or no leaf");
  const std::vector<Var> g = gradients(c.loss, c.wrt);
  Interpreter<double> analytic(tape, c.bindings, c.parameters, c.options.context, c.options.rows);
  analytic.evaluate();
  Interpreter<std::complex<double>> stepped(tape, c.bindings, c.parameters, c.options.context, c.options.rows);
  return compare(c, analytic, g, ComplexStep(c.loss, std::move(stepped)));
}

// A one-op tape around a node: its inputs at the values of a run, its result weighted unevenly by a seed.
class OneOp {
 public:
  OneOp(const Tape& tape, NodeId id, const Interpreter<double>& values, const Check& c)
      : alone_(tape.pool()), rows_(values.rows()), context_(c.options.context) {
    const auto& counts = tape.pool()->row_counts().counts;
    for (const Binding& b : c.bindings)
      if (std::ranges::find(counts, b.name, &RowCountTable::Entry::name) != counts.end()) bindings_.push_back(b);
    const auto inputs = tape.inputs(id);
    real_.reserve(inputs.size() + 1);
    ids_.reserve(inputs.size());
    names_.reserve(inputs.size() + 1);
    for (NodeId input : inputs) add_input(tape, input, values);
    y_ = alone_.append_interned(tape.node(id).op, x_, {});
    Tensor<double> seed(values.value(id).shape());
    for (Index i = 0; i < seed.size(); ++i) seed[i] = 1.0 + 0.37 * static_cast<double>(i % 7);
    seed_ = leaf("seed", Type::real, y_.shape());
    bindings_.push_back({names_.back(), real_.emplace_back(std::move(seed))});
  }

  // Whether the adjoint rule agrees with the complex step in up to 16 elements of each input.
  bool rule_holds() {
    std::vector<Var> wrt;
    for (const Var& v : x_)
      if (v.type() == Type::real) wrt.push_back(v);
    if (wrt.empty()) return true;
    const std::vector<Var> g = gradients(std::span(&y_, 1), std::span(&seed_, 1), wrt);
    Interpreter<double> analytic(alone_, bindings_, nullptr, context_, rows_);
    analytic.evaluate();
    Interpreter<std::complex<double>> stepped(alone_, bindings_, nullptr, context_, rows_);
    for (std::size_t w = 0; w < wrt.size(); ++w)
      if (!holds_for(wrt[w], analytic.value(g[w]), stepped)) return false;
    return true;
  }

 private:
  void add_input(const Tape& tape, NodeId input, const Interpreter<double>& values) {
    const Node& n = tape.node(input);
    const std::string name = fmt::format("x{}", x_.size());
    if (n.type == Type::id) {
      const auto v = values.ids(input);
      x_.push_back(leaf(name, n.type, n.shape));
      bindings_.push_back({names_.back(), ids_.emplace_back(v.shape(), std::span<const std::int32_t>(v.data(), v.size()))});
    } else {
      const auto v = values.value(input);
      x_.push_back(leaf(name, n.type, n.shape));
      bindings_.push_back({names_.back(), real_.emplace_back(v.shape(), std::span<const double>(v.data(), v.size()))});
    }
  }

  // One of any shape, of counted rows too, by a name that no count of rows has.
  Var leaf(const std::string& name, Type type, Shape shape) {
    names_.push_back("check_gradients/" + name);
    return alone_.append(InputLeaf(LeafInfo{LeafInfo::Kind::input, names_.back()}, {type, shape}), {});
  }

  bool holds_for(Var x, TensorView<const double> gradient, Interpreter<std::complex<double>>& stepped) const {
    double largest = 1;
    for (double v : gradient) largest = std::max(largest, std::abs(v));
    const Index checks = std::min<Index>(gradient.size(), 16);
    for (Index k = 0; k < checks; ++k) {
      const Index i = k * gradient.size() / checks;
      auto& element = stepped.leaf(x)[i];
      const auto kept = element;
      element += std::complex<double>(0, kComplexStep);
      stepped.evaluate(y_.id() + 1);
      element = kept;
      double numeric = 0;
      for (Index j = 0; j < real_.back().size(); ++j) numeric += real_.back()[j] * stepped.value(y_)[j].imag() / kComplexStep;
      if (!(std::abs(numeric - gradient[i]) <= 1e-8 * largest)) return false;
    }
    return true;
  }

  Tape alone_;
  Index rows_;
  RunContext context_;
  std::vector<Var> x_;
  Var y_, seed_;
  std::vector<std::string> names_;
  std::vector<Tensor<double>> real_;
  std::vector<Tensor<std::int32_t>> ids_;
  std::vector<Binding> bindings_;
};

// The first op from the loss backwards whose rule fails by itself.
std::string blame(const Check& c) {
  const Tape& tape = c.loss.tape();
  Interpreter<double> values(tape, c.bindings, c.parameters, c.options.context, c.options.rows);
  values.evaluate(c.loss.id() + 1);
  std::map<const Op*, bool> seen;
  for (NodeId id = c.loss.id() + 1; id-- > 0;) {
    const Node& n = tape.node(id);
    if (n.op->leaf() || n.type == Type::id || !seen.try_emplace(n.op, true).second) continue;
    if (!OneOp(tape, id, values, c).rule_holds()) return fmt::format("{} ({})", n.op->name(), tape.place(id));
  }
  return {};
}

}  // namespace

GradientReport check_gradients(Var loss, std::span<const Var> wrt, std::span<const Binding> bindings,
                               const ParameterValues<double>* parameters, const GradientCheckOptions& options) {
  if (!loss) throw InputError("check_gradients: the loss is an empty Var");
  const Check c{loss, wrt, bindings, parameters, options};
  GradientReport report = check(c);
  if (report.ok()) return report;
  const std::string op = blame(c);
  for (GradientMismatch& m : report.mismatches) m.op = op;
  return report;
}

std::string GradientMismatch::text() const {
  return fmt::format("{}element {} of {}: analytic {:.12g}, numeric {:.12g}, tolerance {:.1e}", op.empty() ? "" : "[" + op + "] ",
                     index, variable, analytic, numeric, tolerance);
}

std::string GradientReport::text() const {
  if (ok()) return fmt::format("gradients agree: {} elements by complex step, largest relative error {:.1e}", checked, worst);
  std::string out = fmt::format("gradients differ in {} of {} elements (complex step)", mismatches.size(), checked);
  for (std::size_t i = 0; i < std::min<std::size_t>(mismatches.size(), 5); ++i) out += "\n  " + mismatches[i].text();
  return out;
}

}  // namespace reel
