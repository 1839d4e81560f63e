#!/usr/bin/env python3
"""bench_rnn beside oneDNN and PyTorch, case by case in turn: medians over rounds, and how many times faster reel is.

Usage: bench/compare.py [case-prefix] [--rounds 3] [--threads 1] [--build build/release]
bench_onednn is there if CMake found oneDNN; PyTorch is asked if Debian's python3-torch is installed, with OPENBLAS_CORETYPE set to the
best that the processor runs, unless it is set already. What is missing is left out.
"""
import argparse
import collections
import json
import os
import pathlib
import statistics
import subprocess

from openblas_core import best_core

HERE = pathlib.Path(__file__).resolve().parent
CASES = [f"{kind}_b{B}_" for kind in ("lstm", "gru", "elman") for B in (1, 32, 64, 200)]


def programs(build):
    found = {"reel": [str(build / "bin" / "bench_rnn")]}
    onednn = build / "bin" / "bench_onednn"
    if onednn.exists():
        found["oneDNN"] = [str(onednn)]
    torch = ["/usr/bin/python3", "-c", "import torch"]
    if subprocess.run(torch, capture_output=True).returncode == 0:
        found["PyTorch"] = ["/usr/bin/python3", str(HERE / "bench_torch.py")]
    return found


def rows(command, case, environment):
    result = subprocess.run(command + [case], env=environment, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prefix", nargs="?", default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent / "build" / "release")
    options = parser.parse_args()

    count = str(options.threads)
    environment = dict(os.environ, REEL_THREADS=count, OMP_NUM_THREADS=count, OPENBLAS_NUM_THREADS=count)
    environments = collections.defaultdict(lambda: environment)
    if best_core():
        environments["PyTorch"] = {"OPENBLAS_CORETYPE": best_core(), **environment}
        print(f"PyTorch: OPENBLAS_CORETYPE={environments['PyTorch']['OPENBLAS_CORETYPE']}")
    found = programs(options.build)
    times = collections.defaultdict(list)  # (case, figure, program)
    rates = collections.defaultdict(list)
    for _ in range(options.rounds):
        for case in CASES:
            if not case.startswith(options.prefix[: len(case)]):
                continue
            for name, command in found.items():
                for row in rows(command, max(case, options.prefix, key=len), environments[name]):
                    for figure in ("train_ms", "infer_ms", "eqn_ms", "train_bf16_ms", "infer_bf16_ms"):
                        if figure in row:
                            times[row["case"], figure, name].append(row[figure])
                    if "fma_gflops" in row:
                        rates[row["case"]].append(row["train_gflops"] / row["fma_gflops"] / options.threads)

    print(f"{options.threads} thread(s), medians of {options.rounds} rounds, milliseconds; x: times faster than the peer")
    for case, figure in dict.fromkeys((case, figure) for case, figure, _ in times):
        mine = statistics.median(times[case, figure, "reel"])
        line = f"{case:26} {figure:13} reel {mine:9.4f}"
        for peer in list(found)[1:]:
            if (case, figure, peer) in times:
                theirs = statistics.median(times[case, figure, peer])
                line += f"   {peer} {theirs:9.4f} {theirs / mine:5.2f}x"
        if figure == "eqn_ms":
            line += f"   {mine / statistics.median(times[case, 'train_ms', 'reel']):5.2f} of train_ms"
        if figure.endswith("bf16_ms"):
            line += f"   {statistics.median(times[case, figure.replace('bf16_', ''), 'reel']) / mine:5.2f}x float"
        if figure == "train_ms":
            line += f"   {statistics.median(rates[case]):.2f} of the multiply-add rate"
        print(line)


main()
