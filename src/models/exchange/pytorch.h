// The layouts of PyTorch's modules (torch.nn, as in its state_dict): weights [outputs, inputs], gates one below the other, two
// biases for each gate, of which reel's cells have the sum. scripts/pytorch_to_safetensors.py turns a .pt file into a safetensors
// file, and back. An LSTM or GRU with a projection (proj_size) has no counterpart.
#pragma once

#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/convolution.h>
#include <reel/models/exchange/layout.h>
#include <reel/models/layers.h>

namespace reel::pytorch {

// Of nn.LSTM, nn.GRU and nn.RNN, whose tensors are called weight_ih_l0, ..., weight_ih_l0_reverse; and of nn.LSTMCell and the
// like.
struct Place {
  int layer = 0;
  bool reverse = false;  // the backward direction of a bidirectional one
  bool cell = false;     // of a cell alone: weight_ih
};

Layout lstm(const Lstm& cell, const Place& place = {});          // gates i, f, g, o
Layout gru(const GruResetAfter& cell, const Place& place = {});  // gates r, z, n
Layout rnn(const Elman& cell, const Place& place = {});          // tanh or relu, as the cell was made
// InputError, which names the cell to use: PyTorch's GRU resets after the product.
Layout gru(const Gru& cell, const Place& place = {});

Layout linear(const Linear& layer);                               // nn.Linear
Layout embedding(const Embedding& layer);                         // nn.Embedding
Layout layer_norm(const Parameter& gain, const Parameter& bias);  // nn.LayerNorm over the last dimension
Layout conv1d(const SequenceConvolution& layer);  // nn.Conv1d, whose channels come first: [outputs, channels, width]
Layout conv2d(const ImageConvolution& layer);     // nn.Conv2d: [outputs, channels, height, width]

}  // namespace reel::pytorch
