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

# The same numbers and the same page, byte for byte but for what was measured, with one thread and with three.
same() {
  good "$@" --seed 7 --threads 1 --report page.html; grep -v ' left$' out.txt > one.txt
  grep -q '<dt>threads</dt><dd>1</dd>' page.html; sed -i '/<dl class="measured">/,/<\/dl>/d' page.html; mv page.html one.html
  good "$@" --seed 7 --threads 3 --report page.html; grep -v ' left$' out.txt > three.txt
  grep -q '<dt>threads</dt><dd>3</dd>' page.html; sed -i '/<dl class="measured">/,/<\/dl>/d' page.html
  cmp one.txt three.txt && cmp one.html page.html || { echo "differs with the number of threads: $*"; exit 1; }
  grep -q '</html>' page.html
}
# Ctrl-C ends a run cleanly, and its page is whole.
stopped() {
  rm -f page.html
  "$@" --report page.html > out.txt 2> err.txt & local pid=$! status=0
  sleep 2; kill -INT "$pid"; wait "$pid" || status=$?
  [ "$status" -eq 0 ] && grep -q '</html>' page.html || { echo "Ctrl-C: status $status: $*"; cat err.txt; exit 1; }
}

# The same run once more, saved after every update and killed somewhere: it goes on on other threads, and learns whole.safetensors.
killed() {
  rm -f run.checkpoint*
  "$@" --threads 2 --checkpoint run.checkpoint --every 1steps > out.txt 2> err.txt & local pid=$!
  while kill -0 "$pid" 2> /dev/null && [ -z "$(find . -name 'run.checkpoint*' ! -name '*.partial')" ]; do sleep .01; done
  kill -9 "$pid" 2> /dev/null || true
  wait "$pid" 2> /dev/null || true
  good "$@" --threads 3 --checkpoint run.checkpoint --resume --save parts.safetensors; says 'resumed from run.checkpoint'
  cmp whole.safetensors parts.safetensors
}

good "$bin/mlp"; [ ! -e mlp.dot ] || { echo "mlp writes a graph unasked"; exit 1; }
same "$bin/mlp" --graph mlp.dot; says 'E = 0.593245'; says '2.173810 before, 2.163122 after'
grep -q '^digraph' mlp.dot
good "$bin/mlp" --xor; says '1 xor 1'
same "$bin/rnn" --iterations 20; says '0.406272 0.368645'; says '0.626834   0.042942'
same "$bin/lstm" --iterations 20 --length 20; says 'gradients agree'
same "$bin/memory" --points 40000 --epochs 1 --units 4 --distance 20 --train 20
says 'learns both                 0.454454'; says 'lstm   trained'; says 'k = 10    k = 19$'
same "$bin/hopfield"; says 'recalled exactly'
good "$bin/hopfield" --letters ABCD --rule projection
same "$bin/embeddings" --iterations 20 --sentences 200 --size 8 --write-vectors own.txt; says 'cosine'
same "$bin/embeddings" --vectors own.txt --word painter --analogy painter boxer singer; says 'painter is to boxer'
same "$bin/seq2seq" --iterations 10 --pairs 200 --test 50 --units 16 --translate seven --translate 42; says 'of 50 held-out numbers exact'
good "$bin/seq2seq" --iterations 5 --pairs 50 --test 10 --units 8 --beam 3 --cell gru
for network in elman gru lstm bidirectional hierarchical cnn cnn-lstm; do
  same "$bin/classify" --network "$network" --sentences 200 --epochs 1 --units 8; says 'of the test right'
done
base64 -d > square.png <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAADUlEQVR4nGP4z4AA/wEOAAH/OF9wGgAAAABJRU5ErkJggg==
PNG
mkdir pictures && cp square.png pictures/one.png
same "$bin/caption" --iterations 4 --batch 8 --test 20 --units 16 --features 16 --pictures pictures
says 'pictures/one.png: '; says 'unseen combinations: '
for decode in sample beam; do good "$bin/caption" --iterations 2 --batch 4 --test 10 --units 8 --features 8 --decode $decode --cell lstm; done

