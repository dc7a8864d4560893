"""How the client fared: what it measured of itself, beside the limits of each figure."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_npuperf.metrics import HEALTH_LIMITS, reached_limits
from pytest_npuperf.report.charts.scale import Unit, quantity
from pytest_npuperf.report.html.markup import Child, Markup, element
from pytest_npuperf.report.html.tables import data_table
from pytest_npuperf.report.html.verdict_marks import Look, badge
from pytest_npuperf.report.load_text import rates_text
from pytest_npuperf.result import CaseResult

__all__ = ["client_block"]

_MS = Unit("ms", 1e-3)
_LOOKS: dict[str, Look] = {"ok": "pass", "suspect": "open", "invalid": "fail"}
_SHARES = {
    "crowded_reads": "reads of several chunks that may have waited",
    "crowded_first": "first chunks in such a read",
    "late_share": "time by which requests were sent late",
    "rate_shortfall": "arrival rate that was not reached",
    "run_delay_share": "time spent waiting for a processor",
    "cpu_share": "use of one processor",
    "unstamped_reads": "reads without a kernel stamp",
}


def client_block(result: CaseResult) -> Markup:
    """Its state, its shares with their limits, its delays. Why it is not ok, the marks of the case say."""
    state = result.health.state
    sentences = [f"Arrival times are {'the kernel' if result.trace.kernel_stamps else 'the client'}'s."]
    rates = rates_text(result)
    if rates:
        sentences.append(f"{rates[0].upper()}{rates[1:]}.")
    return element(
        "div",
        element("p", badge(state, _LOOKS[state]), f" {' '.join(sentences)}"),
        element(
            "div",
            data_table(
                "Shares that tell how the client fared",
                ("Share of", "measured", "suspect from", "invalid from"),
                _shares(result),
            ),
            data_table("Delays of the client", ("Delay, ms", "Median", "P99", "Max", "n"), _delays(result)),
            class_="pair",
        ),
    )


def _shares(result: CaseResult) -> Iterator[list[Child]]:
    reached = reached_limits(result.health, result.trace)
    for name, text in _SHARES.items():
        share, limit = getattr(result.health, name), HEALTH_LIMITS[name]
        if share is None:
            continue
        mark = element("span", badge(reached[name], _LOOKS[reached[name]]), " ") if name in reached else None
        yield [
            text,
            element("span", mark, f"{share:.2%}"),
            f"{limit.suspect:.1%}",
            "never" if limit.invalid is None else f"{limit.invalid:.1%}",
        ]


def _delays(result: CaseResult) -> Iterator[list[str]]:
    samples = {
        "a request sent after it was due": result.summary.schedule_delay,
        "a chunk seen after it came": result.summary.receive_lag,
    }
    for name, sample in samples.items():
        values = (sample.median, sample.percentile(99), sample.max)
        yield [name, *(quantity(value, _MS).removesuffix(" ms") for value in values), str(sample.n)]
