#!/usr/bin/env bash
# Times steps beside RTNeural, which is built from folders that are given, with xsimd 10 and the flags of the machine:
#   bench/stream/compare_rtneural.sh RTNEURAL XSIMD [BUILD]
# where RTNEURAL and XSIMD are checkouts of github.com/jatinchowdhury18/RTNeural and github.com/xtensor-stack/xsimd (tag 10.0.0), and
# BUILD a build of reel (build/release). Five rounds, taken in turns; medians in ns, and their ratios; of RTNeural the faster of two
# alignments.
set -euo pipefail
cd "$(dirname "$0")/../.."
rtneural=$1 xsimd=$2 build=${3:-build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for alignment in 32 64; do
  g++ -std=c++17 -O3 -march=native -w -DNDEBUG -DRTNEURAL_NO_DEBUG=1 -DRTNEURAL_USE_XSIMD=1 -DRTNEURAL_DEFAULT_ALIGNMENT=$alignment \
      -I "$xsimd/include" -I "$rtneural" -I "$rtneural/modules/json" bench/stream/rtneural.cpp -o "$work/rtneural$alignment"
done
for round in 1 2 3 4 5; do
  "$build/bin/bench_stream" > "$work/reel.$round"
  for alignment in 32 64; do "$work/rtneural$alignment" > "$work/rtneural$alignment.$round"; done
done
python3 - "$work" <<'END'
import collections, json, math, statistics, sys
from pathlib import Path
rounds = collections.defaultdict(list)
for path in Path(sys.argv[1]).glob("*.[1-5]"):
    for line in path.read_text().splitlines():
        found = json.loads(line)
        if "step_ns" in found:
            who = path.stem if found["who"] == "rtneural" else found["who"]
            rounds[who, found["case"]].append(found["step_ns"])
ns = {key: statistics.median(times) for key, times in rounds.items()}
ratios = collections.defaultdict(list)
for who, case in sorted(ns, key=lambda key: (key[1].split("_h")[0], int(key[1].split("_h")[1]))):
    if who != "stream" or ("rtneural32", case) not in ns:
        continue
    other = min(ns["rtneural32", case], ns["rtneural64", case])
    print(f"{case}: RTNeural {other:.0f}, emitted {ns['emitted', case]:.0f} ({ns['emitted', case] / other:.2f}), "
          f"stream {ns['stream', case]:.0f} ({ns['stream', case] / other:.2f})")
    ratios["emitted"].append(ns["emitted", case] / other)
    if int(case.split("_h")[1]) >= 32:
        ratios["stream, 32 units or more"].append(ns["stream", case] / other)
for who, all in ratios.items():
    print(f"{who}: geometric mean {math.exp(sum(map(math.log, all)) / len(all)):.2f}, largest {max(all):.2f}")
END
