#!/usr/bin/env bash
# Formats all C++ files; with --check only tells which are not formatted, and fails.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(-i)
[ "${1:-}" = --check ] && mode=(--dry-run -Werror)
git ls-files -z '*.h' '*.cpp' | xargs -0 clang-format "${mode[@]}"
