#!/usr/bin/env bash
# Time per training step of char_rnn (two LSTM layers of 128, batch 50, 50 steps) in reel and, where it is installed, in PyTorch, in
# turn, one thread.
# Usage: bench/compare_char_rnn.sh TEXT [rounds, 3] [steps, 200] [build, build/release]
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: bench/compare_char_rnn.sh TEXT [rounds] [steps] [build]" >&2; exit 1; }
text=$(realpath "$1")
cd "$(dirname "$0")/.."
rounds=${2:-3} steps=${3:-200} build=${4:-build/release}
for _ in $(seq "$rounds"); do
  "$build/bin/char_rnn" --text "$text" --batch 50 --length 50 --iterations "$steps" --validation 0 --sample 0 --threads 1 \
    | sed -n 's/.*  \([0-9]*\) chars\/s.*/\1/p' | tail -n 1 | awk '{printf "reel: %.2f ms per step\n", 2500e3 / $1}'
  if /usr/bin/python3 -c 'import torch' 2>/dev/null; then
    core=$(bench/openblas_core.py)
    OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-$core} OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 /usr/bin/python3 bench/char_rnn_torch.py "$text" "$steps"
  fi
done
