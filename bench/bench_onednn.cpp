// The same layers as bench_rnn in oneDNN's recurrent primitives, one JSON line per case: train_ms and infer_ms mean the same, and
// so do train_bf16_ms and infer_bf16_ms, of bf16 inputs, outputs and weights (rounded from float in every step) and float
// gradients. They are left out where oneDNN has no such primitive for the processor.
//
// Usage: OMP_NUM_THREADS=1 bench_onednn [case-prefix]. Built where CMake finds oneDNN (Debian: libdnnl-dev). Inside the timed
// step the weights are brought into the primitives' layouts, as after an update, and their gradients are zeroed, since the
// backward primitive adds to them.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unordered_map>

#include <dnnl.hpp>

#include "cases.h"

namespace {

using Memory = dnnl::memory;
using Desc = Memory::desc;
using Tag = Memory::format_tag;
using Kind = dnnl::prop_kind;

constexpr auto kFloat = Memory::data_type::f32;
constexpr auto kForward = dnnl::rnn_direction::unidirectional_left2right;

// Shapes of a layer's operands; the primitives choose the layout of the weights. Memory cells (c), biases and gradients are
// float.
struct Layer {
  Desc x, y, state, c, U, W, b;
  Layer(const bench::Case& l, Memory::data_type type)
      : x({l.T, l.B, l.I}, type, Tag::tnc),
        y({l.T, l.B, l.H}, type, Tag::tnc),
        state({1, 1, l.B, l.H}, type, Tag::ldnc),
        c({1, 1, l.B, l.H}, kFloat, Tag::ldnc),
        U({1, 1, l.I, l.gates(), l.H}, type, Tag::any),
        W({1, 1, l.H, l.gates(), l.H}, type, Tag::any),
        b({1, 1, l.gates(), l.H}, kFloat, Tag::ldgo) {}
};

struct Lstm {
  using Forward = dnnl::lstm_forward;
  using Backward = dnnl::lstm_backward;
  static constexpr bool kCell = true;
  static Forward::desc forward(Kind kind, const Layer& l) {
    return {kind, kForward, l.x, l.state, l.c, l.U, l.W, l.b, l.y, l.state, l.c};
  }
  static Backward::desc backward(const Layer& l, const Layer& d) {
    return {Kind::backward, kForward, l.x, l.state, l.c, l.U, l.W,     l.b, l.y, l.state, l.c, d.x,
            d.state,        d.c,      d.U, d.W,     d.b, d.y, d.state, d.c};
  }
};

struct Gru {
  using Forward = dnnl::gru_forward;
  using Backward = dnnl::gru_backward;
  static constexpr bool kCell = false;
  static Forward::desc forward(Kind kind, const Layer& l) { return {kind, kForward, l.x, l.state, l.U, l.W, l.b, l.y, l.state}; }
  static Backward::desc backward(const Layer& l, const Layer& d) {
    return {Kind::backward, kForward, l.x, l.state, l.U, l.W, l.b, l.y, l.state, d.x, d.state, d.U, d.W, d.b, d.y, d.state};
  }
};

struct Elman {
  using Forward = dnnl::vanilla_rnn_forward;
  using Backward = dnnl::vanilla_rnn_backward;
  static constexpr bool kCell = false;
  static constexpr auto kTanh = dnnl::algorithm::eltwise_tanh;
  static Forward::desc forward(Kind kind, const Layer& l) {
    return {kind, kTanh, kForward, l.x, l.state, l.U, l.W, l.b, l.y, l.state};
  }
  static Backward::desc backward(const Layer& l, const Layer& d) {
    return {Kind::backward, kTanh, kForward, l.x, l.state, l.U, l.W, l.b,    l.y,
            l.state,        d.x,   d.state,  d.U, d.W,     d.b, d.y, d.state};
  }
};

// Operands of one primitive by their role.
class Operands {
 public:
  explicit Operands(const dnnl::engine& engine) : engine_(engine) {}
  // Small numbers that are not all alike.
  Memory& add(int role, const Desc& desc) {
    Memory m(desc, engine_);
    auto* bytes = static_cast<std::byte*>(m.get_data_handle());
    const bool half = desc.data_type() == Memory::data_type::bf16;
    const std::size_t each = half ? 2 : sizeof(float);
    for (std::size_t i = 0; i < desc.get_size() / each; ++i) {
      const float number = static_cast<float>(i % 101) * 1e-3f - .05f;
      // bf16 is the upper half of a float, the second on processors that oneDNN runs on.
      std::memcpy(bytes + i * each, reinterpret_cast<const std::byte*>(&number) + sizeof(float) - each, each);
    }
    return by_role_.insert_or_assign(role, m).first->second;
  }
  void share(int role, const Operands& other) { by_role_.insert_or_assign(role, other.by_role_.at(role)); }
  Memory& operator[](int role) { return by_role_.at(role); }
  const std::unordered_map<int, Memory>& all() const { return by_role_; }

