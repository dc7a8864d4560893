from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from pytest_npuperf.load.run import Progress
from pytest_npuperf.metrics import ClientHealth, summarize
from pytest_npuperf.slo import Evidence, Judging, StageEvidence, run_of_stage
from pytest_npuperf.trace import UNKNOWN, Ints, Trace

# How long an example takes says more of the machine's other work than of the code.
settings.register_profile("npuperf", deadline=None)
settings.load_profile("npuperf")

_MS = 1_000_000


@dataclass(frozen=True)
class _Request:
    """One row of a hand-made trace; moments in ms, lags in ns."""

    sent: float
    end: float
    chunks: Sequence[float] = ()
    scheduled: float | None = None
    input_tokens: int = 10
    output_tokens: int | None = None
    """None: as many as there are chunks."""
    estimated: bool = False
    error: str = ""
    lags: list[int] | None = None
    crowded_reads: int = 0
    crowded_first: bool = False
    cached_tokens: int = UNKNOWN
    asked_input_tokens: int = UNKNOWN
    asked_output_tokens: int = UNKNOWN
    turn: int = UNKNOWN
    conversation: int = UNKNOWN


@pytest.fixture(scope="session")
def build_trace() -> Callable[..., Trace]:
    """Makes a trace of requests given as the fields of _Request."""

    def build(*rows: dict[str, Any]) -> Trace:
        return _trace([_Request(**row) for row in rows])

    return build


@pytest.fixture(scope="session")
def evidence_of() -> Callable[..., Evidence]:
    """Makes what budgets are judged by, of a load that was measured once: the trace of each stage."""

    def make(
        total: Trace, *, no_steady: str = "", judging: Judging | None = None, **stages: Trace
    ) -> Evidence:
        measured = {
            stage: run_of_stage(trace, summarize(trace, max_concurrency=None, stage=stage))
            for stage, trace in {"total": total, **stages}.items()
        }
        return Evidence(
            {stage: StageEvidence(run, (run,)) for stage, run in measured.items()},
            no_steady,
            judging or Judging(),
        )

    return make


@pytest.fixture(scope="session")
def healthy() -> ClientHealth:
    """The health of a client that was never late."""
    return ClientHealth(
        state="ok",
        reasons=(),
        asked_rate=None,
        achieved_rate=None,
        crowded_reads=0.0,
        crowded_first=0.0,
        late_share=0.0,
        rate_shortfall=None,
        run_delay_share=None,
        cpu_share=0.1,
        unstamped_reads=0.0,
    )


@pytest.fixture(scope="session")
def make_progress() -> Callable[..., Progress]:
    """Makes the progress of a load of 20 requests that has not begun, but for the given fields."""

    def make(**changes: Any) -> Progress:
        fields: dict[str, Any] = {
            "requests": 20,
            "sent": 0,
            "done": 0,
            "failed": 0,
            "failed_in_a_row": 0,
            "refused_in_a_row": 0,
            "in_flight": 0,
            "elapsed": 0.0,
            "ttft": None,
            "output_token_throughput": None,
            "time_left": None,
        }
        return Progress(**(fields | changes))

    return make


def _trace(rows: list[_Request]) -> Trace:
    n = len(rows)
    counts = [len(row.chunks) for row in rows]
    lags = [lag for row in rows for lag in (row.lags or [UNKNOWN] * len(row.chunks))]
    return Trace(
        request_id=tuple(f"r{i}" for i in range(n)),
        t_scheduled=_stamps([row.sent if row.scheduled is None else row.scheduled for row in rows]),
        t_sent=_stamps([row.sent for row in rows]),
        t_first=_stamps([row.chunks[0] if row.chunks else None for row in rows]),
        t_last=_stamps([row.chunks[-1] if row.chunks else None for row in rows]),
        t_end=_stamps([row.end for row in rows]),
        connect_ns=_ints([0] * n),
        retries=_ints([0] * n),
        status=_ints([200] * n),
        input_tokens=_ints([row.input_tokens for row in rows]),
        output_tokens=_ints([len(r.chunks) if r.output_tokens is None else r.output_tokens for r in rows]),
        cached_tokens=_ints([row.cached_tokens for row in rows]),
        tokens_estimated=np.array([row.estimated for row in rows], dtype=np.bool_),
        error=tuple(row.error for row in rows),
        error_text=tuple(row.error for row in rows),
        finish_reason=tuple("" if row.error else "length" for row in rows),
        model=("model",) * n,
        text=("",) * n,
        chunk_offsets=_ints([0, *np.cumsum(counts)]),
        chunk_stamps=_stamps([stamp for row in rows for stamp in row.chunks]),
        chunk_lag=_ints(lags),
        chunk_tokens=_ints([UNKNOWN] * len(lags)),
        reads=_ints(counts),
        unstamped_reads=_ints([(row.lags or [UNKNOWN] * len(row.chunks)).count(UNKNOWN) for row in rows]),
        crowded_reads=_ints([row.crowded_reads for row in rows]),
        crowded_first=_ints([row.crowded_first for row in rows]),
        asked_input_tokens=_ints([row.asked_input_tokens for row in rows]),
        asked_output_tokens=_ints([row.asked_output_tokens for row in rows]),
        turn=_ints([row.turn for row in rows]),
        conversation=_ints([row.conversation for row in rows]),
    )


def _stamps(moments: Sequence[float | None]) -> Ints:
    return _ints([UNKNOWN if moment is None else round(moment * _MS) for moment in moments])


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
