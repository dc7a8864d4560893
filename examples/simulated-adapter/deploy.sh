#!/bin/sh
set -e
echo "=== MODEL_PATH set to: $MODEL_PATH ==="
exec npuperf simulate --port "${PORT:-8000}" --model "$MODEL_PATH" --ttft 50ms --itl 10ms --jitter 0.05
