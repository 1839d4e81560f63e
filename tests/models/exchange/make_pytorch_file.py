#!/usr/bin/env python3
"""Makes pytorch.safetensors, beside this file: small modules of torch.nn in double, an input x of each, and its outputs.

    tests/models/exchange/make_pytorch_file.py          (PyTorch 1.13)
"""
import pathlib
import sys

import torch
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "scripts"))
from pytorch_to_safetensors import write  # noqa: E402

T, B, I, H = 5, 2, 3, 4


def main():
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float64)
    x = torch.randn(T, B, I)
    modules = {
        "lstm": (nn.LSTM(I, H, num_layers=2, bidirectional=True), x),
        "lstm_without_bias": (nn.LSTM(I, H, bias=False), x),
        "gru": (nn.GRU(I, H, num_layers=2, bidirectional=True), x),
        "gru_without_bias": (nn.GRU(I, H, bias=False), x),
        "rnn_tanh": (nn.RNN(I, H, num_layers=2), x),
        "rnn_relu": (nn.RNN(I, H, nonlinearity="relu", bidirectional=True), x),
        "lstm_cell": (nn.LSTMCell(I, H), x[0]),
        "gru_cell": (nn.GRUCell(I, H), x[0]),
        "rnn_cell": (nn.RNNCell(I, H), x[0]),
        "linear": (nn.Linear(I, H), x),
        "linear_without_bias": (nn.Linear(I, H, bias=False), x),
        "embedding": (nn.Embedding(7, H), torch.tensor([[1, 6], [0, 3]], dtype=torch.int32)),
        "layer_norm": (nn.LayerNorm(H), torch.randn(B, H)),
        "conv1d": (nn.Conv1d(I, H, 3), torch.randn(B, I, 6)),
        "conv2d": (nn.Conv2d(I, H, 3, stride=2, padding=1), torch.randn(B, I, 6, 6)),
    }
    tensors = {}
    for name, (module, given) in modules.items():
        for parameter in module.parameters():  # biases and norms too are no special numbers
            nn.init.uniform_(parameter, -0.7, 0.7)
        with torch.no_grad():
            outputs = module(given)
        outputs = outputs[0] if name.split("_")[0] in ("lstm", "gru", "rnn") and isinstance(outputs, tuple) else outputs
        for key, value in module.state_dict().items():
            tensors[f"{name}.{key}"] = value
        tensors[f"{name}/x"], tensors[f"{name}/y"] = given, outputs
    write(str(HERE / "pytorch.safetensors"), tensors, {"made by": f"PyTorch {torch.__version__}"})


main()