head -c 4000 /dev/zero | tr '\0' 'a' > one-symbol.txt
for i in $(seq 200); do echo "the quick brown fox jumps over the lazy dog number $i"; done > text.txt
small=(--size 12 --batch 4 --length 10 --iterations 20 --sample 30)
cells=$("$bin/char_rnn" --help | sed -n 's/.*--cell[^{]*{\([^}]*\)}.*/\1/p' | tr ',' ' ')
[ "$(wc -w <<< "$cells")" -ge 9 ] || { echo "the help of char_rnn names too few cells: $cells"; exit 1; }
for cell in $cells; do
  good "$bin/char_rnn" --text text.txt --cell "$cell" --layers 2 "${small[@]}"
  tail -n 1 out.txt | grep -qE '^validation [0-9]+\.[0-9]{4}$'
done
good "$bin/char_rnn" "${small[@]}"
same "$bin/char_rnn" --text text.txt "${small[@]}" --dropout .2 --likelihood "the quick brown"; says 'log-likelihood of'
same "$bin/char_rnn" --text text.txt "${small[@]}" --precision bf16; good "$bin/char_rnn" --text text.txt "${small[@]}" --precision bf16-weights
bad "$bin/char_rnn" --text text.txt "${small[@]}" --precision half

# What is saved is loaded again, and a run in two parts, on other numbers of threads, ends as one.
run=("$bin/char_rnn" --text text.txt --size 12 --batch 4 --length 10 --sample 30 --dropout .2)
good "${run[@]}" --iterations 20 --threads 1 --save whole.safetensors; grep -v ' left$' out.txt > whole.txt
good "${run[@]}" --threads 3 --iterations 10 --checkpoint run.checkpoint --every 3steps
good "${run[@]}" --iterations 20 --threads 2 --checkpoint run.checkpoint --resume --save parts.safetensors; says 'resumed from run.checkpoint after 10 updates'
cmp whole.safetensors parts.safetensors
grep -v ' left$\|^resumed' out.txt | cmp - whole.txt
good "$bin/char_rnn" --load whole.safetensors --iterations 0 --sample 40 --prime 'the quick'; says '^the quick'
good "$bin/char_rnn" --load whole.safetensors --text text.txt --batch 4 --length 10 --iterations 2 --save whole.safetensors
good "$bin/model_file" show whole.safetensors; says 'head.W .*F32 \[12, '; says 'reel.model: {"cell":"lstm"'
good "$bin/model_file" check whole.safetensors; says 'whole, .* all numbers finite'
good "$bin/model_file" show run.checkpoint; says 'optimizer/updates .*I64'
good "$bin/model_file" diff parts.safetensors parts.safetensors; says '^the same$'
bad_diff() { local status=0; "$bin/model_file" diff "$@" > out.txt || status=$?; [ $status -eq 1 ]; }
bad_diff parts.safetensors whole.safetensors; says 'differ, most of all element'
good "$bin/model_file" convert parts.safetensors half.safetensors --type BF16
bad_diff parts.safetensors half.safetensors
good "$bin/char_rnn" --load half.safetensors --iterations 0 --sample 20
good "$bin/model_file" emit whole.safetensors writer.h --name writer; says '^writer.h: .* namespace writer'
printf '#include "writer.h"\nint main() { return writer::self_test() ? 0 : 1; }\n' > writer.cpp
good g++ -std=c++17 -Wall -Wextra -Werror -O1 writer.cpp -o writer; good ./writer
good "$bin/model_file" onnx whole.safetensors writer.onnx; grep -q 'head.W' writer.onnx
played=("$bin/stream" --seconds .5 --play .2 --batch 4 --units 5)
good "${played[@]}" --epochs 2 --wav sound.wav --save amplifier.safetensors; says 'times real time'; says 'sound.wav: the guitar'
[ "$(stat -c %s sound.wav)" -eq $((44 + 3 * 2 * 9600)) ]
good "${played[@]::${#played[@]}-2}" --load amplifier.safetensors --epochs 0 --emit amplifier.h --report stream.html; says 'amplifier.h: the step'
good "$bin/model_file" emit amplifier.safetensors again.h --name amplifier; grep -q 'at 48000 Hz: an LSTM of 5 units' again.h
bad "$bin/stream" --seconds .1 --batch 1000; bad "$bin/stream" --epochs 0; bad "$bin/stream" --load whole.safetensors
bad "$bin/model_file" emit whole.safetensors x.h --name class; bad "$bin/model_file" emit run.checkpoint x.h; [ ! -e x.h ]
bad "$bin/model_file" check text.txt; bad "$bin/model_file" show missing; bad "$bin/model_file" frobnicate x; bad "$bin/model_file"
bad "$bin/model_file" convert parts.safetensors missing/x; bad "$bin/model_file" convert parts.safetensors x --type F8
bad "$bin/char_rnn" --load text.txt --iterations 0; bad "$bin/char_rnn" --load missing --iterations 0
bad "$bin/char_rnn" --load run.checkpoint --iterations 0; grep -q 'is not a model file' err.txt
bad "$bin/char_rnn" --load whole.safetensors --iterations 0 --cell gru
bad "$bin/char_rnn" --load whole.safetensors --iterations 0 --prime '@'
bad "${run[@]}" --checkpoint run.checkpoint --resume --lr .1; grep -q 'rule is Adam, lr 0.002' err.txt
bad "$bin/char_rnn" --text text.txt --size 12 --batch 5 --length 10 --checkpoint run.checkpoint --resume
bad "$bin/char_rnn" --text text.txt --size 13 --batch 4 --length 10 --checkpoint run.checkpoint --resume
bad "${run[@]}" --checkpoint missing --resume; bad "${run[@]}" --resume; bad "${run[@]}" --checkpoint run.checkpoint --every 3weeks
bad "${run[@]}" --save missing/m.safetensors; bad "${run[@]}" --checkpoint .

