#!/usr/bin/env bash
# Programs that must not compile: each of tests/refused names, after "refused:", what the compiler must say. Arguments: the compiler,
# and its options.
set -euo pipefail
cd "$(dirname "$0")/refused"
status=0
for program in *.cpp; do
  expected=$(sed -n 's,^// refused: ,,p' "$program")
  if "$@" -std=c++20 -fsyntax-only "$program" > /tmp/reel_refused.$$ 2>&1; then
    echo "$program compiles, and must not: $expected"; status=1
  elif ! grep -qF -- "$expected" /tmp/reel_refused.$$; then
    echo "$program is refused for another reason than: $expected"; head -n 20 /tmp/reel_refused.$$; status=1
  fi
done
rm -f /tmp/reel_refused.$$
exit $status
