#!/usr/bin/env bash
# Uses reel as other projects do: installs the build given as argument into a temporary prefix, builds and runs programs against it
# by find_package and by pkg-config, and compiles every installed header by itself.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$build" --prefix "$prefix" > /dev/null

echo "-- find_package"
cmake -S tests/package -B "$prefix/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release > /dev/null
cmake --build "$prefix/build"
"$prefix/build/consumer"
"$prefix/build/gallery" "$prefix"
"$prefix/build/vector_op"
"$prefix/build/plugin_host"
! nm -D --undefined-only "$prefix/build/libplugin.so" | grep -q ' U _ZN4reel' || { echo "the plug-in lacks reel"; exit 1; }

if [ -e "$prefix/build/ranks" ]; then
  . tests/mpi/ranks.sh
  ranks 2 "$prefix/build/ranks"
fi

echo "-- the installed example"
example=$(echo "$prefix"/share/doc/reel/examples/forecast)
cmake -S "$example" -B "$prefix/forecast" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release > /dev/null
cmake --build "$prefix/forecast"
"$prefix/forecast/forecast"

echo "-- pkg-config"
libraries=$(dirname "$(find "$prefix" -name libreel.a)")
export PKG_CONFIG_PATH=$libraries/pkgconfig
# shellcheck disable=SC2046
g++ -O1 $(pkg-config --cflags reel) tests/package/consumer.cpp -o "$prefix/by_pkg_config" $(pkg-config --libs reel)
"$prefix/by_pkg_config"

echo "-- every installed header by itself"
(cd "$prefix/include" && find reel -name '*.h' ! -name '*-inl.h') | sort > "$prefix/headers"
# All of them together, in two orders: none includes what is not installed, and none must come before another.
for order in sort "sort -r"; do
  $order "$prefix/headers" | sed 's/.*/#include <&>/' > "$prefix/all.cpp"
  # shellcheck disable=SC2046
  g++ -fsyntax-only -Wall -Wextra -Werror $(pkg-config --cflags reel) "$prefix/all.cpp"
done
# Those that the source file of the same name includes first were shown to stand alone when that was compiled.
while read -r header; do
  source=src/${header#reel/}; source=${source%.h}.cpp
  [ -e "$source" ] && [ "$(grep -m 1 '^#include' "$source")" = "#include <$header>" ] || echo "$header"
done < "$prefix/headers" > "$prefix/unproven"
alone() {
  # shellcheck disable=SC2046
  echo "#include <$1>" | g++ -x c++ -fsyntax-only -Wall -Wextra -Werror $(pkg-config --cflags reel) - || { echo "$1 does not stand alone"; exit 1; }
}
export -f alone
xargs -P "$(nproc)" -I{} bash -c 'alone {}' < "$prefix/unproven"
echo "$(wc -l < "$prefix/headers") headers, $(wc -l < "$prefix/unproven") of them compiled alone"