 private:
  dnnl::engine engine_;
  std::unordered_map<int, Memory> by_role_;
};

struct Times {
  double train, infer;
};

template <class Rnn>
Times times(const bench::Case& c, Memory::data_type type) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const Layer layer(c, type), gradient_layer(c, kFloat);
  const typename Rnn::Forward::primitive_desc training(Rnn::forward(Kind::forward_training, layer), engine);
  const typename Rnn::Forward::primitive_desc inference(Rnn::forward(Kind::forward_inference, layer), engine);
  const typename Rnn::Backward::primitive_desc adjoint(Rnn::backward(layer, gradient_layer), engine, training);

  Operands parameters(engine), forward(engine), alone(engine), backward(engine);
  parameters.add(DNNL_ARG_WEIGHTS_LAYER, {{1, 1, c.I, c.gates(), c.H}, kFloat, Tag::ldigo});
  parameters.add(DNNL_ARG_WEIGHTS_ITER, {{1, 1, c.H, c.gates(), c.H}, kFloat, Tag::ldigo});
  forward.add(DNNL_ARG_SRC_LAYER, layer.x);
  forward.add(DNNL_ARG_BIAS, layer.b);
  forward.add(DNNL_ARG_DST_LAYER, layer.y);
  backward.add(DNNL_ARG_DIFF_SRC_LAYER, gradient_layer.x);
  backward.add(DNNL_ARG_DIFF_DST_LAYER, gradient_layer.y);
  std::vector<std::pair<int, int>> states{{DNNL_ARG_SRC_ITER, DNNL_ARG_DIFF_SRC_ITER},
                                          {DNNL_ARG_DST_ITER, DNNL_ARG_DIFF_DST_ITER}};
  if (Rnn::kCell) {
    states.emplace_back(DNNL_ARG_SRC_ITER_C, DNNL_ARG_DIFF_SRC_ITER_C);
    states.emplace_back(DNNL_ARG_DST_ITER_C, DNNL_ARG_DIFF_DST_ITER_C);
  }
  for (const auto& [state, gradient] : states) {
    forward.add(state, state == DNNL_ARG_SRC_ITER_C || state == DNNL_ARG_DST_ITER_C ? layer.c : layer.state);
    backward.add(gradient, gradient_layer.state);
  }
  for (const auto& [role, memory] : forward.all()) {
    alone.share(role, forward);
    backward.share(role, forward);
  }
  forward.add(DNNL_ARG_WORKSPACE, training.workspace_desc());
  backward.share(DNNL_ARG_WORKSPACE, forward);
  const auto add_weights = [](Operands& to, const auto& primitive) {
    to.add(DNNL_ARG_WEIGHTS_LAYER, primitive.weights_layer_desc());
    to.add(DNNL_ARG_WEIGHTS_ITER, primitive.weights_iter_desc());
  };
  add_weights(forward, training);
  add_weights(alone, inference);
  add_weights(backward, adjoint);
  backward.add(DNNL_ARG_DIFF_WEIGHTS_LAYER, adjoint.diff_weights_layer_desc());
  backward.add(DNNL_ARG_DIFF_WEIGHTS_ITER, adjoint.diff_weights_iter_desc());
  backward.add(DNNL_ARG_DIFF_BIAS, adjoint.diff_bias_desc());

  const auto load_weights = [&](Operands& to) {
    for (const int role : {DNNL_ARG_WEIGHTS_LAYER, DNNL_ARG_WEIGHTS_ITER})
      dnnl::reorder(parameters[role], to[role]).execute(stream, parameters[role], to[role]);
  };
  const typename Rnn::Forward train_forward(training), infer_forward(inference);
  const typename Rnn::Backward train_backward(adjoint);
  const double train = bench::median_ms([&] {
    load_weights(forward);
    train_forward.execute(stream, forward.all());
    load_weights(backward);
    for (const int role : {DNNL_ARG_DIFF_WEIGHTS_LAYER, DNNL_ARG_DIFF_WEIGHTS_ITER, DNNL_ARG_DIFF_BIAS})
      std::memset(backward[role].get_data_handle(), 0, backward[role].get_desc().get_size());
    train_backward.execute(stream, backward.all());
    stream.wait();
  });
  load_weights(alone);
  const double infer = bench::median_ms([&] {
    infer_forward.execute(stream, alone.all());
    stream.wait();
  });
  return {train, infer};
}

template <class Rnn>
void run(const bench::Case& c) {
  const Times full = times<Rnn>(c, kFloat);
  const char* threads = std::getenv("OMP_NUM_THREADS");
  std::printf("{\"who\":\"oneDNN\",\"case\":\"%s\",\"threads\":%s,\"train_ms\":%.4f,\"infer_ms\":%.4f", c.name().c_str(),
              threads ? threads : "0", full.train, full.infer);
  try {
    const Times half = times<Rnn>(c, Memory::data_type::bf16);
    std::printf(",\"train_bf16_ms\":%.4f,\"infer_bf16_ms\":%.4f", half.train, half.infer);
  } catch (const dnnl::error& e) {
    if (e.status != dnnl_unimplemented) throw;
  }
  std::printf("}\n");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  for (const bench::Case& c : bench::cases(argc > 1 ? argv[1] : "")) {
    if (c.kind == "lstm") run<Lstm>(c);
    if (c.kind == "gru") run<Gru>(c);
    if (c.kind == "elman") run<Elman>(c);
  }
}
