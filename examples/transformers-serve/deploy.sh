#!/bin/sh
set -e
echo "=== MODEL_PATH set to: $MODEL_PATH ==="
transformers serve "$MODEL_PATH" --dtype float32 --host 127.0.0.1 --port 8000
