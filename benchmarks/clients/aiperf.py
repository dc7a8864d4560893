"""AIPerf. The gaps are its inter chunk latency; its inter token latency is a mean of each request."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.client import Load, Measured, Statistics

__all__ = ["command", "read"]


def command(load: Load, *, venv: Path, tokenizer: Path) -> list[str]:
    """Its command line."""
    return [
        str(venv / "bin/aiperf"),
        "profile",
        f"--model={load.model}",
        f"--tokenizer={tokenizer}",
        "--endpoint-type=chat",
        "--streaming",
        f"--url={load.base_url}",
        "--isl=16",
        f"--osl={load.tokens}",
        "--osl-stddev=0",
        f"--concurrency={load.streams}",
        f"--request-count={load.requests}",
        f"--warmup-request-count={load.warmup}",
        f"--artifact-dir={load.directory}",
        "--ui-type=none",
        "--export-level=summary",
        "--no-gpu-telemetry",
        "--no-server-metrics",
    ]


def read(load: Load) -> Measured:
    """What its summary says."""
    summary = json.loads(Path(load.directory, "profile_export_aiperf.json").read_text())
    ttft, gaps = summary["time_to_first_token"], summary["inter_chunk_latency"]
    return Measured(
        int(summary["request_count"]["avg"]),
        Statistics(ttft["avg"], ttft["p50"], ttft["p99"], gaps["p50"], gaps["p99"]),
    )
