"""This project's client, driven as pytest's side of the plugin drives it."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import msgspec

from benchmarks.client import Load, Measured, Statistics, read_own_usage, write_own_usage
from pytest_npuperf.load.plan import LoadPlan, PlannedRequest
from pytest_npuperf.load.run import LoadRun
from pytest_npuperf.metrics import Summary, summarize
from pytest_npuperf.wire.timeouts import Timeouts

__all__ = ["read"]

_FIGURES = "figures.json"
_INTERVAL = 0.2


def main(load: Load) -> None:
    """Run a load; leave its figures in the load's directory."""
    plan = LoadPlan(
        base_url=load.base_url,
        concurrency=load.streams,
        warmup=load.warmup,
        requests=load.requests,
        timeouts=Timeouts(),
        request_id_prefix="bench",
    )
    requests = (
        PlannedRequest(body=msgspec.json.encode(load.fields(number)))
        for number in range(load.warmup + load.requests)
    )
    run = LoadRun(plan, requests, log=Path(load.directory, "load.log"), api_key=None)
    try:
        while not run.poll():
            time.sleep(_INTERVAL)
        cpu_at_load_end = time.process_time()
        summary = summarize(run.trace(), max_concurrency=load.streams)
        cpu_sending = run.usage().cpu_time * 1e-9
    finally:
        run.close()
    figures = {"completed": summary.success_requests, "statistics": asdict(_statistics(summary))}
    Path(load.directory, _FIGURES).write_text(json.dumps(figures))
    write_own_usage(load, cpu_at_load_end=cpu_at_load_end, cpu_sending=cpu_sending)


def read(load: Load) -> Measured:
    """The figures that ``main`` left."""
    figures = json.loads(Path(load.directory, _FIGURES).read_text())
    return Measured(figures["completed"], Statistics(**figures["statistics"]), **read_own_usage(load))


def _statistics(summary: Summary) -> Statistics:
    ttft, itl = summary.ttft, summary.itl
    return Statistics(*(_ms(value) for value in (ttft.avg, ttft.median, ttft.p99, itl.median, itl.p99)))


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3


if __name__ == "__main__":
    main(Load.read(sys.argv[1]))
