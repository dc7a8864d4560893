"""How often a gate on an absolute bound goes red although the server keeps it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.random import Generator

from benchmarks.page import replaced
from pytest_npuperf.slo import Budget, Evidence, StageEvidence, StageRun, Verdict, judge

__all__ = ["COLUMNS", "MARGINS", "PAGE", "Tally", "absolute_table", "gates"]

PAGE = Path(__file__).parents[1] / "docs" / "verdicts.md"
COLUMNS = ("true P99 below the bound by", "red at the first look", "measured again", "red in the end")
MARGINS = (0.0, 0.03, 0.05, 0.10)
"""How far the true P99 lies below the bound, as a share of it."""

_MEDIAN, _SIGMA = 0.200, 0.3
"""Of TTFT, in seconds: what the simulated server draws with ``--ttft 200ms --jitter 0.3``."""
_REQUESTS = 300
_TRUE_P99 = _MEDIAN * exp(_SIGMA * NormalDist().inv_cdf(0.99))


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of some gates, each as a share of them."""

    first: float
    """The first measurement broke the budget, whatever came of it."""
    again: float
    """The load was measured again."""
    red: float
    """The test failed."""


def gates(margin: float, count: int) -> Tally:
    """What becomes of ``count`` gates whose server keeps the bound by a margin; always the same ones."""
    budget = _budget(_TRUE_P99 / (1 - margin))
    outcomes = [_gate(budget, np.random.default_rng(seed)) for seed in range(count)]
    first, again, red = np.mean(outcomes, axis=0).tolist()
    return Tally(first, again, red)


def absolute_table(tallies: dict[float, Tally]) -> str:
    """The shares as Markdown, a row a margin."""
    rows = [
        (f"{margin * 100:g} %", *(f"{share * 100:.1f} %" for share in (tally.first, tally.again, tally.red)))
        for margin, tally in tallies.items()
    ]
    lines = [COLUMNS, ("---:",) * len(COLUMNS), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main(arguments: Sequence[str]) -> None:
    """Run the gates and print, or write, what became of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.absolute", description=__doc__)
    parser.add_argument("--gates", type=int, default=2000, metavar="N", help="of each kind (%(default)s)")
    parser.add_argument("--write", action="store_true", help=f"write the table into docs/{PAGE.name}")
    given = parser.parse_args(arguments)
    table = absolute_table({margin: gates(margin, given.gates) for margin in MARGINS})
    content = f"{table}\n\n{given.gates} gates a row, by `python -m benchmarks.absolute`."
    sys.stdout.write(f"{content}\n")
    if given.write:
        PAGE.write_text(replaced(PAGE.read_text(), "absolute", content))


def _budget(bound: float) -> Budget:
    return Budget(
        expression="ttft.p99 < bound", metric="ttft", statistic="p99", comparison="<", bound=bound, unit="s"
    )


def _gate(budget: Budget, rng: Generator) -> tuple[bool, bool, bool]:
    """As a case is gated: whether it is broken at first, is measured again, and fails in the end."""
    first = _ttft(rng)
    verdict = _judged(budget, first)
    final = _judged(budget, first, _ttft(rng)) if verdict.unsettled else verdict
    return verdict.outcome == "fail", verdict.unsettled, final.consequence == "fail"


def _ttft(rng: Generator) -> StageRun:
    return _run(_MEDIAN * np.exp(_SIGMA * rng.standard_normal(_REQUESTS)))


def _judged(budget: Budget, *runs: StageRun) -> Verdict:
    pooled = _run(np.concatenate([run.samples["ttft"] for run in runs]))
    (verdict,) = judge([budget], Evidence({"total": StageEvidence(pooled, runs)}))
    return verdict


def _run(ttft: np.ndarray) -> StageRun:
    return StageRun({"ttft": ttft}, {"total_requests": len(ttft), "failed_requests": 0})


if __name__ == "__main__":
    main(sys.argv[1:])
