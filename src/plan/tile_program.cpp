#include <reel/plan/tile_program.h>

#include <algorithm>

namespace reel {
namespace {

// Of one place. 1024 takes .99, 1.03 and 1.11 of the time of 2048, 4096 .95, .97 and 1.03
// (bench_rnn lstm_b32, gru_b200, lstm_b1: train_ms, two rounds in turns; EPYC Zen 4).
constexpr Index kTileBytes = 2048;

template <class T>
constexpr Index kTile = kTileBytes / static_cast<Index>(sizeof(T));

template <class T>
Tile<T> tile_of(const Tiles& tiles) {
  if constexpr (sizeof(T) == 4)
    return tiles.f32;
  else
    return tiles.f64;
}

// Walks one input through the tiles of a call.
template <class T>
class Input {
 public:
  Input() = default;  // of nothing: so that many cost nothing

  // `flat`: the whole call is one row. `repeats`: rows in a tile. `buffer` holds one tile.
  Input(const KernelOperand& port, Index n, bool flat, Index repeats, T* buffer) : port_(&port), n_(n), buffer_(buffer) {
    const T* first = port.row<const T>(0);
    if (port.splat && port.stride == 0) {
      if (n > 0) std::fill_n(buffer, flat ? kTile<T> : std::min(kTile<T>, n * repeats), *first);
      kind_ = Kind::constant;
    } else if (!port.splat && (flat || repeats == 1 || port.stride == n)) {
      kind_ = Kind::memory;
    } else if (!port.splat && port.stride == 0) {
      for (Index r = 0; r < repeats; ++r) std::copy_n(first, n, buffer + r * n);
      kind_ = Kind::constant;
    } else {
      kind_ = Kind::gathered;
    }
  }

  const T* at(Index row, Index rows, Index column, Index columns) const {
    if (kind_ == Kind::constant) return buffer_;
    const T* first = port_->row<const T>(row);
    if (kind_ == Kind::memory) return first + column;
    for (Index r = 0; r < rows; ++r, first += port_->stride) {
      if (port_->splat)
        std::fill_n(buffer_ + r * columns, columns, *first);
      else
        std::copy_n(first, n_, buffer_ + r * n_);
    }
    return buffer_;
  }

