// The same layers as bench_rnn in oneDNN's recurrent primitives, one JSON line per case: train_ms and infer_ms mean the same.
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

// Shapes of a layer's operands; the primitives choose the layout of the weights.
struct Layer {
  Desc x, y, state, U, W, b;
  explicit Layer(const bench::Case& c)
      : x({c.T, c.B, c.I}, kFloat, Tag::tnc),
        y({c.T, c.B, c.H}, kFloat, Tag::tnc),
        state({1, 1, c.B, c.H}, kFloat, Tag::ldnc),
        U({1, 1, c.I, c.gates(), c.H}, kFloat, Tag::any),
        W({1, 1, c.H, c.gates(), c.H}, kFloat, Tag::any),
        b({1, 1, c.gates(), c.H}, kFloat, Tag::ldgo) {}
};

struct Lstm {
  using Forward = dnnl::lstm_forward;
  using Backward = dnnl::lstm_backward;
  static constexpr bool kCell = true;
  static Forward::desc forward(Kind kind, const Layer& l) {
    return {kind, kForward, l.x, l.state, l.state, l.U, l.W, l.b, l.y, l.state, l.state};
  }
  static Backward::desc backward(const Layer& l) {
    return {Kind::backward, kForward, l.x,     l.state, l.state, l.U, l.W, l.b, l.y,     l.state,
            l.state,        l.x,      l.state, l.state, l.U,     l.W, l.b, l.y, l.state, l.state};
  }
};

struct Gru {
  using Forward = dnnl::gru_forward;
  using Backward = dnnl::gru_backward;
  static constexpr bool kCell = false;
  static Forward::desc forward(Kind kind, const Layer& l) { return {kind, kForward, l.x, l.state, l.U, l.W, l.b, l.y, l.state}; }
  static Backward::desc backward(const Layer& l) {
    return {Kind::backward, kForward, l.x, l.state, l.U, l.W, l.b, l.y, l.state, l.x, l.state, l.U, l.W, l.b, l.y, l.state};
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
  static Backward::desc backward(const Layer& l) {
    return {Kind::backward, kTanh, kForward, l.x, l.state, l.U, l.W, l.b,    l.y,
            l.state,        l.x,   l.state,  l.U, l.W,     l.b, l.y, l.state};
  }
};

// Operands of one primitive by their role.
class Operands {
 public:
  explicit Operands(const dnnl::engine& engine) : engine_(engine) {}
  // Small numbers that are not all alike.
  Memory& add(int role, const Desc& desc) {
    Memory m(desc, engine_);
    auto* numbers = static_cast<float*>(m.get_data_handle());
    for (std::size_t i = 0; i < desc.get_size() / sizeof(float); ++i) numbers[i] = static_cast<float>(i % 101) * 1e-3f - .05f;
    return by_role_.insert_or_assign(role, m).first->second;
  }
  void share(int role, const Operands& other) { by_role_.insert_or_assign(role, other.by_role_.at(role)); }
  Memory& operator[](int role) { return by_role_.at(role); }
  const std::unordered_map<int, Memory>& all() const { return by_role_; }

 private:
  dnnl::engine engine_;
  std::unordered_map<int, Memory> by_role_;
};

template <class Rnn>
void run(const bench::Case& c) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const Layer layer(c);
  const typename Rnn::Forward::primitive_desc training(Rnn::forward(Kind::forward_training, layer), engine);
  const typename Rnn::Forward::primitive_desc inference(Rnn::forward(Kind::forward_inference, layer), engine);
  const typename Rnn::Backward::primitive_desc adjoint(Rnn::backward(layer), engine, training);

  Operands parameters(engine), forward(engine), alone(engine), backward(engine);
  parameters.add(DNNL_ARG_WEIGHTS_LAYER, {{1, 1, c.I, c.gates(), c.H}, kFloat, Tag::ldigo});
  parameters.add(DNNL_ARG_WEIGHTS_ITER, {{1, 1, c.H, c.gates(), c.H}, kFloat, Tag::ldigo});
  forward.add(DNNL_ARG_SRC_LAYER, layer.x);
  forward.add(DNNL_ARG_BIAS, layer.b);
  forward.add(DNNL_ARG_DST_LAYER, layer.y);
  backward.add(DNNL_ARG_DIFF_SRC_LAYER, layer.x);
  backward.add(DNNL_ARG_DIFF_DST_LAYER, layer.y);
  std::vector<std::pair<int, int>> states{{DNNL_ARG_SRC_ITER, DNNL_ARG_DIFF_SRC_ITER},
                                          {DNNL_ARG_DST_ITER, DNNL_ARG_DIFF_DST_ITER}};
  if (Rnn::kCell) {
    states.emplace_back(DNNL_ARG_SRC_ITER_C, DNNL_ARG_DIFF_SRC_ITER_C);
    states.emplace_back(DNNL_ARG_DST_ITER_C, DNNL_ARG_DIFF_DST_ITER_C);
  }
  for (const auto& [state, gradient] : states) {
    forward.add(state, layer.state);
    backward.add(gradient, layer.state);
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
  const char* threads = std::getenv("OMP_NUM_THREADS");
  std::printf("{\"who\":\"oneDNN\",\"case\":\"%s\",\"threads\":%s,\"train_ms\":%.4f,\"infer_ms\":%.4f}\n", c.name().c_str(),
              threads ? threads : "0", train, infer);
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
