"""The ``vllm bench serve`` command."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.client import Load, Measured, Statistics

__all__ = ["command", "read"]

_REPORT = "vllm.json"


def command(load: Load, *, venv: Path, tokenizer: Path) -> list[str]:
    """Its command line."""
    return [
        "env",
        "HF_HUB_OFFLINE=1",
        str(venv / "bin/vllm"),
        "bench",
        "serve",
        "--backend=openai-chat",
        f"--base-url={load.base_url}",
        "--endpoint=/v1/chat/completions",
        f"--model={load.model}",
        f"--tokenizer={tokenizer}",
        "--dataset-name=random",
        "--random-input-len=16",
        f"--random-output-len={load.tokens}",
        f"--num-prompts={load.requests}",
        f"--num-warmups={load.warmup}",
        f"--max-concurrency={load.streams}",
        "--percentile-metrics=ttft,itl",
        "--metric-percentiles=50,99",
        "--save-result",
        f"--result-dir={load.directory}",
        f"--result-filename={_REPORT}",
        "--disable-tqdm",
    ]


def read(load: Load) -> Measured:
    """What its result file says."""
    result = json.loads(Path(load.directory, _REPORT).read_text())
    names = ("mean_ttft_ms", "p50_ttft_ms", "p99_ttft_ms", "p50_itl_ms", "p99_itl_ms")
    return Measured(result["completed"], Statistics(*(result[name] for name in names)))
