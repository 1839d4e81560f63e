#!/usr/bin/python3
"""The network and training step of examples/char_rnn in PyTorch (Debian: python3-torch), to time one against the other.

Usage: char_rnn_torch.py TEXT [iterations]. Prints milliseconds per training step; threads as in OMP_NUM_THREADS.
"""
import os
import statistics
import sys
import time

import torch
from torch import nn

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
torch.set_flush_denormal(True)
torch.manual_seed(1)

BATCH, LENGTH, SIZE = 50, 50, 128


class Network(nn.Module):
    def __init__(self, symbols):
        super().__init__()
        self.embedding = nn.Embedding(symbols, symbols)
        self.lstm = nn.LSTM(symbols, SIZE, num_layers=2)
        self.head = nn.Linear(SIZE, symbols)

    def forward(self, x, state):
        h, state = self.lstm(self.embedding(x), state)
        return self.head(h), state


def main():
    text = open(sys.argv[1], "rb").read()
    iterations = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    symbols = sorted(set(text))
    index = {c: i for i, c in enumerate(symbols)}
    ids = torch.tensor([index[c] for c in text[: len(text) * 9 // 10]])
    stretch = len(ids) // BATCH
    streams = ids[: stretch * BATCH].view(BATCH, stretch).t().contiguous()

    net = Network(len(symbols))
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    state, times = None, []
    for i in range(iterations):
        start = time.perf_counter()
        at = i * LENGTH % (stretch - LENGTH - 1)
        x, y = streams[at : at + LENGTH], streams[at + 1 : at + LENGTH + 1]
        logits, state = net(x, state)
        state = tuple(s.detach() for s in state)
        loss = nn.functional.cross_entropy(logits.reshape(-1, len(symbols)), y.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5)
        optimizer.step()
        times.append((time.perf_counter() - start) * 1e3)
    print(f"PyTorch {torch.__version__}: {statistics.median(times):.2f} ms per step, loss {loss.item():.3f}")


main()