 private:
  enum class Kind : std::uint8_t { memory, constant, gathered };
  Kind kind_;
  const KernelOperand* port_;
  Index n_;
  T* buffer_;
};

}  // namespace

TileProgram::TileProgram(int inputs, std::span<const Instruction> instructions, std::span<const int> results)
    : inputs_(inputs), results_(static_cast<int>(results.size())) {
  const int count = static_cast<int>(instructions.size());
  std::vector<int> last_use(instructions.size(), -1), place(instructions.size(), -1);
  for (int s = 0; s < count; ++s)
    for (int x : instructions[static_cast<std::size_t>(s)].x)
      if (x >= inputs) last_use[static_cast<std::size_t>(x - inputs)] = s;
  for (int r = 0; r < results_; ++r) place[static_cast<std::size_t>(results[static_cast<std::size_t>(r)])] = inputs + r;

  // A register is free again after the last step that reads it: kernels do not write where they read.
  std::vector<int> free;
  for (int s = 0; s < count; ++s) {
    const Instruction& instruction = instructions[static_cast<std::size_t>(s)];
    Call call{instruction.tiles, static_cast<int>(instruction.x.size()), {}, 0};
    for (std::size_t i = 0; i < instruction.x.size(); ++i)
      call.x[i] = static_cast<std::uint8_t>(
          instruction.x[i] < inputs ? instruction.x[i] : place[static_cast<std::size_t>(instruction.x[i] - inputs)]);
    int& mine = place[static_cast<std::size_t>(s)];
    if (mine < 0) {
      if (free.empty()) free.push_back(inputs + results_ + registers_++);
      mine = free.back();
      free.pop_back();
    }
    call.y = static_cast<std::uint8_t>(mine);
    calls_.push_back(call);
    for (std::size_t i = 0; i < instruction.x.size(); ++i) {
      const int x = instruction.x[i] - inputs;
      const bool first = std::find(instruction.x.begin(), instruction.x.begin() + static_cast<std::ptrdiff_t>(i),
                                   instruction.x[i]) == instruction.x.begin() + static_cast<std::ptrdiff_t>(i);
      if (x >= 0 && first && last_use[static_cast<std::size_t>(x)] == s &&
          place[static_cast<std::size_t>(x)] >= inputs + results_)
        free.push_back(place[static_cast<std::size_t>(x)]);
    }
  }
}

std::size_t TileProgram::scratch_bytes() const { return static_cast<std::size_t>((inputs_ + registers_) * kTileBytes); }

template <class T>
void TileProgram::run(const KernelCall& c) const {
  const Index n = c.x[0].shape->row_size();
  if (n == 0 || c.rows == 0) return;
  const bool flat = std::ranges::all_of(
      c.x, [&](const KernelOperand& p) { return p.splat ? p.stride == 0 : p.stride == n || (c.rows == 1 && !p.splat); });
  const Index repeats = flat ? 1 : std::clamp<Index>(kTile<T> / n, 1, c.rows);

  Input<T> inputs[kMostPlaces];
  T* place[kMostPlaces];
  T* scratch = reinterpret_cast<T*>(c.scratch);
  for (int i = 0; i < inputs_; ++i)
    inputs[i] = Input<T>(c.x[static_cast<std::size_t>(i)], n, flat, repeats, scratch + i * kTile<T>);
  for (int r = 0; r < registers_; ++r) place[inputs_ + results_ + r] = scratch + (inputs_ + r) * kTile<T>;

  const auto run_tile = [&](Index row, Index rows, Index column, Index columns) {
    for (int i = 0; i < inputs_; ++i) place[i] = const_cast<T*>(inputs[i].at(row, rows, column, columns));
    for (int i = 0; i < results_; ++i)
      place[inputs_ + i] = c.results[static_cast<std::size_t>(i)].template row<T>(0) + row * n + column;
    for (const Call& call : calls_) {
      const T* x[kMostTileInputs];
      for (int i = 0; i < call.count; ++i) x[i] = place[call.x[static_cast<std::size_t>(i)]];
      tile_of<T>(call.tiles)(x, place[call.y], rows * columns);
    }
  };
  if (flat) {
    for (Index at = 0; at < c.rows * n; at += kTile<T>) run_tile(0, 1, at, std::min(kTile<T>, c.rows * n - at));
  } else if (repeats > 1) {
    for (Index r = 0; r < c.rows; r += repeats) run_tile(r, std::min(repeats, c.rows - r), 0, n);
  } else {
    for (Index r = 0; r < c.rows; ++r)
      for (Index at = 0; at < n; at += kTile<T>) run_tile(r, 1, at, std::min(kTile<T>, n - at));
  }
}
// Runs one row, by tiles where it is long.
template <class T>
class TileProgram::Bound final : public BoundCall {
 public:
  Bound(const TileProgram& program, const KernelCall& c)
      : program_(program),
        call_(c),
        n_(whole_vectors(c.x[0].shape->row_size())),
        places_(index(program.inputs_ + program.results_ + program.registers_)) {
    const Index each = std::min(n_, kTile<T>);
    const auto splats = std::ranges::count_if(c.x, &KernelOperand::splat);
    own_bytes_ = static_cast<std::size_t>((splats + program.registers_) * each) * sizeof(T);
    own_ = aligned_bytes(own_bytes_);
    T* next = reinterpret_cast<T*>(own_.get());
    const auto take = [&](int place) {
      places_[index(place)] = next;
      next += each;
    };
    for (int i = 0; i < program.inputs_; ++i)
      if (call_.x[index(i)].splat) take(i);
    for (int r = 0; r < program.registers_; ++r) take(program.inputs_ + program.results_ + r);
  }
  void run() override {
    for (int i = 0; i < program_.inputs_; ++i)
      if (call_.x[index(i)].splat) std::fill_n(places_[index(i)], std::min(n_, kTile<T>), *call_.x[index(i)].template row<T>(0));
    for (Index at = 0; at < n_; at += kTile<T>) {
      for (int i = 0; i < program_.inputs_; ++i)
        if (!call_.x[index(i)].splat) places_[index(i)] = call_.x[index(i)].template row<T>(0) + at;
      for (int r = 0; r < program_.results_; ++r)
        places_[index(program_.inputs_ + r)] = call_.results[index(r)].template row<T>(0) + at;
      for (const Call& call : program_.calls_) {
        const T* x[kMostTileInputs];
        for (int i = 0; i < call.count; ++i) x[i] = places_[call.x[index(i)]];
        tile_of<T>(call.tiles)(x, places_[call.y], std::min(n_ - at, kTile<T>));
      }
    }
  }
  std::size_t bytes() const override { return sizeof *this + places_.capacity() * sizeof(T*) + own_bytes_; }

 private:
  static Index whole_vectors(Index n) { return round_up(n, static_cast<Index>(kAlignment / sizeof(T))); }
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }

  const TileProgram& program_;
  KernelCall call_;
  Index n_;
  std::vector<T*> places_;
  AlignedBytes own_;  // repeated inputs, and registers
  std::size_t own_bytes_;
};

template <class T>
std::unique_ptr<BoundCall> TileProgram::bind(const KernelCall& call) const {
  return std::make_unique<Bound<T>>(*this, call);
}
template std::unique_ptr<BoundCall> TileProgram::bind<float>(const KernelCall&) const;
template std::unique_ptr<BoundCall> TileProgram::bind<double>(const KernelCall&) const;

template void TileProgram::run<float>(const KernelCall&) const;
template void TileProgram::run<double>(const KernelCall&) const;

}  // namespace reel
