#include <reel/plan/passes/fused.h>

#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/cpp_form.h>
#include <reel/graph/error.h>

namespace reel {
namespace {

Shape in_front(Index count, const Shape& s) {
  std::vector<Index> dims(s.dims().begin(), s.dims().end());
  dims.insert(dims.begin(), count);
  return Shape(s.rows(), dims);
}

TileProgram program_of(int inputs, std::span<const FusedInstruction> instructions, std::span<const int> results) {
  std::vector<TileProgram::Instruction> tile_instructions;
  for (const FusedInstruction& s : instructions)
    tile_instructions.push_back({s.op->tiles(static_cast<int>(s.x.size())).value(), s.x});
  return TileProgram(inputs, tile_instructions, results);
}

class Fused final : public OpOf<Fused> {
 public:
  static constexpr std::string_view kName = "fused";
  Fused(int inputs, std::vector<FusedInstruction> instructions, std::vector<int> results)
      : inputs_(inputs),
        instructions_(std::move(instructions)),
        results_(std::move(results)),
        program_(program_of(inputs, instructions_, results_)) {
    for (const FusedInstruction& s : instructions_) {
      key_.push_back(static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(s.op)));
      key_.push_back(s.x.size());  // so that no list runs into the next
      key_.insert(key_.end(), s.x.begin(), s.x.end());
    }
    key_.push_back(results_.size());
    key_.insert(key_.end(), results_.begin(), results_.end());
    key_.push_back(static_cast<std::uint64_t>(inputs_));
  }
  auto key() const { return std::tie(key_); }

  std::string attributes() const override {
    std::string text;
    for (const FusedInstruction& s : instructions_) {
      if (!text.empty()) text += ' ';
      text += s.op->name();
    }
    return text;
  }

  Signature infer(const Arguments& x) const override {
    x.require_count(inputs_);
    x.require_all(Type::real);
    x.require_same_shapes();
    return {Type::real, results_.size() > 1 ? in_front(static_cast<Index>(results_.size()), x.shape(0)) : x.shape(0)};
  }
  Traits traits() const override { return {.multi_output = results_.size() > 1}; }
  bool elementwise(int) const override { return true; }

  template <class S>
  void evaluate_as(const Evaluation<S>& e) const {
    const Shape& shape = *e.x[0].shape;
    const Index size = e.x[0].size;
    std::vector<std::vector<S>> values(instructions_.size(), std::vector<S>(static_cast<std::size_t>(size)));
    for (std::size_t s = 0; s < instructions_.size(); ++s) {
      std::vector<OracleOperand<S>> x;
      for (int i : instructions_[s].x)
        x.push_back(i < inputs_ ? e.x[static_cast<std::size_t>(i)]
                                : OracleOperand<S>{values[static_cast<std::size_t>(i - inputs_)].data(), nullptr, &shape, size});
      instructions_[s].op->evaluate(Evaluation<S>{e.run, x, {values[s].data(), nullptr, &shape, size}});
    }
    const Index row = shape.row_size(), outputs = static_cast<Index>(results_.size());
    for (Index p = 0; p < outputs; ++p)
      for (Index r = 0; r < e.rows(shape); ++r)
        std::copy_n(values[static_cast<std::size_t>(results_[static_cast<std::size_t>(p)])].data() + r * row, row,
                    e.y.real + (r * outputs + p) * row);
  }

  void write_cpp(CppWriter& writer) const override {
    std::vector<CppInstruction> instructions;
    for (const FusedInstruction& s : instructions_)
      instructions.push_back({cpp_element_of(*s.op, static_cast<int>(s.x.size())), s.x});
    write_loop(writer, instructions, results_);
  }

  template <class T>
  std::unique_ptr<BoundCall> bind_as(const KernelCall& c) const {
    return program_.bind<T>(c);
  }
  template <class T>
  void run_as(const KernelCall& c) const {
    program_.run<T>(c);
  }
  std::size_t scratch_bytes(Element, std::span<const Signature>) const override { return program_.scratch_bytes(); }
  double flop(std::span<const Signature> x, const Signature&, const RunContext& run) const override {
    return static_cast<double>(instructions_.size()) * static_cast<double>(x[0].elements(run));
  }

 private:
  int inputs_;
  std::vector<FusedInstruction> instructions_;
  std::vector<int> results_;
  TileProgram program_;
  std::vector<std::uint64_t> key_;
};

}  // namespace

Var fused(Tape& tape, std::span<const Var> inputs, std::vector<FusedInstruction> instructions, std::vector<int> results,
          CallSite site) {
  return tape.append(Fused(static_cast<int>(inputs.size()), std::move(instructions), std::move(results)), inputs, site);
}

}  // namespace reel
