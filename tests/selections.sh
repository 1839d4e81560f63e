#!/usr/bin/env bash
# Fails when a test case of the runner (first argument) is in none of the folders that the test command selects (the others).
set -euo pipefail
runner=$1
shift
count() { "$runner" --count "$@" | sed -n 's/.*passing the current filters: //p'; }
all=$(count)
selected=0
for folder in "$@"; do selected=$((selected + $(count --source-file="*tests/$folder/*"))); done
echo "$selected of $all test cases are in a selected folder ($*)"
[ "$selected" -eq "$all" ]
