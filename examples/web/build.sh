#!/usr/bin/env bash
# Makes a folder with a page on which a model of char_rnn writes, in any browser, from a server or from the disk:
#   examples/web/build.sh MODEL FOLDER [BIN]
# MODEL: what char_rnn --save has written. BIN: where reel's programs are (build/release/bin). Needs clang, lld, wasi-libc,
# libc++-14-dev-wasm32 and libclang-rt-14-dev-wasm32, which scripts/install_dependencies.sh installs when they are named to it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 2 ] || { echo "usage: examples/web/build.sh MODEL FOLDER [BIN]" >&2; exit 1; }
model=$1 folder=$2 bin=${3:-$here/../../build/release/bin}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$bin/model_file" emit "$model" "$work/writer.h" --name writer > /dev/null
clang++ --target=wasm32-wasi -mexec-model=reactor -std=c++17 -O3 -msimd128 -fno-exceptions -fno-rtti -I "$work" "$here/writer.cpp" \
        -o "$work/writer.wasm"
symbols=$("$bin/model_file" show "$model" | grep -o '"symbols":\[[0-9,]*\]' | cut -d: -f2)
[ -n "$symbols" ] || { echo "$model is no model of char_rnn" >&2; exit 1; }
mkdir -p "$folder"
cp "$here/index.html" "$folder/index.html"
{
  echo "// Made by examples/web/build.sh: the characters that the model knows, and the model itself."
  echo "const SYMBOLS = $symbols;"
  echo "const WASM = \"$(base64 -w 0 "$work/writer.wasm")\";"
} > "$folder/writer.js"
echo "$folder/index.html"
