#!/usr/bin/env bash
# Stops a rank at a random moment, so that it lives but does nothing: the others name it and end the job within ten seconds.
# Usage: stop_ranks.sh TRAINEE STOPS [SEED]
set -euo pipefail
. "$(dirname "$0")/ranks.sh"
trainee=$1 stops=$2
RANDOM=${3:-$$}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
slowest=0
for ((i = 0; i < stops; ++i)); do
  n=$((2 + 2 * (i % 2)))
  rm -f "$work"/run*
  ranks $n "$trainee" gru 8 1 1000000 "$work/model" "$work/run" > "$work/log" 2>&1 & job=$!
  victim=$((i % n))
  until [ -s "$work/run.$victim.pid" ]; do sleep .01; done
  sleep ".$(printf %03d $((RANDOM % 400)))"
  process=$(cat "$work/run.$victim.pid")
  began=$SECONDS
  kill -STOP "$process"
  status=0; wait $job || status=$?
  took=$((SECONDS - began))
  [ $took -gt $slowest ] && slowest=$took
  [ $status -ne 0 ] || { echo "the job ended well without rank $victim"; exit 1; }
  grep -q "^rank $victim (process $process .* no sign of life" "$work/log" ||
    { cat "$work/log"; echo "nobody names rank $victim of $n, process $process"; exit 1; }
  [ $took -le 10 ] || { echo "it took $took s until rank $victim was named"; exit 1; }
  # mpirun has it killed, but does not wait for that.
  until ! kill -0 "$process" 2> /dev/null; do
    [ $((SECONDS - began)) -le 15 ] || { echo "the stopped rank is left"; exit 1; }
    sleep .1
  done
done
echo "$stops ranks stopped and named, after $slowest s at most"
