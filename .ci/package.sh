#!/usr/bin/env bash
# Installs the build given as first argument into a temporary prefix and builds and runs two small programs against it.
set -euo pipefail
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$1" --prefix "$prefix" > /dev/null
cmake -S tests/package -B "$prefix/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release > /dev/null
cmake --build "$prefix/build"
"$prefix/build/consumer"
"$prefix/build/gallery" "$prefix"
