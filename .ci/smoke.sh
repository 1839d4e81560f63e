#!/usr/bin/env bash
# Runs every example program at tiny size: good runs end with status 0, bad input with one line and status 1.
set -euo pipefail
bin=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

good() { "$@" > out.txt 2> err.txt || { echo "failed: $*"; cat out.txt err.txt; exit 1; }; }
says() { grep -q -- "$1" out.txt || { echo "the output lacks: $1"; cat out.txt; exit 1; }; }
bad() {
  local status=0
  "$@" > out.txt 2> err.txt || status=$?
  if [ "$status" -ne 1 ] || [ "$(wc -l < err.txt)" -ne 1 ]; then
    echo "expected status 1 and one line of error, got $status: $*"; cat err.txt; exit 1
  fi
}

good "$bin/mlp" --graph mlp.dot; says 'E = 0.593245'; says '2.173810 before, 2.163122 after'
grep -q '^digraph' mlp.dot
good "$bin/mlp" --xor; says '1 xor 1'
good "$bin/rnn" --example 1 --example 2 --example 3 --iterations 20; says '0.406272 0.368645'; says '0.626834   0.042942'
good "$bin/rnn" --toy --steps 10 --units 4 --epochs 1; says 'learns both                 0.454454'
good "$bin/lstm" --iterations 20 --length 20; says 'gradients agree'

head -c 4000 /dev/zero | tr '\0' 'a' > one-symbol.txt
for i in $(seq 200); do echo "the quick brown fox jumps over the lazy dog number $i"; done > text.txt
small=(--size 12 --batch 4 --length 10 --iterations 20 --sample 30)
for cell in elman jordan gru lstm; do
  good "$bin/char_rnn" --text text.txt --cell "$cell" --layers 2 "${small[@]}"
  tail -n 1 out.txt | grep -qE '^validation [0-9]+\.[0-9]{4}$'
done
good "$bin/char_rnn" "${small[@]}"
good "$bin/char_rnn" --text text.txt "${small[@]}" --seed 7 --threads 1; grep -v left out.txt > one.txt
good "$bin/char_rnn" --text text.txt "${small[@]}" --seed 7 --threads 3; grep -v left out.txt > three.txt
cmp one.txt three.txt

: > empty.txt; printf 'ab' > tiny.txt; head -c 300 /dev/zero > binary.txt
for text in empty.txt tiny.txt binary.txt one-symbol.txt missing.txt .; do bad "$bin/char_rnn" --text "$text" "${small[@]}"; done
bad "$bin/char_rnn" --text text.txt --batch 4000 --length 4000
bad "$bin/char_rnn" --size 0
bad "$bin/char_rnn" --text text.txt "${small[@]}" --prime '@'
bad "$bin/mlp" --images text.txt --labels text.txt
bad "$bin/mlp" --images missing --labels missing
bad "$bin/rnn" --example 4
bad "$bin/lstm" --length 1

# Ctrl-C ends a run cleanly, with a sample.
"$bin/char_rnn" --text text.txt --size 32 --iterations 100000000 --sample 40 > out.txt & pid=$!
sleep 2; kill -INT "$pid"; wait "$pid"; says 'sample'

echo "every program runs"
