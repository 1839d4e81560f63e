#!/usr/bin/env bash
# Kills training runs that save after every update, at random moments, and resumes each on another number of threads: the model that
# comes out must be that of the run that nobody killed, byte for byte, and the checkpoint whole at every moment.
# Usage: kill_and_resume.sh TRAINEE KILLS [SEED]
set -euo pipefail
trainee=$1 kills=$2
RANDOM=${3:-$$}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
updates=400
cases=("lstm adam" "gru momentum" "jordan adagrad" "peephole-lstm adam" "deep momentum" "deep adam")
each=$(((kills + ${#cases[@]} - 1) / ${#cases[@]}))

killed=0 in_time=0
for case in "${cases[@]}"; do
  read -r cell rule <<< "$case"
  rm -f "$work"/*
  "$trainee" "$cell" "$rule" 1 $updates "$work/whole" "$work/whole.safetensors"
  for ((k = 0; k < each; ++k)); do
    "$trainee" "$cell" "$rule" $((k % 3 + 1)) $updates "$work/run" "$work/run.safetensors" & pid=$!
    sleep "0.0$((RANDOM % 90 + 10))"
    kill -9 $pid 2> /dev/null || true
    status=0; wait $pid 2> /dev/null || status=$?
    [ $status -eq 137 ] && killed=$((killed + 1))
    if [ -e "$work/run" ]; then "$trainee" check "$work/run" && in_time=$((in_time + 1)); fi
    # A run that came to its end begins anew.
    if [ $status -eq 0 ]; then
      cmp "$work/whole.safetensors" "$work/run.safetensors" || { echo "$case: another model"; exit 1; }
      rm -f "$work/run" "$work/run.safetensors"
    fi
  done
  "$trainee" "$cell" "$rule" 2 $updates "$work/run" "$work/run.safetensors"
  cmp "$work/whole.safetensors" "$work/run.safetensors" || { echo "$case: another model"; exit 1; }
  cmp "$work/whole" "$work/run" || { echo "$case: another checkpoint"; exit 1; }
  left=$(find "$work" -name '*.partial' | wc -l)
  [ "$left" -eq 0 ] || { echo "$case: $left partial files are left"; exit 1; }
done
[ $killed -ge $((kills / 2)) ] || { echo "only $killed runs were killed before their end"; exit 1; }
echo "$killed runs killed, $in_time checkpoints read in between, every model the same"