run=("$bin/classify" --sentences 200 --units 8 --batch 32)
good "${run[@]}" --epochs 3 --threads 1 --save whole.safetensors
killed "${run[@]}" --epochs 3
label=$("$bin/model_file" show whole.safetensors | sed -n 's/.*"classes":\["\([^"]*\)".*/\1/p'); printf '%s\tborn in oslo\n' "$label" > some.txt
good "$bin/classify" --load whole.safetensors --epochs 0 --text some.txt; says '% right, loss'
good "$bin/classify" --load whole.safetensors --epochs 1 --sentences 200 --save more.safetensors
printf 'Nobody\tborn in oslo\n' > other.txt; bad "$bin/classify" --load whole.safetensors --epochs 0 --text other.txt
bad "$bin/classify" --epochs 0; bad "$bin/classify" --load whole.safetensors --units 9
bad "${run[@]}" --train 150 --epochs 3 --checkpoint run.checkpoint --resume; bad "$bin/char_rnn" --load whole.safetensors --iterations 0

run=("$bin/caption" --batch 8 --test 10 --units 12 --features 12)
good "${run[@]}" --iterations 6 --threads 1 --save whole.safetensors
killed "${run[@]}" --iterations 6
good "$bin/caption" --load whole.safetensors --iterations 0 --test 10 --seed 9 --pictures pictures; says 'pictures/one.png: '
bad "$bin/caption" --iterations 0; bad "$bin/caption" --load whole.safetensors --features 12

run=("$bin/embeddings" --sentences 200 --size 8)
good "${run[@]}" --iterations 12 --threads 1 --save whole.safetensors
killed "${run[@]}" --iterations 12
good "$bin/embeddings" --load whole.safetensors --iterations 0 --word painter; says '^painter$'
good "$bin/embeddings" --load whole.safetensors --iterations 3 --sentences 100
bad "$bin/embeddings" --load whole.safetensors --size 9; bad "$bin/embeddings" --load whole.safetensors --vectors own.txt

run=("$bin/seq2seq" --pairs 200 --test 20 --units 12)
good "${run[@]}" --iterations 8 --threads 1 --save whole.safetensors
killed "${run[@]}" --iterations 8; ls run.checkpoint.to-digits run.checkpoint.to-words > /dev/null
good "$bin/seq2seq" --load whole.safetensors --iterations 0 --pairs 20 --test 20 --translate 'forty two'; says '^forty two -> '
good "$bin/seq2seq" --load whole.safetensors --iterations 2 --pairs 20 --test 20 --direction to-digits --save one.safetensors
good "$bin/seq2seq" --load one.safetensors --iterations 0 --pairs 20 --test 20
bad "$bin/seq2seq" --load one.safetensors --iterations 0 --direction to-words; bad "$bin/seq2seq" --iterations 0

