// The layouts of Keras' layers: weights [inputs, outputs], gates side by side, in files whose tensors are called "layer/kernel:0"
// or the like: the prefix is all that stands before "kernel".
#pragma once

#include <reel/models/cells/elman.h>
#include <reel/models/cells/gru.h>
#include <reel/models/cells/lstm.h>
#include <reel/models/exchange/layout.h>
#include <reel/models/layers.h>

namespace reel::keras {

// `suffix` stands after every name, such as ":0".
Layout lstm(const Lstm& cell, const std::string& suffix = {});  // gates i, f, c, o
Layout gru(const GruResetAfter& cell,
           const std::string& suffix = {});                   // reset_after=True, the default: gates z, r, h; two biases
Layout gru(const Gru& cell, const std::string& suffix = {});  // reset_after=False
Layout simple_rnn(const Elman& cell, const std::string& suffix = {});
Layout dense(const Linear& layer, const std::string& suffix = {});
Layout embedding(const Embedding& layer, const std::string& suffix = {});

}  // namespace reel::keras
