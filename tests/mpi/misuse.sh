#!/usr/bin/env bash
# What ranks cannot do together is told in one line, within five seconds, and all of them end.
# Usage: misuse.sh TRAINEE OTHER_BUILD CHAR_RNN
set -euo pipefail
. "$(dirname "$0")/ranks.sh"
trainee=$1 other=$2 char_rnn=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# refused LINE COMMAND ..
refused() {
  local line=$1 began=$SECONDS status=0
  shift
  "$@" > "$work/out" 2> "$work/err" || status=$?
  [ $status -ne 0 ] || { echo "not refused: $line"; exit 1; }
  [ $((SECONDS - began)) -le 5 ] || { echo "refused after $((SECONDS - began)) s: $line"; exit 1; }
  # What mpirun adds about an exit status is no line of ours.
  [ "$(grep -c -- "$line" "$work/err")" -eq 1 ] || { cat "$work/err"; echo "expected one line with: $line"; exit 1; }
}
many=("$(command -v "${REEL_MPIRUN:-mpirun}")" --oversubscribe)
refused "rank 1 has other settings than rank 0" "${many[@]}" -np 1 "$trainee" lstm 8 1 5 "$work/m" : -np 1 -x REEL_TRAINEE_LR=.5 "$trainee" lstm 8 1 5 "$work/m"
refused "rank 1 has other parameters than rank 0" "${many[@]}" -np 1 "$trainee" lstm 8 1 5 "$work/m" : -np 1 "$trainee" gru 8 1 5 "$work/m"
refused "rank 1 has other code" "${many[@]}" -np 1 "$trainee" lstm 8 1 5 "$work/m" : -np 1 "$other" lstm 8 1 5 "$work/m"
refused "there are more ranks, 4, than shards, 2" ranks 4 "$trainee" lstm 2 1 5 "$work/m"
refused "the number of shards must be a power of two, not 6" ranks 2 "$trainee" lstm 6 1 5 "$work/m"
refused "the number of ranks must be a power of two" ranks 3 "$trainee" lstm 8 1 5 "$work/m"
[ ! -e "$work/m" ] || { echo "a model was written"; exit 1; }
if [ -n "$char_rnn" ]; then
  for i in {1..400}; do echo "the quick brown fox jumps over the lazy dog $i"; done > "$work/a"
  for i in {1..400}; do echo "the quick brown fox jumps over the lazy cat $i"; done > "$work/b"
  few=(--iterations 3 --size 8 --batch 8 --length 8)
  mkdir "$work/one" "$work/two"
  cp "$work/a" "$work/one/text" && cp "$work/b" "$work/two/text"
  refused "rank 1 has other data than rank 0" "${many[@]}" -np 1 -wdir "$work/one" "$char_rnn" --text text "${few[@]}" : -np 1 -wdir "$work/two" "$char_rnn" --text text "${few[@]}"
  refused "rank 1 has other options than rank 0" "${many[@]}" -np 1 "$char_rnn" --text "$work/a" "${few[@]}" : -np 1 "$char_rnn" --text "$work/a" "${few[@]}" --seed 2
  refused "char_rnn: " ranks 4 "$char_rnn" --text "$work/missing" "${few[@]}"
  refused "char_rnn: .*number of shards" ranks 2 "$char_rnn" --text "$work/a" "${few[@]}" --shards 3
  refused "rank 1: char_rnn: text: No such file" "${many[@]}" -np 1 -wdir "$work/one" "$char_rnn" --text text "${few[@]}" : -np 1 -wdir "$work" "$char_rnn" --text text "${few[@]}"
fi
echo "every misuse told in one line"
