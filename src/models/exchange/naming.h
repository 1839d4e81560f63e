// Whole files under other names: what a file holds is known by the names and shapes of its tensors alone.
//
// Known are, by what stands before the last dot (or slash) of their names:
//
//   reel      Lstm, Gru, GruResetAfter, Elman, Linear (cells.h, layers.h); a matrix that is of none of these is an Embedding
//   PyTorch   nn.LSTM, nn.GRU, nn.RNN, stacked and in both directions, and their cells; nn.Linear, nn.LayerNorm, nn.Conv1d,
//             nn.Conv2d; a "weight" that is a matrix without a bias is an nn.Embedding's
//   Keras     LSTM, GRU, SimpleRNN, Dense, Embedding
//
// Layer l of PyTorch's "rnn" is "rnn<l>" in reel, its backward direction "rnn<l>.reverse"; Keras' "a/b" is reel's "a.b".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <reel/data/safetensors.h>

namespace reel {

enum class Naming : std::uint8_t { reel, pytorch, keras };

// Writes the layers of `file`, named in one way, to a file that names them in another, with the file's metadata; the numbers are
// F64 if any of the file's are, else F32. Examples (models/example.h) are left out. Returns a line for each layer. FileError,
// with nothing written, that lists the tensors that are of no known layer; and for a layer without a counterpart there, with the
// one to use.
std::vector<std::string> rename_layers(const SafetensorsFile& file, Naming from, Naming to, const std::string& path);

}  // namespace reel
