#!/usr/bin/env bash
# Kills a rank at a random moment, again and again: the others end within ten seconds, somebody says which it was, and the run that goes
# on from the checkpoint, on another number of ranks, comes to the model of the run that nobody killed.
# Usage: kill_ranks.sh TRAINEE KILLS [SEED]
set -euo pipefail
. "$(dirname "$0")/ranks.sh"
trainee=$1 kills=$2
RANDOM=${3:-$$}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
updates=$((200 + 40 * kills))
"$trainee" gru 8 1 $updates "$work/whole"
numbers=(2 4 8)
killed=0 finished=0 slowest=0
while [ $killed -lt "$kills" ]; do
  n=${numbers[$((RANDOM % 3))]}
  rm -f "$work"/run.*.pid
  ranks $n "$trainee" gru 8 1 $updates "$work/model" "$work/run" > "$work/log" 2>&1 & job=$!
  victim=$((RANDOM % n))
  until [ -s "$work/run.$victim.pid" ] || ! kill -0 $job 2> /dev/null; do sleep .01; done
  sleep ".$(printf %03d $((RANDOM % 400)))"
  began=$SECONDS
  if kill -9 "$(cat "$work/run.$victim.pid")" 2> /dev/null; then
    status=0; wait $job || status=$?
    if [ $status -ne 0 ]; then
      killed=$((killed + 1))
      [ $((SECONDS - began)) -gt $slowest ] && slowest=$((SECONDS - began))
      [ $slowest -le 10 ] || { echo "the job went on for $slowest s after rank $victim of $n was killed"; exit 1; }
      grep -q "rank $victim " "$work/log" || { cat "$work/log"; echo "nobody says that rank $victim was killed"; exit 1; }
      continue
    fi
  fi
  status=0; wait $job || status=$?
  [ $status -eq 0 ] || { cat "$work/log"; echo "a run that nobody killed failed"; exit 1; }
  cmp "$work/whole" "$work/model" || { echo "another model after $killed kills"; exit 1; }
  finished=$((finished + 1))
  rm -f "$work/run" "$work/model"
done
ranks 2 "$trainee" gru 8 1 $updates "$work/model" "$work/run"
cmp "$work/whole" "$work/model" || { echo "another model after $killed kills"; exit 1; }
echo "$killed ranks killed, $finished runs that came to their end in between; the slowest end took $slowest s; every model the same"
