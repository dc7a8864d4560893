from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_npuperf.report.plot import chunk_files, chunks, plot_html
from pytest_npuperf.report.plot.columns import plot_columns
from pytest_npuperf.report.windows import Windows
from pytest_npuperf.trace import UNKNOWN, Trace

BuildTrace = Callable[..., Trace]
_MS = 1_000_000


def _page(trace: Trace, title: str = "Concurrency visualization of chat") -> str:
    return plot_html(trace, title=title, picture_name="chat_plot").decode()


def _embedded(page: str) -> Any:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert match is not None
    return json.loads(match[1])


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """No chunk fits into a page, and three into a file."""
    monkeypatch.setattr(chunks, "_IN_THE_PAGE", 0)
    monkeypatch.setattr(chunks, "_IN_A_FILE", 3)


def test_requests_are_in_order_of_their_start(two_good_one_failed: Trace) -> None:
    shuffled = two_good_one_failed.select(np.array([2, 0, 1]))
    data = plot_columns(shuffled)
    assert data == plot_columns(two_good_one_failed)
    assert (data["id_prefix"], data["id"]) == ("r", ["0", "1", "2"])
    assert data["start"] == [0, 10 * _MS, 10 * _MS]
    assert data["ttft"] == [50 * _MS, None, 60_123_457]
    assert data["e2el"] == [70_500_000, 20 * _MS, 70 * _MS]


@pytest.mark.parametrize(
    ("ids", "prefix"), [(("a-1", "a-12"), "a-1"), (("a-1", "b-1"), ""), (("same",) * 2, "same")]
)
def test_the_ids_share_their_beginning(ids: tuple[str, ...], prefix: str, build_trace: BuildTrace) -> None:
    trace = build_trace({"sent": 0, "end": 1}, {"sent": 1, "end": 2})
    data = plot_columns(replace(trace, request_id=ids))
    assert data["id_prefix"] == prefix
    assert tuple(prefix + own for own in data["id"]) == ids


def test_only_requests_with_two_chunks_have_a_decode_phase(two_good_one_failed: Trace) -> None:
    assert plot_columns(two_good_one_failed)["undecoded"] == [1, 2]


def test_failed_requests_carry_their_error(two_good_one_failed: Trace) -> None:
    texts = ("", "no \x1b[31mmodel\n" + "x" * 1000, "")
    data = plot_columns(replace(two_good_one_failed, error_text=texts))
    assert data["failed"] == {"1": 0}
    (text,) = data["errors"]
    assert text.startswith(r"Failed: http_status: no \x1b[31mmodel\n")
    assert len(text) == 300


def test_an_error_of_many_requests_is_there_once(build_trace: BuildTrace) -> None:
    errors = ["timeout_total", "broken", "timeout_total"]
    data = plot_columns(build_trace(*({"sent": 0, "end": 1, "error": error} for error in errors)))
    assert data["failed"] == {"0": 0, "1": 1, "2": 0}
    assert data["errors"] == ["Failed: timeout_total: timeout_total", "Failed: broken: broken"]


def test_cancelled_requests_are_none_that_failed(build_trace: BuildTrace) -> None:
    data = plot_columns(
        build_trace(
            {"sent": 0, "chunks": [1], "end": 2},
            {"sent": 1, "chunks": [2], "end": 3, "error": "cancelled"},
        )
    )
    assert (data["failed"], data["cancelled"]) == ({}, [1])


def test_warmup_and_steady_stage_are_on_the_page(two_good_one_failed: Trace) -> None:
    windows = Windows(warmup=((-0.5, 0.25),), steady=((0.5, 1.5),), starts=(2.0,))
    page = plot_html(two_good_one_failed, title="chat", picture_name="chat", windows=windows)
    with_both, without = _embedded(page.decode()), _embedded(_page(two_good_one_failed))
    assert (with_both["warmup"], with_both["steady"]) == ([[-0.5, 0.25]], [[0.5, 1.5]])
    assert (with_both["again"], with_both["again_name"]) == ([2.0], "Measured again")
    assert (without["warmup"], without["steady"], without["again"]) == ([], [], [])


def test_concurrency_counts_requests_in_flight(two_good_one_failed: Trace) -> None:
    steps = plot_columns(two_good_one_failed)["steps"]
    times = [0, 10 * _MS, 20 * _MS, 30 * _MS, 70_500_000, 90 * _MS]
    assert np.cumsum(steps["time"]).tolist() == times
    assert steps["count"] == [1, 2, 3, 2, 1, 0]


def test_a_request_without_an_end_reaches_as_far_as_it_is_known(two_good_one_failed: Trace) -> None:
    data = plot_columns(replace(two_good_one_failed, t_end=np.full(3, UNKNOWN)))
    assert data["e2el"] == [70 * _MS, 0, 60_123_457]


def test_a_request_that_was_never_sent_is_left_out(two_good_one_failed: Trace) -> None:
    sent = two_good_one_failed.t_sent.copy()
    sent[1] = UNKNOWN
    data = plot_columns(replace(two_good_one_failed, t_sent=sent))
    assert data["id"] == ["0", "2"]
    assert data["failed"] == {}


def test_a_plot_of_nothing_has_no_requests(build_trace: BuildTrace) -> None:
    data = _embedded(_page(build_trace()))
    assert data["start"] == []
    assert data["steps"] == {"time": [], "count": []}
    assert data["chunks"] == []


