from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from pytest_npuperf.metrics import ClientHealth, summarize
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import parse_budget
from pytest_npuperf.trace import Trace

_VOID = {"meta", "input", "path", "line", "circle", "rect"}


@dataclass
class Tag:
    """An element as a browser would make it."""

    name: str
    attributes: dict[str, str | None]
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[Tag] = []
        self.open: list[Tag] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        self.tags.append(Tag(tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(self.tags[-1])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag

    def handle_data(self, data: str) -> None:
        for tag in self.open:
            tag.texts.append(data)


@pytest.fixture(scope="session")
def read_html() -> Callable[[str], list[Tag]]:
    """The elements of a page or a part of it, in their order; fails where one is not closed."""

    def read(page: str) -> list[Tag]:
        reader = _Reader()
        reader.feed(page)
        reader.close()
        assert not reader.open
        return reader.tags

    return read


@pytest.fixture(scope="session")
def two_good_one_failed(build_trace: Callable[..., Trace]) -> Trace:
    """Two whole answers side by side and one request that got a bad status; sent from 1,000 ms on."""
    return build_trace(
        {"sent": 1000, "chunks": [1050, 1060, 1070], "end": 1070.5},
        {"sent": 1010, "end": 1030, "error": "http_status"},
        {"sent": 1020, "chunks": [1080.1234567], "end": 1090},
    )


@pytest.fixture(scope="session")
def make_result(two_good_one_failed: Trace, healthy: ClientHealth) -> Callable[..., CaseResult]:
    """Makes the result of a case from its name, trace, budgets and other fields."""

    def make(
        name: str = "chat",
        trace: Trace = two_good_one_failed,
        *budgets: str,
        confirmations: int = 0,
        **fields: Any,
    ) -> CaseResult:
        summary = summarize(trace, max_concurrency=2)
        values = {
            "nodeid": f"npuperf.yaml::{name}",
            "settings": {"requests": len(trace)},
            "started": "2026-03-26T20:22:04+08:00",
            "stopped": False,
            "health": healthy,
            "steady_rows": np.arange(len(trace)) if fields.get("stages") else None,
        }
        result = CaseResult(name=name, trace=trace, summary=summary, **{**values, **fields})
        if confirmations:
            result = replace(result, measurements=(result,) * (confirmations + 1))
        result.judge([parse_budget(budget) for budget in budgets])
        return result

    return make


@pytest.fixture(scope="session")
def make_record() -> Callable[..., RunRecord]:
    """Makes the record of a run from its results and other fields."""

    def make(*results: CaseResult, **fields: Any) -> RunRecord:
        values = {
            "run_id": "ee9480acbbac4d4aa190a124d5ddf39c",
            "abbr": "vllm-api-stream-chat",
            "started": "2026-03-26T20:22:00+08:00",
            "finished": "2026-03-26T20:22:24+08:00",
            "stopped": False,
            "settings": {"port": {"value": 8000, "source": "default"}},
            "environment": {"python": "3.11.9"},
            "server": {"base_url": "http://127.0.0.1:8000"},
        }
        return RunRecord(results=results, **{**values, **fields})

    return make


@pytest.fixture(scope="session")
def load_trace(build_trace: Callable[..., Trace]) -> Callable[..., Trace]:
    """Makes a trace of so many requests of 8 chunks, one every 10 ms."""

    def make(requests: int, **fields: Any) -> Trace:
        rng = np.random.default_rng(7)
        rows = []
        for number in range(requests):
            sent = 10.0 * number
            first = sent + 50 + rng.gamma(2, 5)
            chunks = [first, *(first + np.cumsum(rng.gamma(20, 0.5, 7)))]
            rows.append({"sent": sent, "chunks": chunks, "end": chunks[-1] + 0.5, **fields})
        return build_trace(*rows)

    return make
