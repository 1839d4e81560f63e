// The compiled form behind a Plan: kernels with operands as places in memory. Internal to src/plan and src/export.
#pragma once

#include <deque>

#include <reel/graph/bindings.h>
#include <reel/plan/blocks.h>
#include <reel/plan/cached_values.h>
#include <reel/plan/layout.h>
#include <reel/plan/tile_program.h>

namespace reel {

// An operand: base of (source, slot) + fixed bytes + scaled bytes x rows of the source, then row after row.
struct OperandPlan {
  Source source = Source::unbatched;
  std::uint32_t slot = 0;
  Index fixed = 0;
  Index scaled = 0;
  Index stride = 0;  // elements between rows; 0: shared by all rows
  Index element_bytes = 0;
  const Shape* shape = nullptr;
  Type type = Type::real;
  bool splat = false;
};

struct KernelPlan {
  const Op* op;
  NodeId node;
  std::uint32_t first_port;  // inputs, then the result or its outputs
  std::uint32_t inputs;
  std::uint32_t results = 1;
  Index tasks = 1;
  bool shares_columns = false;         // and is large enough for that to pay with few rows
  bool reduces = false;                // sums over the batch: without B, of values that have it
  std::uint32_t first_output = 0;      // of a sum over the batch that nothing but outputs reads: the first of these
  const TileProgram* tiles = nullptr;  // of a single elementwise op

  template <class T>
  void run(const KernelCall& call) const {
    if (tiles)
      tiles->run<T>(call);
    else
      op->run(call, T{});
  }
  // Op::bind.
  template <class T>
  std::unique_ptr<BoundCall> bind(const KernelCall& call) const {
    return tiles ? tiles->bind<T>(call) : op->bind(call, T{});
  }
};

struct PhasePlan {
  PhaseKind kind;
  std::uint32_t first_kernel;
  std::uint32_t end_kernel;
  std::vector<std::uint32_t> wave_ends;  // kernel indices
  bool shares_columns = false;           // rows: the kernels that do are worth calling threads together
};

struct RootPlan {
  NodeId tape_node;  // on the user's tape
  std::uint32_t port;
};

struct PlanData {
  Element element;
  Program program;
  PhaseSchedule schedule;
  InputTable table;
  std::vector<KernelPlan> kernels;
  std::vector<OperandPlan> ports;
  std::vector<PhasePlan> phases;
  std::deque<TileProgram> tile_programs;  // of single ops, where kernels point to
  std::vector<std::uint32_t> root_ports;  // by root of the program
  std::vector<RootPlan> outputs;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> carries;         // (carried slot, port of its next state)
  std::vector<std::pair<std::uint32_t, std::uint32_t>> summed_outputs;  // (kernel that sums over the batch, output that it makes)
  std::vector<AlignedBytes> constants;
  std::shared_ptr<CachedShelf> shelf = std::make_shared<CachedShelf>();  // what its workspaces share
  std::vector<std::int32_t> output_of;                                   // by the user's node: index into outputs, or -1
  std::uint64_t fingerprint =
      0;  // of what is summed, in which order, and of all sizes: equal plans have equal ones, in any process
  SetIdentity parameter_set;
  Index parameter_count = 0;   // values that a workspace needs of it; 0: no parameters
  std::string last_parameter;  // the one of the largest number, with its shape
  std::uint32_t most_ports = 0;
  TapeIdentity tape;  // the user's, to tell its Vars from others'; never read
  // Sizes: per row of a block, per row of the batch, and whole.
  Index scratch_per_row = 0, stored_per_row = 0, unbatched_bytes = 0, cached_bytes = 0, kernel_scratch = 0;
  RowCosts row_costs;

  // Bytes of a workspace for so many rows; ShapeError, before anything is allocated, when they do not fit.
  struct Sizes {
    Index stored = 0, scratch_each = 0, unbatched = 0, cached = 0;
  };
  Sizes sizes(Index rows, int threads) const;
};

// What a kernel does in one run.
struct Work {
  double flop = 0, bytes = 0;  // bytes of operands and results
};
Work work_of(const PlanData& plan, const KernelPlan& kernel, const RunContext& run);

// Fills kernels, ports, root_ports, phases, constants and sizes from program, schedule and table.
void make_kernels(PlanData& plan);

// Fills summed_outputs, their kernels' first_output, and the fingerprint. REQUIRES: outputs and carries.
void find_summed_outputs(PlanData& plan);

}  // namespace reel
