#!/usr/bin/env bash
# Installs what reel is built from, on Debian 12 or a relative of it; does nothing where all of it is there.
set -euo pipefail

packages=(g++ cmake ninja-build libfmt-dev libtbb-dev libhwy-dev librandom123-dev zlib1g-dev libpng-dev libcli11-dev doctest-dev
          nlohmann-json3-dev)
packages+=("$@")

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "please install as root: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "installing: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
