#!/usr/bin/env bash
# The layers: graph <- ops <- models <- train <- examples. Fails on an include that points upwards or past them, and on an
# include that is not written <reel/layer/...>.
set -euo pipefail
cd "$1"
order=(graph ops models train)
status=0
for i in "${!order[@]}"; do
  for j in "${!order[@]}"; do
    [ "$j" -gt "$i" ] || continue
    if grep -rnE "#include [<\"](reel/)?${order[$j]}/" "src/${order[$i]}"; then
      echo "src/${order[$i]} must not include ${order[$j]}"; status=1
    fi
  done
done
if grep -rnE '#include "' src; then echo "includes of reel are written <reel/...>"; status=1; fi
if grep -rnE '<reel/reel.h>' src --include='*.h' --include='*.cpp'; then echo "src must not include the header of everything"; status=1; fi
if grep -rnE '(typeid|dynamic_cast) *[(<]' src; then echo "ops are known by capabilities, not by type"; status=1; fi
exit $status
