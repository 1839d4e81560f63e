#!/usr/bin/env bash
# Installs what is missing, builds, and lets a two-layer LSTM learn to write C++ from reel's own sources: some three minutes,
# the build among them.
# Options go to the program: scripts/demo.sh --text novel.txt --iterations 10000
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_dependencies.sh
cmake --preset release
cmake --build --preset release -j "$(nproc)" --target char_rnn
[[ " $* " == *" --iterations"* ]] || set -- --iterations 5000 "$@"
exec build/release/bin/char_rnn "$@"
