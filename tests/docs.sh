#!/usr/bin/env bash
# The documents are true: the tutorial's programs compile and run, README shows the installed example as it is, and what docs/design.md
# quotes is what tests/docs/small_plan.cpp prints. Arguments: the built small_plan, a folder to work in, the compiler and its options
# with what it links.
set -euo pipefail
small_plan=$1 work=$2
shift 2
cd "$(dirname "$0")/.."
mkdir -p "$work"
status=0

code() { awk '/^```cpp/ { on = 1; next } /^```/ { on = 0 } on' "$1"; }
for chapter in docs/tutorial/*.md; do
  name=$(basename "$chapter" .md)
  code "$chapter" > "$work/$name.cpp"
  "$1" -std=c++20 -O1 -Wall -Wextra -Werror "$work/$name.cpp" -o "$work/$name" "${@:2}" || { echo "$chapter does not compile"; status=1; continue; }
  "$work/$name" > "$work/$name.out" || { echo "the program of $chapter fails:"; cat "$work/$name.out"; status=1; }
done

contains() {  # whether file $1 has the lines of file $2, one after the other
  awk 'NR == FNR { want[n++] = $0; next } { if ($0 == want[i]) { if (++i == n) { found = 1; exit } } else i = ($0 == want[0]) } END { exit !found }' "$2" "$1"
}
code README.md > "$work/readme.cpp"
contains "$work/readme.cpp" examples/installed/forecast.cpp || { echo "README.md does not show examples/installed/forecast.cpp as it is"; status=1; }

if "$small_plan" > "$work/small_plan.out" 2> /dev/null; then
  awk -v work="$work" '/^## / { file = work "/section_" $2; printf "" > file; next } { print > file }' "$work/small_plan.out"
  for section in passes program plan memory; do
    contains docs/design.md "$work/section_$section" || { echo "docs/design.md does not quote what small_plan prints of: $section"; status=1; }
  done
fi
exit $status
