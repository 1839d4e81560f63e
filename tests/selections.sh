#!/usr/bin/env bash
# Fails when a test case of a test program is in none of the selections that tests/CMakeLists.txt makes of it.
set -euo pipefail
count() { "$1" --count "${@:2}" | sed -n 's/.*passing the current filters: //p'; }
all=$(count "$1")
plain=$(count "$1" --test-case-exclude='deep tape*' --test-suite-exclude=slow)
deep=$(count "$1" --test-case='deep tape*')
slow=$(count "$1" --test-suite=slow)
echo "$all test cases: $plain plain, $deep on a small stack, $slow slow"
[ "$all" -gt 0 ] && [ $((plain + deep + slow)) -eq "$all" ]
[ "$deep" -eq 0 ] || [ "$(basename "$1")" = test_plan ]
[ "$slow" -eq 0 ] || [[ "$(basename "$1")" =~ ^test_(plan|train)$ ]]
