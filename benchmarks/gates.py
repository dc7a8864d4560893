"""How often gates on a baseline give a false alarm, and how often they catch a real change."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

from benchmarks.page import provenance, replaced
from pytest_npuperf.slo.reference import Reference
from pytest_npuperf.slo.relative import ChangeOutcome, difference, judge_change
from pytest_npuperf.slo.stage_run import StageRun, figure

__all__ = ["COLUMNS", "PAGE", "POWER_COLUMNS", "SCENARIOS", "Scenario", "Tally", "gates"]

PAGE = Path(__file__).with_name("GATES.md")
COLUMNS = (
    "figure",
    "identical: fail",
    "first 200",
    "inconclusive",
    "point comparison",
    "+25 %: caught",
    "first 200",
    "inconclusive",
    "point comparison",
)

POWER_COLUMNS = ("requests a run", "drift", "baseline runs", "+25 % of P99: caught", "inconclusive")

_METRIC = "ttft"
_STATISTICS = ("avg", "p50", "p90", "p99")
_ALLOWED = 0.10
_CHANGE = 1.25
_MEDIAN, _SIGMA = 0.200, 0.3
"""Of TTFT, in seconds: what the simulated server draws with ``--ttft 200ms --jitter 0.3``."""
_REQUESTS = 300
_LENGTHS = (300, 400, 500, 600, 800, 1000)


@dataclass(frozen=True, slots=True)
class Scenario:
    """How much runs differ, and of how many of them the baseline consists."""

    drift: float
    """Sigma of the lognormal factor that each run has of its own."""
    baseline_runs: int
    requests: int = _REQUESTS

    @property
    def title(self) -> str:
        """As a heading."""
        drift = f"a run-to-run drift of {self.drift:.0%}" if self.drift else "no drift"
        runs = "one run" if self.baseline_runs == 1 else f"{self.baseline_runs} runs"
        return f"{drift[0].upper()}{drift[1:]}, a baseline of {runs}, {self.requests} requests a run"


SCENARIOS = (Scenario(0, 1), Scenario(0.04, 5), Scenario(0, 5), Scenario(0.04, 1))


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the gates of one figure, in their order."""

    outcomes: tuple[ChangeOutcome, ...]
    points: tuple[bool, ...]
    """Whether a point comparison fails: the run against the baseline's last one, without an interval."""

    def share(self, outcome: ChangeOutcome, *, of_first: int | None = None) -> float:
        """The share of the gates that ended so."""
        looked_at = self.outcomes[:of_first]
        return looked_at.count(outcome) / len(looked_at)


def gates(scenario: Scenario, factor: float, count: int, statistics: Sequence[str]) -> dict[str, Tally]:
    """What becomes of ``count`` gates of runs that are ``factor`` times as slow as the baseline's."""
    outcomes: dict[str, list[ChangeOutcome]] = {statistic: [] for statistic in statistics}
    points: dict[str, list[bool]] = {statistic: [] for statistic in statistics}
    for seed in range(count):
        rng = np.random.default_rng(seed)
        runs = tuple(_run(rng, scenario, 1.0) for _ in range(scenario.baseline_runs))
        first, second = _run(rng, scenario, factor), _run(rng, scenario, factor)
        for statistic in statistics:
            outcomes[statistic].append(_gate(first, second, Reference("baseline", runs), statistic))
            points[statistic].append(_point_comparison(first, runs[-1], statistic))
    return {name: Tally(tuple(outcomes[name]), tuple(points[name])) for name in statistics}


def gates_table(identical: dict[str, Tally], changed: dict[str, Tally]) -> str:
    """The shares of both as Markdown, a row a figure."""
    rows = [
        (f"{_METRIC}.{statistic}", *_cells(same), *_cells(changed[statistic]))
        for statistic, same in identical.items()
    ]
    return _table(COLUMNS, rows)


def requests_table(power: dict[Scenario, Tally]) -> str:
    """How many requests a run catch a change of P99 how often, as Markdown."""
    rows = [
        (
            str(scenario.requests),
            f"{scenario.drift:.0%}",
            str(scenario.baseline_runs),
            f"{tally.share('fail'):.1%}",
            f"{tally.share('inconclusive'):.1%}",
        )
        for scenario, tally in power.items()
    ]
    return _table(POWER_COLUMNS, rows)


def main(arguments: Sequence[str]) -> None:
    """Run the gates and print, or write, what became of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gates", description=__doc__)
    parser.add_argument("--gates", type=int, default=2000, metavar="N", help="of each kind (%(default)s)")
    parser.add_argument("--write", action="store_true", help=f"write the result into benchmarks/{PAGE.name}")
    given = parser.parse_args(arguments)
    parts = [provenance("benchmarks.gates", arguments), f"- gates of each kind: {given.gates}"]
    for scenario in SCENARIOS:
        sys.stderr.write(f"{scenario.title}\n")
        identical = gates(scenario, 1.0, given.gates, _STATISTICS)
        changed = gates(scenario, _CHANGE, given.gates, _STATISTICS)
        parts += ["", f"### {scenario.title}", "", gates_table(identical, changed)]
    sys.stderr.write("P99 by requests\n")
    power = {
        scenario: gates(scenario, _CHANGE, given.gates, ("p99",))["p99"]
        for scenario in (Scenario(s.drift, s.baseline_runs, n) for s in SCENARIOS[:2] for n in _LENGTHS)
    }
    parts += ["", "### Requests that P99 needs", "", requests_table(power)]
    content = "\n".join(parts)
    sys.stdout.write(f"{content}\n")
    if given.write:
        PAGE.write_text(replaced(PAGE.read_text(), "gates", content))


def _run(rng: Generator, scenario: Scenario, factor: float) -> StageRun:
    run_effect = np.exp(scenario.drift * rng.standard_normal())
    ttft = _MEDIAN * factor * run_effect * np.exp(_SIGMA * rng.standard_normal(scenario.requests))
    return StageRun({_METRIC: ttft}, {"total_requests": scenario.requests, "failed_requests": 0})


def _gate(first: StageRun, second: StageRun, reference: Reference, statistic: str) -> ChangeOutcome:
    """As a case is gated: ``second`` is looked at only where ``first`` has to be measured again."""
    outcome = _judged([first], reference, statistic)
    return _judged([first, second], reference, statistic) if outcome == "measure again" else outcome


def _judged(current: Sequence[StageRun], reference: Reference, statistic: str) -> ChangeOutcome:
    change = difference(current, reference, _METRIC, statistic)
    assert change is not None
    return judge_change(change, allowed=_ALLOWED, higher_is_worse=True, confirmed=len(current) > 1)


def _point_comparison(current: StageRun, baseline: StageRun, statistic: str) -> bool:
    """What pytest-benchmark's ``--benchmark-compare-fail=mean:10%`` does: compare with one saved run."""
    now, before = (figure(run, _METRIC, statistic)[0] for run in (current, baseline))
    assert now is not None
    assert before is not None
    return now > before * (1 + _ALLOWED)


def _cells(tally: Tally) -> tuple[str, ...]:
    shares = (
        tally.share("fail"),
        tally.share("fail", of_first=200),
        tally.share("inconclusive"),
        sum(tally.points) / len(tally.points),
    )
    return tuple(f"{share:.1%}" for share in shares)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ("---", *("---:",) * (len(header) - 1)), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main(sys.argv[1:])
