#!/bin/sh
# Stands in for that of your adapter: a simulated server, from the environment that the workflows make.
set -e
PATH="$PWD/.venv/bin:$PATH"
echo "=== MODEL_PATH set to: $MODEL_PATH ==="
exec npuperf simulate --port "${PORT:-8000}" --model "$MODEL_PATH" --ttft 200ms --itl 5ms --jitter 0.05
