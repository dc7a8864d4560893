"""Rows as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.row import Row

__all__ = ["COLUMNS", "table"]

COLUMNS = (
    "client",
    "requests",
    "token/s",
    "of asked",
    "CPU us/token",
    "x ours",
    "x floor",
    "with start",
    "TTFT mean",
    "TTFT P50",
    "TTFT P99",
    "ITL P50",
    "ITL P99",
    "around, s",
)
_UNKNOWN = "-"


def table(rows: Sequence[Row], *, ours: str, floor: str) -> str:
    """A table; ``ours`` and ``floor`` name the clients that the ratios of CPU time refer to."""
    cpu = {row.client: row.cpu for row in rows}
    lines = [COLUMNS, ("---", *("---:",) * (len(COLUMNS) - 1))]
    lines += [_cells(row, cpu.get(ours), cpu.get(floor)) for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(row: Row, ours: float | None, floor: float | None) -> tuple[str, ...]:
    measured, true = row.measured, row.true
    return (
        row.client,
        _UNKNOWN if row.completed is None else f"{row.completed}/{row.requests}",
        f"{row.token_rate:,.0f}",
        f"{row.token_rate / row.asked_rate:.2%}",
        f"{row.cpu:.1f}" + ("" if row.cpu_sending is None else f" ({row.cpu_sending:.1f})"),
        _ratio(row.cpu, ours),
        _ratio(row.cpu, floor),
        f"{row.cpu_whole:.1f}",
        _error(measured.ttft_mean, true.ttft_mean),
        _error(measured.ttft_p50, true.ttft_p50),
        _error(measured.ttft_p99, true.ttft_p99),
        _error(measured.itl_p50, true.itl_p50),
        _error(measured.itl_p99, true.itl_p99),
        f"{row.time_around:.1f}",
    )


def _ratio(value: float, unit: float | None) -> str:
    return _UNKNOWN if unit is None else f"{value / unit:.2f}"


def _error(measured: float | None, true: float | None) -> str:
    """The error, and what was true."""
    if true is None:
        return _UNKNOWN
    error = _UNKNOWN if measured is None else f"{measured - true:+.3f}"
    return f"{error} ({true:.2f})"
