#!/bin/sh
set -e
echo "=== MODEL_PATH set to: $MODEL_PATH ==="
# Beside ../deploy.sh: float32 needs no emulation on a CPU, and eager mode skips the compilation at start.
vllm serve "$MODEL_PATH" --trust-remote-code --tensor-parallel-size 1 --dtype float32 --enforce-eager --max-num-seqs 4 --gpu-memory-utilization 0.95
