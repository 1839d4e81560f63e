#!/usr/bin/env bash
# Another compiler, and another way to use reel: as a shared library that clang++ builds, by FetchContent, in projects and with the tests
# of emitted files. Arguments: the build by g++, whose models must be the same, and instruction sets to leave out.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 less_targets=${2:-}
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT

echo "-- FetchContent: reel as a shared library, by clang++"
configure() {
  cmake -S tests/package -B "$prefix/fetched" -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DREEL_SOURCE="$PWD" -DBUILD_SHARED_LIBS=ON \
        -DREEL_WARNINGS_AS_ERRORS=ON -DREEL_MPI=OFF -DREEL_PRECOMPILED=ON -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O1 -DNDEBUG" \
        "-DREEL_DISABLED_TARGETS=$less_targets" "$@" > /dev/null
}
configure  # as a project does: without reel's tests
configure -DREEL_TESTS=ON
cmake --build "$prefix/fetched" --target consumer gallery vector_op plugin_host test_export print_models | tail -n 1
"$prefix/fetched/consumer"
"$prefix/fetched/gallery" "$prefix"
"$prefix/fetched/vector_op"
"$prefix/fetched/plugin_host"
[ -n "$(find "$prefix/fetched" -name 'libreel.so*')" ]
built() { find "$prefix/fetched" -name "$1" -type f -perm -u+x; }
"$(built test_export)"  # and emitted files
cmp <("$build/bin/print_models") <("$(built print_models)") || { echo "g++ and clang++ record different models"; exit 1; }
