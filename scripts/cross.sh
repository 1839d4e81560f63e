#!/usr/bin/env bash
# Builds for another processor with Debian's cross compiler, and runs the suites of graph, ops and export, the hashes of results
# that are the same on every processor, and a program, under QEMU: scripts/cross.sh aarch64. Needs root, or sudo, for what is to be installed.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "${1:-}" = aarch64 ] || { echo "usage: scripts/cross.sh aarch64" >&2; exit 1; }

if ! dpkg --print-foreign-architectures | grep -q arm64; then
  as_root=(); [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" dpkg --add-architecture arm64
fi
scripts/install_dependencies.sh g++-aarch64-linux-gnu qemu-user libfmt-dev:arm64 libtbb-dev:arm64 libhwy-dev:arm64 zlib1g-dev:arm64 \
  libpng-dev:arm64

# Tests want a fast build more than fast code.
cmake --preset aarch64 -DREEL_TESTS=ON -DREEL_EXAMPLES=ON -DREEL_WARNINGS_AS_ERRORS=ON -DCMAKE_CXX_FLAGS_RELEASE="-O1 -DNDEBUG" > /dev/null
cmake --build --preset aarch64 -j "$(nproc)" --target test_graph test_ops test_export test_bits char_rnn
bin=build/aarch64/bin
# Two at a time; the status of each counts.
# (of the emitted files, which a cross compiler builds, some).
printf '%s\n' test_ops "test_export -tc=*several*" "test_export -tc=*ends?of?their*" test_graph test_bits |
  xargs -P "$(nproc)" -I{} sh -c "qemu-aarch64 $bin/{}"
qemu-aarch64 $bin/char_rnn --iterations 50 --size 24 --sample 60
