#!/usr/bin/env bash
# Makes the page of examples/web with a tiny model and reads it in a headless browser; the programs are in the folder given. What the
# page writes at temperature 0 must be what char_rnn writes.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/$1
scripts/install_dependencies.sh clang lld wasi-libc libc++-14-dev-wasm32 libclang-rt-14-dev-wasm32 chromium
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$bin/char_rnn" --iterations 150 --size 32 --sample 0 --coloured 0 --save "$work/model.safetensors" > /dev/null
examples/web/build.sh "$work/model.safetensors" "$work/page" "$bin" > /dev/null
timeout 120 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$work/user" --virtual-time-budget=20000 --dump-dom \
  "file://$work/page/index.html#prime=int&temperature=0&count=60" > "$work/dom" 2> "$work/errors" || { cat "$work/errors"; exit 1; }
"$bin/char_rnn" --load "$work/model.safetensors" --iterations 0 --prime int --temperature 0 --sample 60 > "$work/out"
python3 - "$work" <<'END'
import html, re, sys
from pathlib import Path
work = Path(sys.argv[1])
page = html.unescape(re.search(r'<pre id="text">(.*?)</pre>', (work / "dom").read_text(), re.S)[1])
program = re.search(r"---- sample ----\n(.*?)\n----------------", (work / "out").read_text(), re.S)[1]
said = re.search(r'<span id="said">(.*?)</span>', (work / "dom").read_text(), re.S)[1]
if page != program:
    sys.exit(f"the page writes\n{page}\nand char_rnn\n{program}\n({said})")
print(f"the page writes what char_rnn writes: {said}")
END
