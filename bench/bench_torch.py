#!/usr/bin/python3
"""The same layers as bench_rnn in PyTorch's fused modules (Debian: python3-torch), one JSON line per case.

Usage: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 bench_torch.py [case-prefix]
train_ms takes gradients of the weights, of x and of the initial state, for a given gradient of the outputs; infer_ms is
the forward pass alone. PyTorch's products are OpenBLAS's: install libopenblas0-pthread, the reference BLAS is ten
times slower.
"""
import json
import os
import statistics
import sys
import time

import torch

MODULES = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "elman": torch.nn.RNN}
SIZES = [(1, 25, 65, 100), (32, 64, 128, 256), (64, 64, 256, 512), (200, 10, 2, 16)]


def median_ms(step):
    step()
    step()
    times = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < 0.7 or len(times) < 5:
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return round(statistics.median(times), 4)


def measure(kind, B, T, I, H):
    module = MODULES[kind](I, H)
    x = torch.randn(T, B, I, requires_grad=True)
    dy = torch.randn(T, B, H)
    state = torch.zeros(1, B, H, requires_grad=True)
    leaves = [x, state]
    if kind == "lstm":
        cell = torch.zeros(1, B, H, requires_grad=True)
        leaves.append(cell)
        state = (state, cell)

    def train():
        y, _ = module(x, state)
        torch.autograd.grad(y, leaves + list(module.parameters()), dy)

    def infer():
        with torch.no_grad():
            module(x, state)

    return {"train_ms": median_ms(train), "infer_ms": median_ms(infer)}


def main():
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    prefix = sys.argv[1] if len(sys.argv) > 1 else ""
    for kind in MODULES:
        for size in SIZES:
            name = "{}_b{}_t{}_i{}_h{}".format(kind, *size)
            if name.startswith(prefix):
                row = {"who": "PyTorch", "case": name, "threads": threads}
                row.update(measure(kind, *size))
                print(json.dumps(row), flush=True)


main()
