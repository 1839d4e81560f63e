#!/usr/bin/env bash
# Installs onnxruntime-web, which the tests of exported ONNX files run them by, from the npm registry into a build folder:
#   scripts/install_onnxruntime.sh build/release
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}
command -v node > /dev/null || scripts/install_dependencies.sh nodejs
command -v npm > /dev/null || scripts/install_dependencies.sh npm
[ -d "$build/onnxruntime/node_modules/onnxruntime-web" ] ||
  npm install --prefix "$build/onnxruntime" --no-audit --no-fund --ignore-scripts onnxruntime-web@1.17.3 > /dev/null
