#!/usr/bin/env bash
# Small files to begin fuzzing with, into the folder given: good ones of every kind, and parts of the format.
set -euo pipefail
mkdir -p "$1"
make() {  # name, header, bytes of data
  printf '%b' "$(printf '\\x%02x\\x%02x\\0\\0\\0\\0\\0\\0' $((${#2} % 256)) $((${#2} / 256)))" > "$1"
  printf '%s' "$2" >> "$1"
  head -c "$3" /dev/zero | tr '\0' '\101' >> "$1"
}
make "$1/none" '{}' 0
make "$1/metadata" '{"__metadata__":{"a":"b"}}' 0
make "$1/two" '{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}' 9
i=0
for type in F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL; do
  bytes=$(case $type in *64) echo 8 ;; *32) echo 4 ;; *16) echo 2 ;; *) echo 1 ;; esac)
  make "$1/type$((i++))" "{\"t\":{\"dtype\":\"$type\",\"shape\":[1],\"data_offsets\":[0,$bytes]}}" "$bytes"
done
