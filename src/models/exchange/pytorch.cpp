#include <reel/models/exchange/pytorch.h>

#include <fmt/format.h>

#include <reel/graph/error.h>

namespace reel::pytorch {
namespace {

// A matrix [rows, columns] of reel's as [columns, rows], from a row of the foreign one on.
ForeignBlock transposed(const Parameter& w, Index first_row = 0) {
  const Index rows = w.shape().dim(0), columns = w.shape().dim(1);
  return {w, first_row * rows, {rows, columns}, {1, rows}};
}
ForeignBlock vector_at(const Parameter& b, Index at = 0, bool adds = false) { return {b, at, {b.shape().last()}, {1}, adds}; }

std::string name_of(const char* kind, const Place& place) {
  if (place.cell) return kind;
  return fmt::format("{}_l{}{}", kind, place.layer, place.reverse ? "_reverse" : "");
}

// Gates one below the other, in the order given. `second`: of which gate the second bias is a parameter of its own.
Layout gates(const std::vector<const Gate*>& gates, const Place& place, const Gate* second = nullptr, const Parameter& own = {}) {
  const auto count = static_cast<Index>(gates.size());
  const Index H = gates[0]->units(), I = gates[0]->U.shape().dim(0);
  ForeignTensor ih{name_of("weight_ih", place), {count * H, I}, {}}, hh{name_of("weight_hh", place), {count * H, H}, {}};
  ForeignTensor b_ih{name_of("bias_ih", place), {count * H}, {}, true}, b_hh{name_of("bias_hh", place), {count * H}, {}, true};
  for (Index k = 0; k < count; ++k) {
    const Gate& gate = *gates[static_cast<std::size_t>(k)];
    ih.blocks.push_back(transposed(gate.U, k * H));
    hh.blocks.push_back(transposed(gate.W, k * H));
    b_ih.blocks.push_back(vector_at(gate.b, k * H));
    b_hh.blocks.push_back(&gate == second ? vector_at(own, k * H) : vector_at(gate.b, k * H, true));
  }
  return {ih, hh, b_ih, b_hh};
}

}  // namespace

Layout lstm(const Lstm& cell, const Place& place) {
  Layout layout = {{.name = name_of("weight_hr", place),
                    .refused = "an LSTM with a projection (proj_size) is no Lstm; write it as a cell of Gates whose h is "
                               "matmul(sigmoid(o) * tanh(c), weight_hr)"}};
  for (ForeignTensor& tensor : gates({&cell.i, &cell.f, &cell.g, &cell.o}, place)) layout.push_back(std::move(tensor));
  return layout;
}
Layout gru(const GruResetAfter& cell, const Place& place) { return gates({&cell.r, &cell.z, &cell.n}, place, &cell.n, cell.c_n); }
Layout rnn(const Elman& cell, const Place& place) { return gates({&cell.a}, place); }
Layout gru(const Gru&, const Place&) {
  throw InputError("PyTorch's GRU applies the reset gate after the product; Gru applies it before: use GruResetAfter");
}

Layout linear(const Linear& layer) {
  const Index I = layer.W.shape().dim(0), O = layer.W.shape().dim(1);
  return {{"weight", {O, I}, {transposed(layer.W)}}, {"bias", {O}, {vector_at(layer.b)}, true}};
}

Layout embedding(const Embedding& layer) {
  const Index V = layer.table.shape().dim(0), E = layer.table.shape().dim(1);
  return {{"weight", {V, E}, {{layer.table, 0, {V, E}, {E, 1}}}}};
}

Layout layer_norm(const Parameter& gain, const Parameter& bias) {
  const Index n = gain.shape().last();
  return {{"weight", {n}, {vector_at(gain)}}, {"bias", {n}, {vector_at(bias)}}};
}

Layout conv1d(const SequenceConvolution& layer) {
  const Index width = layer.width(), C = layer.weights().W.shape().dim(0) / width, F = layer.weights().W.shape().dim(1);
  return {{"weight", {F, C, width}, {{layer.weights().W, 0, {width, C, F}, {1, width, C * width}}}},
          {"bias", {F}, {vector_at(layer.weights().b)}, true}};
}

Layout conv2d(const ImageConvolution& layer) {
  const Index size = layer.size(), C = layer.weights().W.shape().dim(0) / (size * size), F = layer.weights().W.shape().dim(1);
  return {{"weight", {F, C, size, size}, {{layer.weights().W, 0, {size, size, C, F}, {size, 1, size * size, C * size * size}}}},
          {"bias", {F}, {vector_at(layer.weights().b)}, true}};
}

}  // namespace reel::pytorch
