#!/usr/bin/env bash
# The layers: graph <- ops <- plan <- models <- train, models <- export, and graph <- data <- report; models and train may use
# data. In src/plan only passes/ may include ops. Fails on an include that points anywhere else, and on one that is not written
# <reel/layer/...>.
set -euo pipefail
cd "$1"
declare -A may_include=(
  [graph]="graph"
  [ops]="graph ops"
  [plan]="graph plan"
  [plan/passes]="graph ops plan"
  [models]="graph ops plan data models"
  [train]="graph ops plan data models train"
  [data]="graph data"
  [report]="graph data report"
  [export]="graph plan models export"
)
status=0
for folder in src/*/; do
  layer=$(basename "$folder")
  [ -n "${may_include[$layer]:-}" ] || { echo "src/$layer is no layer"; status=1; }
done
check() {  # files of the layer on standard input
  local layer=$1 allowed=${may_include[$1]// /|}
  if xargs grep -nE '#include [<"]reel/' /dev/null | grep -vE "#include <reel/($allowed)/"; then
    echo "src/$layer may include only: ${may_include[$layer]}"; status=1
  fi
}
for layer in "${!may_include[@]}"; do
  if [ "$layer" = plan ]; then
    check plan < <(find src/plan -path src/plan/passes -prune -o -type f -print)
  else
    check "$layer" < <(find "src/$layer" -type f)
  fi
done
if grep -rnE '#include "' src; then echo "includes of reel are written <reel/...>"; status=1; fi
if grep -rnE '<reel/reel.h>' src --include='*.h' --include='*.cpp'; then echo "src must not include the header of everything"; status=1; fi
if grep -rnE '(typeid|dynamic_cast) *[(<]' src; then echo "ops are known by capabilities, not by type"; status=1; fi
exit $status