# 40 pictures of two by two, whose class is the row that is bright.
{ printf '\0\0\10\3\0\0\0\50\0\0\0\2\0\0\0\2'; for _ in $(seq 20); do printf '\377\377\0\0\0\0\377\377'; done; } > rows.idx
{ printf '\0\0\10\1\0\0\0\50'; for _ in $(seq 20); do printf '\0\1'; done; } > rows.labels
run=("$bin/mlp" --images rows.idx --labels rows.labels --hidden 6 --batch 5 --lr .05)
good "${run[@]}" --epochs 20 --threads 1 --save whole.safetensors; says 'epoch 20: .*100.00% of the test images right'
killed "${run[@]}" --epochs 20
good "$bin/mlp" --load whole.safetensors --epochs 0 --images rows.idx --labels rows.labels; says '100.00% of the images right'
bad "${run[@]}" --epochs 20 --checkpoint run.checkpoint --resume --batch 6
bad "$bin/mlp" --load whole.safetensors --images rows.idx --labels rows.labels --hidden 6
bad "$bin/mlp" --xor --load whole.safetensors; bad "$bin/mlp" --xor --epochs 0; bad "$bin/mlp" --save x.safetensors
run=("$bin/mlp" --xor)
good "${run[@]}" --save whole.safetensors; mv out.txt xor.txt; killed "${run[@]}"
good "$bin/mlp" --xor --load whole.safetensors --epochs 0; cmp out.txt xor.txt
bad "$bin/mlp" --load whole.safetensors --images rows.idx --labels rows.labels

run=("$bin/lstm" --length 10 --units 6 --batch 8)
good "${run[@]}" --iterations 12 --threads 1 --save whole.safetensors
killed "${run[@]}" --iterations 12; ls run.checkpoint.lstm run.checkpoint.elman > /dev/null
good "$bin/lstm" --load whole.safetensors --iterations 0 --length 20; says 'on 1000 new sequences'
bad "$bin/lstm" --load whole.safetensors --units 6; bad "$bin/rnn" --load whole.safetensors
bad "$bin/lstm" --length 11 --units 6 --batch 8 --iterations 12 --checkpoint run.checkpoint --resume; grep -q 'length' err.txt

run=("$bin/rnn" --example 3)
good "${run[@]}" --iterations 30 --threads 1 --save whole.safetensors; tail -n 2 out.txt > strips.txt; killed "${run[@]}" --iterations 30
good "$bin/rnn" --example 3 --load whole.safetensors --iterations 0; tail -n 2 out.txt | cmp - strips.txt
bad "$bin/rnn" --example 1 --save x.safetensors

run=("$bin/memory" --toy --points 20000 --units 4)
good "${run[@]}" --epochs 2 --threads 1 --save whole.safetensors; killed "${run[@]}" --epochs 2
good "$bin/memory" --toy --points 20000 --load whole.safetensors --epochs 0; says 'reached'
bad "$bin/memory" --toy --epochs 0; bad "$bin/memory" --gradients --save x.safetensors; bad "$bin/memory" --load whole.safetensors --cell lstm

# Names of others, and back.
good "$bin/char_rnn" --text text.txt --cell gru-reset-after --layers 2 "${small[@]}" --save own.safetensors
for names in pytorch keras; do
  good "$bin/model_file" convert own.safetensors theirs.safetensors --to $names; says 'GruResetAfter gru-reset-after1: to gru-reset-after'
  good "$bin/model_file" convert theirs.safetensors back.safetensors --from $names; cmp own.safetensors back.safetensors
done
good "$bin/model_file" convert own.safetensors theirs.safetensors --to pytorch --type F16
bad "$bin/model_file" convert run.checkpoint x --to pytorch; bad "$bin/model_file" convert own.safetensors x --from torch; [ ! -e x ]

