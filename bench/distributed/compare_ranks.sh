#!/usr/bin/env bash
# Ranks against threads on this machine, in turns: JSON lines on standard output, for scaling.py. Two cores are enough; nothing else
# should run. Usage: compare_ranks.sh [BUILD [ROUNDS]]
set -euo pipefail
program=$(realpath "${1:-build/release}")/bin/bench_ranks rounds=${2:-5}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_base_warn_component_unused=0
ranks() { mpirun --oversubscribe --bind-to none -np "$@"; }
for ((round = 0; round < rounds; ++round)); do
  for case in lstm gru char_rnn; do
    half=$([ $case = char_rnn ] && echo 25 || echo 32)
    "$program" $case
    REEL_THREADS=2 "$program" $case
    REEL_THREADS=2 "$program" $case 2
    ranks 2 "$program" $case 2
    # What each of two ranks computes, with both cores at work and nobody waiting for anybody.
    "$program" $case 1 $half > /dev/null &
    "$program" $case 1 $half | sed 's/"who":"reel"/"who":"half"/'
    wait
  done
done
# The rest of what scaling.py needs: fewer rows of larger and smaller models, the network by memory and by TCP, what travels among more.
for case in char_rnn lstm large; do
  for rows in 4 8 16 32 64; do REEL_THREADS=2 "$program" $case 1 $rows | sed 's/"who":"reel"/"who":"rows"/'; done
done
for n in 4 8; do ranks $n "$program" lstm 8; done
ranks 2 "$program" network | sed 's/}$/,"by":"memory"}/'
ranks 2 --mca btl tcp,self "$program" network | sed 's/}$/,"by":"tcp"}/'
