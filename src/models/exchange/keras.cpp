#include <reel/models/exchange/keras.h>

namespace reel::keras {
namespace {

// A matrix [rows, columns] of reel's among others side by side, `width` columns in all.
ForeignBlock beside(const Parameter& w, Index first_column, Index width) {
  return {w, first_column, {w.shape().dim(0), w.shape().dim(1)}, {width, 1}};
}
ForeignBlock vector_at(const Parameter& b, Index at, bool adds = false) { return {b, at, {b.shape().last()}, {1}, adds}; }

Layout gates(const std::vector<const Gate*>& gates, const std::string& suffix) {
  const auto count = static_cast<Index>(gates.size());
  const Index H = gates[0]->units(), I = gates[0]->U.shape().dim(0), width = count * H;
  ForeignTensor kernel{"kernel" + suffix, {I, width}, {}}, recurrent{"recurrent_kernel" + suffix, {H, width}, {}};
  ForeignTensor bias{"bias" + suffix, {width}, {}, true};
  for (Index k = 0; k < count; ++k) {
    const Gate& gate = *gates[static_cast<std::size_t>(k)];
    kernel.blocks.push_back(beside(gate.U, k * H, width));
    recurrent.blocks.push_back(beside(gate.W, k * H, width));
    bias.blocks.push_back(vector_at(gate.b, k * H));
  }
  return {kernel, recurrent, bias};
}

}  // namespace

Layout lstm(const Lstm& cell, const std::string& suffix) { return gates({&cell.i, &cell.f, &cell.g, &cell.o}, suffix); }
Layout gru(const Gru& cell, const std::string& suffix) { return gates({&cell.z, &cell.r, &cell.n}, suffix); }
Layout simple_rnn(const Elman& cell, const std::string& suffix) { return gates({&cell.a}, suffix); }

// Biases [2, 3 H]: those of the input, and below them those of the state, which the gates z and r have the sum of.
Layout gru(const GruResetAfter& cell, const std::string& suffix) {
  Layout layout = gates({&cell.z, &cell.r, &cell.n}, suffix);
  const Index H = cell.units();
  ForeignTensor& bias = layout.back();
  bias.dims = {2, 3 * H};
  bias.blocks.push_back(vector_at(cell.z.b, 3 * H, true));
  bias.blocks.push_back(vector_at(cell.r.b, 4 * H, true));
  bias.blocks.push_back(vector_at(cell.c_n, 5 * H));
  return layout;
}

Layout dense(const Linear& layer, const std::string& suffix) {
  const Index I = layer.W.shape().dim(0), O = layer.W.shape().dim(1);
  return {{"kernel" + suffix, {I, O}, {beside(layer.W, 0, O)}}, {"bias" + suffix, {O}, {vector_at(layer.b, 0)}, true}};
}

Layout embedding(const Embedding& layer, const std::string& suffix) {
  const Index V = layer.table.shape().dim(0), E = layer.table.shape().dim(1);
  return {{"embeddings" + suffix, {V, E}, {beside(layer.table, 0, E)}}};
}

}  // namespace reel::keras