: > empty.txt; printf 'ab' > tiny.txt; head -c 300 /dev/zero > binary.txt
for text in empty.txt tiny.txt binary.txt one-symbol.txt missing.txt .; do bad "$bin/char_rnn" --text "$text" "${small[@]}"; done
bad "$bin/char_rnn" --text text.txt --batch 4000 --length 4000
bad "$bin/char_rnn" --size 0
bad "$bin/char_rnn" --text text.txt "${small[@]}" --prime '@'
bad "$bin/mlp" --images text.txt --labels text.txt
bad "$bin/mlp" --images missing --labels missing
bad "$bin/rnn" --example 4
bad "$bin/lstm" --length 1
bad "$bin/lstm" --lr 100 --length 20 --iterations 400 --batch 8 --units 8; grep -q 'diverges' err.txt
for program in "$bin"/{mlp,rnn,lstm,memory,hopfield,embeddings,seq2seq,classify,caption,char_rnn,stream,model_file}; do
  if "$program" --help > /dev/full 2> err.txt; then echo "$program --help > /dev/full ends with 0"; exit 1; fi
done
printf '\xef\xbb\xbfthe 1 2\ncat 3 4\n' > bom.txt; good "$bin/embeddings" --vectors bom.txt --word the
printf '2 2\nthe 1 2\ncat 3 4\n' > header.txt; good "$bin/embeddings" --vectors header.txt --word the; says '2 words of 2 numbers'
mkfifo pipe.txt; bad "$bin/char_rnn" --text pipe.txt; bad "$bin/char_rnn" --text /dev/zero
bad "$bin/hopfield" --letters 'a?'
bad "$bin/hopfield" --letters AA --rule projection
bad "$bin/memory" --points 10
bad "$bin/seq2seq" --translate 'fourty two'
bad "$bin/seq2seq" --translate 12345678
printf 'Artist\ta singer\nno tab here\n' > notab.txt; printf 'A\tonly one class\nA\tof two lines\n' > oneclass.txt
for text in notab.txt oneclass.txt empty.txt missing.txt .; do bad "$bin/classify" --text "$text"; done
bad "$bin/classify" --images text.txt --labels text.txt
bad "$bin/classify" --network transformer
printf 'a 1 2\nb 1\n' > short.txt; printf 'a 1 x\n' > nonumber.txt
for text in short.txt nonumber.txt empty.txt missing.txt; do bad "$bin/embeddings" --vectors "$text"; done
bad "$bin/embeddings" --vectors own.txt --word zzz
mkdir no-pictures bad-pictures && cp text.txt bad-pictures/text.png
for folder in missing no-pictures bad-pictures; do
  bad "$bin/caption" --iterations 1 --batch 2 --test 2 --units 4 --features 4 --pictures "$folder"
done
for program in hopfield "mlp --xor" lstm; do bad "$bin"/$program --report missing/page.html; done
bad "$bin/hopfield" --report /dev/null; [ -c /dev/null ]
bad "$bin/embeddings" --word zzz --report page.html; grep -q '<dd>failed</dd>' page.html
for value in nan -1 x; do bad "$bin/lstm" --lr "$value"; bad "$bin/hopfield" --damage "$value"; bad "$bin/hopfield" --seed "$value"; done
bad "$bin/char_rnn" --text ''
bad "$bin/char_rnn" --text text.txt --likelihood x
bad "$bin/mlp" --xor --images a --labels b
bad "$bin/mlp" --graph page.svg
bad "$bin/memory" --toy --gradients
bad "$bin/seq2seq" --direction to-words --translate seven
bad "$bin/caption" --features 1

stopped "$bin/char_rnn" --text text.txt --size 32 --iterations 100000000 --sample 40; says 'sample'
stopped "$bin/char_rnn" --text text.txt --size 12 --iterations 1 --sample 1000000000
rm -f run.checkpoint; stopped "$bin/char_rnn" --text text.txt --size 32 --iterations 100000000 --sample 40 --checkpoint run.checkpoint
good "$bin/char_rnn" --text text.txt --size 32 --iterations 1 --sample 40 --checkpoint run.checkpoint --resume
stopped "$bin/hopfield" --trials 1000000 --steps 60
stopped "$bin/memory" --toy --epochs 100000
stopped "$bin/classify" --epochs 100000
stopped "$bin/seq2seq" --iterations 100000000
stopped "$bin/caption" --iterations 100000000 --test 20
stopped "$bin/embeddings" --iterations 100000000
stopped "$bin/lstm" --iterations 100000000
stopped "$bin/rnn" --iterations 100000000

echo "every program runs"
