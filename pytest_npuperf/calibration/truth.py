"""The client's times against the server's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pytest_npuperf.calibration.server import Answered
from pytest_npuperf.calibration.settings import CalibrationSettings
from pytest_npuperf.metrics import Sample
from pytest_npuperf.trace import Trace

__all__ = ["Errors", "errors_of", "server_lag"]


@dataclass(frozen=True, slots=True)
class Errors:
    """How far measured times are from the true ones, without sign, in seconds.

    Both sides stamp with one clock. True TTFT and E2EL count from the client's ``t_sent``: when the
    server came round to read the request is the server's time. ``request`` has what lies between.
    """

    ttft: Sample
    itl: Sample
    """A value a gap."""
    e2el: Sample
    request: Sample
    """From ``t_sent`` to the moment the server had read the request: no error of ``t_sent`` is larger."""


def errors_of(trace: Trace, answered: Iterable[Answered]) -> Errors:
    """The errors of the successful requests, matched with the server's answers by request id."""
    by_id = {answer.request_id: answer for answer in answered}
    ttft, itl, e2el, request = [], [np.empty(0)], [], []
    for row in np.flatnonzero(trace.succeeded).tolist():
        answer = by_id[trace.request_id[row]]
        ttft.append(abs(trace.t_first[row] - answer.stamps[0]))
        itl.append(np.abs(np.diff(trace.chunks(row) - np.asarray(answer.stamps))))
        e2el.append(abs(trace.t_end[row] - answer.stamps[-1]))
        request.append(answer.t_received - trace.t_sent[row])
    return Errors(
        *(Sample.of(np.asarray(values) / 1e9) for values in (ttft, np.concatenate(itl), e2el, request))
    )


def server_lag(answered: Iterable[Answered], settings: CalibrationSettings) -> Sample:
    """How late the server sent each chunk, in seconds."""
    first, gap = settings.ttft * 1e9, settings.itl * 1e9
    lags = [
        np.asarray(answer.stamps) - (answer.t_received + first + gap * np.arange(len(answer.stamps)))
        for answer in answered
    ]
    return Sample.of(np.concatenate([np.empty(0), *lags]) / 1e9)
