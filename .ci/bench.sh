#!/usr/bin/env bash
# Runs the commands of README's benchmarks at tiny size, with the build given as first argument, and looks at what they print.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# A line like this must be among what the command prints.
prints() {
  local line=$1; shift
  "$@" > "$out" || { echo "failed: $*"; cat "$out"; exit 1; }
  grep -qE -- "$line" "$out" || { echo "$* prints no line like: $line"; cat "$out"; exit 1; }
}

prints '^elman_b1_t25_i65_h100 +train_ms +reel +[0-9.]+ .* of the multiply-add rate$' bench/compare.py elman_b1_ --rounds 1 --build "$build"
prints '^elman_b1_t25_i65_h100 train: .* ms per run, .* GFLOPS' "$build/bin/bench_rnn" elman_b1 --profile
prints '^lstm +T +64: .* us per node$' "$build/bin/bench_compile" 64
prints '"case":"layer_norm_32x512","ns_per_element":[0-9.]+,"gradient_ns_per_element":' "$build/bin/bench_ops" layer_norm_32
prints '"of_time":[0-9.]+,"same_bits":true' "$build/bin/bench_recompute" 64 16 2
prints '"case":"lstm_norm_b32_t64_i128_h256","train_ms":[0-9.]+,"of_plain":' "$build/bin/bench_cells" 1
prints '"who":"stream","case":"gru_i1_h8","step_ns":' "$build/bin/bench_stream" gru_i1_h8
prints '"who":"emitted","case":"gru_i1_h8","step_ns":' "$build/bin/bench_stream" gru_i1_h8
prints '"rows":16,.*"packed_over_share":' "$build/bin/bench_packed" 16
prints '"case":"gru_b1_t64_i64_h256","infer_ms":.*"step_bf16_times":[0-9.]+}$' "$build/bin/bench_weights" 1
prints '^load_model .* MB/s' "$build/bin/bench_files" 8
cat src/*/*.h > "$out.txt"; trap 'rm -f "$out" "$out.txt"' EXIT
prints '^reel: [0-9.]+ ms per step$' bench/compare_char_rnn.sh "$out.txt" 1 5 "$build"
echo "every benchmark runs"
