"""The gaps between the chunks of a request."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_npuperf.metrics.requests import NS_PER_S, Floats
from pytest_npuperf.trace import Trace

__all__ = ["chunk_gaps", "token_gaps"]


def chunk_gaps(trace: Trace, rows: NDArray[np.intp]) -> list[Floats]:
    """The gaps between neighbouring chunks in seconds, an array for each request that has any."""
    gaps = (np.diff(trace.chunks(row)) for row in rows)
    return [gap / NS_PER_S for gap in gaps if len(gap)]


def token_gaps(trace: Trace, rows: NDArray[np.intp]) -> Floats:
    """The same gaps, each shared out among the tokens of its later chunk.

    Empty where the server does not say of every chunk how many tokens it carries.
    """
    if not len(trace.chunk_tokens) or (trace.chunk_tokens < 1).any():
        return np.empty(0)
    gaps = [np.empty(0)]
    for row in rows:
        later = slice(trace.chunk_offsets[row] + 1, trace.chunk_offsets[row + 1])
        tokens = trace.chunk_tokens[later]
        gaps.append(np.repeat(np.diff(trace.chunks(row)) / tokens, tokens))
    return np.concatenate(gaps) / NS_PER_S