def test_every_request_outside_of_a_conversation_has_a_row_of_its_own(two_good_one_failed: Trace) -> None:
    data = plot_columns(two_good_one_failed)
    assert (data["row"], data["turn"]) == (None, None)


def test_the_turns_of_a_conversation_share_a_row(build_trace: BuildTrace) -> None:
    # two at a time; conversation 3 had its first turn before what is measured
    sent = [(3, 1), (7, 0), (UNKNOWN, UNKNOWN), (7, 1), (3, 2), (7, 2), (UNKNOWN, UNKNOWN), (0, 0)]
    rows = ({"conversation": conversation, "turn": turn} for conversation, turn in sent)
    trace = build_trace(*({"sent": at, "end": at + 1, **row} for at, row in enumerate(rows)))
    data = plot_columns(trace)
    assert data["row"] == [0, 1, 2, 1, 0, 1, 3, 4]
    assert data["turn"] == [2, 1, None, 2, 3, 3, None, 1]


def test_where_no_conversation_has_two_requests_no_row_is_shared(build_trace: BuildTrace) -> None:
    trace = build_trace(*({"sent": at, "end": at + 1, "turn": 0, "conversation": at} for at in range(2)))
    data = plot_columns(trace)
    assert (data["row"], data["turn"]) == (None, [1, 1])


def test_turns_of_conversations_that_are_not_known_have_rows_of_their_own(build_trace: BuildTrace) -> None:
    trace = build_trace(*({"sent": at, "end": at + 1, "turn": at} for at in range(2)))
    data = plot_columns(trace)
    assert (data["row"], data["turn"]) == (None, [1, 2])


def test_chunk_times_are_in_the_page_where_they_are_few(two_good_one_failed: Trace) -> None:
    data = _embedded(_page(two_good_one_failed))
    assert data["chunks"] == [[50_000, 10_000, 10_000], [], [60_123]]
    assert data["chunk_files"] is None
    assert list(chunk_files(two_good_one_failed, picture_name="chat_plot")) == []


def test_gaps_are_rounded_without_adding_up(build_trace: BuildTrace) -> None:
    (gaps,) = _embedded(_page(build_trace({"sent": 0, "chunks": [k / 3 for k in range(1, 31)], "end": 11})))[
        "chunks"
    ]
    assert np.cumsum(gaps).tolist() == [round(1000 * k / 3) for k in range(1, 31)]


@pytest.mark.usefixtures("small_files")
def test_many_chunk_times_are_in_files_of_whole_requests(build_trace: BuildTrace) -> None:
    trace = build_trace(
        *(
            {"sent": at, "chunks": [at + 1, at + 3][:n], "end": at + 4}
            for at, n in enumerate([2, 2, 0, 1, 2, 2])
        )
    )
    data = _embedded(_page(trace))
    assert data["chunks"] is None
    assert data["chunk_files"] == {"folder": "chat_plot_chunks", "firsts": [0, 2, 5]}
    assert list(chunk_files(trace, picture_name="chat_plot")) == [
        ("chat_plot_chunks/0.js", b"npuperfChunks(0,[[1000,2000],[1000,2000]]);\n"),
        ("chat_plot_chunks/1.js", b"npuperfChunks(1,[[],[1000],[1000,2000]]);\n"),
        ("chat_plot_chunks/2.js", b"npuperfChunks(2,[[1000,2000]]);\n"),
    ]


@pytest.mark.usefixtures("small_files")
def test_chunk_files_are_in_order_of_the_start_of_requests(two_good_one_failed: Trace) -> None:
    shuffled = two_good_one_failed.select(np.array([2, 0, 1]))
    files = list(chunk_files(shuffled, picture_name="chat_plot"))
    assert files == list(chunk_files(two_good_one_failed, picture_name="chat_plot"))
    assert len(files) == 2


def test_the_page_takes_plotly_from_beside_it_and_nothing_from_a_network(two_good_one_failed: Trace) -> None:
    page = _page(two_good_one_failed)
    assert re.findall(r'src="([^"]*)"', page) == ["plotly.min.js"]
    assert "http:" not in page
    assert "https:" not in page
    assert len(page) < 40_000


def test_the_content_security_policy_allows_the_page_s_own_script(two_good_one_failed: Trace) -> None:
    page = _page(two_good_one_failed)
    script = page.rsplit("<script>", 1)[1].split("</script>", 1)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"&#x27;sha256-{digest}&#x27;" in page
    assert "default-src &#x27;none&#x27;" in page


def test_untrusted_text_stays_text(two_good_one_failed: Trace) -> None:
    hostile = "</script><script>alert(1)</script><!--\u2028{{script}}"
    trace = replace(two_good_one_failed, error_text=("", hostile, ""), request_id=(hostile,) * 3)
    page = _page(trace, title=f"<img src=x>{hostile}")
    assert page.lower().count("<script") == 3
    assert "<img" not in page
    assert "<!--" not in page
    assert "\u2028" not in page
    data = _embedded(page)
    assert data["id_prefix"] == r"</script><script>alert(1)</script><!--\u2028{{script}}"
    assert data["title"].startswith("<img src=x></script>")


def test_a_page_of_many_requests_is_small(build_trace: BuildTrace) -> None:
    trace = build_trace(*({"sent": at, "chunks": [at + 80.1234567], "end": at + 100} for at in range(2000)))
    few = build_trace(*({"sent": at, "end": at + 100} for at in range(1)))
    assert len(_page(trace)) - len(_page(few)) < 2000 * 60
