from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from pytest_npuperf.report.plot import plot_data, plot_html
from pytest_npuperf.trace import UNKNOWN, Trace


def _page(trace: Trace, title: str = "Concurrency visualization of chat") -> str:
    return plot_html(trace, title=title, picture_name="chat_plot").decode()


def _embedded(page: str) -> Any:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert match is not None
    return json.loads(match[1])


def test_requests_are_in_order_of_their_start(two_good_one_failed: Trace) -> None:
    shuffled = two_good_one_failed.select(np.array([2, 0, 1]))
    data = plot_data(shuffled)
    assert data == plot_data(two_good_one_failed)
    assert data["id"] == ["r0", "r1", "r2"]
    assert data["start"] == [0.0, 0.01, 0.02]
    assert data["ttft"] == [0.05, None, 0.060123457]
    assert data["end"] == [0.0705, 0.03, 0.09]


def test_only_requests_with_two_chunks_have_a_decode_phase(two_good_one_failed: Trace) -> None:
    assert plot_data(two_good_one_failed)["decoded"] == [True, False, False]


def test_failed_requests_carry_their_error(two_good_one_failed: Trace) -> None:
    texts = ("", "no \x1b[31mmodel\n" + "x" * 1000, "")
    failed = plot_data(replace(two_good_one_failed, error_text=texts))["failed"]
    assert list(failed) == ["1"]
    text = " ".join(failed["1"])
    assert text.startswith(r"Failed: http_status: no \x1b[31mmodel\n")
    assert len(text) < 350
    assert all(len(line) <= 72 for line in failed["1"])


def test_cancelled_requests_are_none_that_failed(build_trace: Callable[..., Trace]) -> None:
    data = plot_data(
        build_trace(
            {"sent": 0, "chunks": [1], "end": 2},
            {"sent": 1, "chunks": [2], "end": 3, "error": "cancelled"},
        )
    )
    assert (data["failed"], data["cancelled"]) == ({}, [1])


def test_the_steady_stage_is_on_the_page(two_good_one_failed: Trace) -> None:
    page = plot_html(two_good_one_failed, title="chat", picture_name="chat", steady_window=(0.5, 1.5))
    assert _embedded(page.decode())["steady"] == [0.5, 1.5]
    assert _embedded(_page(two_good_one_failed))["steady"] is None


def test_concurrency_counts_requests_in_flight(two_good_one_failed: Trace) -> None:
    steps = plot_data(two_good_one_failed)["steps"]
    assert steps == {"time": [0.0, 0.01, 0.02, 0.03, 0.0705, 0.09], "count": [1, 2, 3, 2, 1, 0]}


def test_a_request_without_an_end_reaches_as_far_as_it_is_known(two_good_one_failed: Trace) -> None:
    data = plot_data(replace(two_good_one_failed, t_end=np.full(3, UNKNOWN)))
    assert data["end"] == [0.07, 0.01, 0.080123457]


def test_a_request_that_was_never_sent_is_left_out(two_good_one_failed: Trace) -> None:
    sent = two_good_one_failed.t_sent.copy()
    sent[1] = UNKNOWN
    data = plot_data(replace(two_good_one_failed, t_sent=sent))
    assert data["id"] == ["r0", "r2"]
    assert data["failed"] == {}


def test_a_plot_of_nothing_has_no_requests(build_trace: Callable[..., Trace]) -> None:
    data = _embedded(_page(build_trace()))
    assert data["start"] == []
    assert data["steps"] == {"time": [], "count": []}


def test_the_page_takes_plotly_from_beside_it_and_nothing_from_a_network(two_good_one_failed: Trace) -> None:
    page = _page(two_good_one_failed)
    assert re.findall(r'src="([^"]*)"', page) == ["plotly.min.js"]
    assert "http:" not in page
    assert "https:" not in page
    assert len(page) < 20_000


def test_the_content_security_policy_allows_the_page_s_own_script(two_good_one_failed: Trace) -> None:
    page = _page(two_good_one_failed)
    script = page.rsplit("<script>", 1)[1].split("</script>", 1)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"&#x27;sha256-{digest}&#x27;" in page
    assert "default-src &#x27;none&#x27;" in page


def test_the_toolbar_has_the_seven_specified_buttons_in_their_order(two_good_one_failed: Trace) -> None:
    buttons = re.search(r"modeBarButtons: \[(.*?)\],\n  toImage", _page(two_good_one_failed), re.DOTALL)
    assert buttons is not None
    assert re.findall(r'"(\w+)"', buttons[1]) == [
        "toImage",
        "zoom2d",
        "pan2d",
        "zoomIn2d",
        "zoomOut2d",
        "autoScale2d",
        "resetScale2d",
    ]


def test_untrusted_text_stays_text(two_good_one_failed: Trace) -> None:
    hostile = "</script><script>alert(1)</script><!--\u2028{{script}}"
    trace = replace(two_good_one_failed, error_text=("", hostile, ""), request_id=(hostile,) * 3)
    page = _page(trace, title=f"<img src=x>{hostile}")
    assert page.lower().count("<script") == 3
    assert "<img" not in page
    assert "<!--" not in page
    assert "\u2028" not in page
    data = _embedded(page)
    assert data["id"][0] == r"</script><script>alert(1)</script><!--\u2028{{script}}"
    assert data["title"].startswith("<img src=x></script>")
