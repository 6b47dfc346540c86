#!/usr/bin/env bash
# Trains, exports and checks one model: ./train.sh triage-1.4m [OUT_FOLDER]. A stage that is already in OUT_FOLDER is kept.
# One thread and the lowest priority: a fixed thread count is part of what makes the weights repeat.
set -euo pipefail
cd "$(dirname "$0")"
name=${1:?name a configuration in configs/, for example triage-1.4m}
out=${2:-${TMPDIR:-/tmp}/chimera-training/$name}
export OPENBLAS_NUM_THREADS=1
python="nice -n 19 ${PYTHON:-/usr/bin/python3}"

$python -m unittest
$python train.py "configs/$name.json" "$out"
last=$(ls "$out"/stage*.pt | tail -n 1)
$python gguf.py "$last" "$out/$name.q8_0.gguf" q8_0
$python gguf.py "$last" "$out/$name.f16.gguf" f16
$python reference.py "$last" "$out/$name.reference.json"
for kind in q8_0 f16; do nice -n 19 node parity.ts "$out/$name.$kind.gguf" "$out/$name.reference.json"; done
nice -n 19 node measure.ts "$out/$name.q8_0.gguf" --split holdout --out "$out/$name.quality.json"
