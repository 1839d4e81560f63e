#!/usr/bin/env bash
# The model that ranks learn together is that of one process with as many shards, byte for byte, on any number of ranks and threads.
# Usage: same_bits.sh TRAINEE "RANKS .." UPDATES
set -euo pipefail
. "$(dirname "$0")/ranks.sh"
trainee=$1 updates=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
runs=0
for task in lstm gru packed jordan; do
  "$trainee" $task 8 1 "$updates" "$work/one"
  "$trainee" $task 8 2 "$updates" "$work/two" && cmp "$work/one" "$work/two"
  "$trainee" $task 1 1 "$updates" "$work/unsharded"
  ! cmp -s "$work/one" "$work/unsharded" || { echo "$task: shards change nothing"; exit 1; }
  for n in $2; do
    for threads in 1 2; do
      ranks "$n" "$trainee" $task 8 $threads "$updates" "$work/ranks"
      cmp "$work/one" "$work/ranks" || { echo "$task: $n ranks of $threads threads learn another model"; exit 1; }
      runs=$((runs + 1))
    done
  done
done
echo "$runs runs of $updates updates, every model the same"
