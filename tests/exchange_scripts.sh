#!/usr/bin/env bash
# Weights go from PyTorch and from a Keras file to reel and back by the scripts and by model_file, and are what they were. Arguments:
# the built model_file, the Python to use. Status 77, for skipped, where that has neither PyTorch nor h5py.
set -euo pipefail
model_file=$1 python=$2 scripts=$(cd "$(dirname "$0")/../scripts" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
tried=0
has() { "$python" -c "import $1" 2> /dev/null; }

if has torch; then
  "$python" - <<'PY'
import torch
net = torch.nn.ModuleDict({"words": torch.nn.Embedding(7, 3), "lstm": torch.nn.LSTM(3, 4, 2, bidirectional=False),
                           "gru": torch.nn.GRU(3, 5), "rnn": torch.nn.RNN(3, 5), "head": torch.nn.Linear(4, 6)})
state = net.state_dict()
for name in list(state):  # reel's cells hold the sum of both biases, and give the second back as zeros
    if "bias_hh" in name and not name.startswith("gru"):
        state[name].zero_()
    elif "gru.bias_hh" in name:
        state[name][:10] = 0
torch.save(state, "a.pt")
PY
  "$python" "$scripts/pytorch_to_safetensors.py" a.pt a.safetensors
  "$model_file" check a.safetensors
  "$model_file" convert a.safetensors reel.safetensors --from pytorch
  "$model_file" show reel.safetensors | grep -q 'lstm1.U_i *F32 \[4, 4\]'
  "$model_file" convert reel.safetensors b.safetensors --to pytorch
  "$model_file" diff a.safetensors b.safetensors
  "$python" "$scripts/pytorch_to_safetensors.py" --back b.safetensors b.pt
  "$python" -c 'import torch
a, b = torch.load("a.pt"), torch.load("b.pt")
assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a), "the weights differ"'
  tried=1
fi

if has h5py; then
  "$python" - <<'PY'
import h5py, numpy
draw = numpy.random.default_rng(1).standard_normal
with h5py.File("a.h5", "w") as file:
    for name, shape in {"lstm/kernel": (3, 16), "lstm/recurrent_kernel": (4, 16), "lstm/bias": (16,), "gru/kernel": (3, 12),
                        "gru/recurrent_kernel": (4, 12), "gru/bias": (12,), "dense/kernel": (4, 2), "dense/bias": (2,),
                        "embedding/embeddings": (7, 3)}.items():
        file[name] = draw(shape).astype("float32")
PY
  cp a.h5 b.h5
  "$python" "$scripts/keras_to_safetensors.py" a.h5 a.safetensors
  "$model_file" convert a.safetensors reel.safetensors --from keras
  "$model_file" show reel.safetensors | grep -q 'gru.U_n *F32 \[3, 4\]'
  "$model_file" convert reel.safetensors b.safetensors --to keras
  "$model_file" diff a.safetensors b.safetensors
  "$python" -c 'import h5py
with h5py.File("b.h5", "r+") as file: file["lstm/kernel"][...] = 0'
  "$python" "$scripts/keras_to_safetensors.py" --back b.safetensors b.h5
  "$python" -c 'import h5py
a, b = h5py.File("a.h5"), h5py.File("b.h5")
for layer in a:
    for name in a[layer]: assert (a[layer][name][()] == b[layer][name][()]).all(), name'
  tried=1
fi
[ $tried -eq 1 ] || { echo "neither PyTorch nor h5py"; exit 77; }
