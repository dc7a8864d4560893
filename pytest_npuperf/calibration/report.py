"""A calibration as a table, and as data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tabulate import tabulate

from pytest_npuperf.calibration.step import Step
from pytest_npuperf.calibration.steps import Calibration
from pytest_npuperf.errors import SettingsError
from pytest_npuperf.metrics import Sample

__all__ = ["as_data", "as_text", "write_json"]

_HEADERS = (
    "Streams",
    "token/s\nasked",
    "token/s",
    "us/token\ngenerator",
    "us/token\ndecoder",
    "TTFT error\nP50, P99 ms",
    "ITL error\nP50, P99 ms",
    "E2EL error\nP50, P99 ms",
    "Request read\nP50, P99 ms",
    "Server late\nP99 ms",
    "Client",
)


def as_text(calibration: Calibration) -> str:
    """The table of the steps, and what follows from them."""
    table = tabulate(
        [_row(step) for step in calibration.steps],
        _HEADERS,
        tablefmt="simple",
        disable_numparse=True,
        stralign="right",
    )
    return f"{table}\n\n{_placement(calibration)}\n{_capacity(calibration)}"


def as_data(calibration: Calibration) -> dict[str, Any]:
    """The same as JSON values; times in seconds."""
    return {
        "capacity": calibration.capacity,
        "capacity_is_lower_bound": calibration.is_lower_bound,
        "limit": calibration.limit,
        "processors": {"server": calibration.processors.server, "client": calibration.processors.client},
        "steps": [_step_data(step) for step in calibration.steps],
    }


def write_json(path: Path, calibration: Calibration) -> None:
    """Write the data of a calibration.

    Raises:
        SettingsError: The file cannot be written.
    """
    try:
        path.write_text(json.dumps(as_data(calibration), indent=2) + "\n", encoding="utf-8")
    except OSError as exc:
        raise SettingsError(f"--json {path} cannot be written: {exc.strerror}; choose another path") from exc


def _row(step: Step) -> list[str]:
    errors = step.errors
    return [
        str(step.streams),
        f"{step.token_rate_asked:,.0f}",
        f"{step.token_rate:,.0f}",
        f"{step.generator_cpu * 1e6:.1f}",
        f"{step.decoder_cpu * 1e6:.1f}",
        *(_pair(sample) for sample in (errors.ttft, errors.itl, errors.e2el, errors.request)),
        _milliseconds(step.server_lag.percentile(99)),
        step.health.state,
    ]


def _pair(sample: Sample) -> str:
    return f"{_milliseconds(sample.median)}, {_milliseconds(sample.percentile(99))}"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e3:.3f}"


def _placement(calibration: Calibration) -> str:
    server, client = calibration.processors.server, calibration.processors.client
    if client is None:
        return "Server and client shared the processors: there is only one, or no way to choose."
    return f"The server ran on processor {server}, the client on processor {client}."


def _capacity(calibration: Calibration) -> str:
    limit = calibration.limit or "no step reached a limit"
    if calibration.capacity is None:
        return f"Capacity of the client: unknown; {limit}."
    least = "at least " if calibration.is_lower_bound else ""
    return f"Capacity of the client: {least}{calibration.capacity:,.0f} token/s; {limit}."


def _step_data(step: Step) -> dict[str, Any]:
    errors = step.errors
    samples = {"ttft": errors.ttft, "itl": errors.itl, "e2el": errors.e2el, "request_read": errors.request}
    return {
        "streams": step.streams,
        "token_rate_asked": step.token_rate_asked,
        "token_rate": step.token_rate,
        "generator_cpu_per_token": step.generator_cpu,
        "decoder_cpu_per_token": step.decoder_cpu,
        "errors": {name: _statistics(sample) for name, sample in samples.items()},
        "server_lag": _statistics(step.server_lag),
        "server_is_full": step.server_is_full,
        "client": step.health.state,
        "reasons": list(step.health.reasons),
        "failures": step.failures,
    }


def _statistics(sample: Sample) -> dict[str, float | None]:
    return {"n": sample.n, "p50": sample.median, "p99": sample.percentile(99), "max": sample.max}
