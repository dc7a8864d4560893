"""guidellm. Its ITL is a mean of each request, not the gaps: there is nothing to compare it with."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.client import Load, Measured, Statistics
from benchmarks.figures import mean_p50_p99

__all__ = ["command", "read"]

_REPORT = "guidellm.json"


def command(load: Load, *, venv: Path, tokenizer: Path) -> list[str]:
    """Its command line."""
    return [
        "env",
        "HF_HUB_OFFLINE=1",
        str(venv / "bin/guidellm"),
        "run",
        f"--backend=kind=openai_http,target={load.base_url},model={load.model},"
        "request_format=/v1/chat/completions",
        f"--profile=kind=concurrent,streams={load.streams}",
        f"--constraint=kind=max_requests,count={load.warmup + load.requests}",
        f"--tokenizer=kind=huggingface_auto,model={tokenizer}",
        f"--data=kind=synthetic_text,prompt_tokens=16,output_tokens={load.tokens}",
        f"--output=kind=json,path={Path(load.directory, _REPORT)}",
        "--disable-console-interactive",
    ]


def read(load: Load) -> Measured:
    """Its own TTFT of the last requests: its warm-up phase lets requests of that phase through."""
    (benchmark,) = json.loads(Path(load.directory, _REPORT).read_text())["benchmarks"]
    requests = sorted(benchmark["requests"]["successful"], key=lambda request: request["request_start_time"])
    measured = requests[-load.requests :]
    ttft = mean_p50_p99([request["time_to_first_token_ms"] for request in measured])
    return Measured(len(requests) - load.warmup, Statistics(*ttft, None, None))
