#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests but the slow ones (for those: ctest --test-dir build/release -L slow).
# Another preset: scripts/test.sh debug
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}

scripts/install_dependencies.sh
cmake --preset "$preset" -DREEL_TESTS=ON
cmake --build --preset "$preset" -j "$(nproc)"
ctest --test-dir "build/$preset" -j "$(nproc)" --output-on-failure -LE slow --no-tests=error
