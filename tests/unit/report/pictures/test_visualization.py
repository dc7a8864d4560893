from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from pytest_npuperf.confirming import pooled_result
from pytest_npuperf.report.pictures.visualization import visualization
from pytest_npuperf.result import CaseResult
from pytest_npuperf.trace import Trace

LEFT, RIGHT = 50, 828


def bars(drawing: str, look: str) -> list[tuple[float, float]]:
    """Where the parts of a colour begin and end, in the order of the requests."""
    match = re.search(rf'<path class="{look}" d="([^"]*)"', drawing)
    if match is None:
        return []
    parts = re.findall(r"M([\d.]+) [\d.]+H([\d.]+)V", match[1])
    return [(float(start), float(end)) for start, end in parts]


def test_bars_are_red_to_the_first_chunk_and_blue_to_the_end(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]
) -> None:
    trace = build_trace(
        {"sent": 1000, "chunks": [1250, 1300], "end": 1500},
        {"sent": 1500, "chunks": [1750], "end": 2000},
    )
    picture = visualization(make_result("chat", trace))
    assert picture is not None
    width = RIGHT - LEFT
    assert bars(picture.drawing, "ttft") == [
        (LEFT, pytest.approx(LEFT + width / 4, abs=0.1)),
        (pytest.approx(LEFT + width / 2, abs=0.1), RIGHT),
    ]
    assert bars(picture.drawing, "decode") == [
        (pytest.approx(LEFT + width / 4, abs=0.1), pytest.approx(LEFT + width / 2, abs=0.1))
    ]
    assert picture.sentence == "2 requests in 1 s, at most 1 at once; 0 failed."


def test_failed_and_cancelled_requests_are_marked(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]
) -> None:
    trace = build_trace(
        {"sent": 0, "chunks": [10, 20], "end": 30},
        {"sent": 10, "end": 20, "error": "http_status"},
        {"sent": 20, "end": 25, "error": "cancelled"},
    )
    picture = visualization(make_result("chat", trace))
    assert picture is not None
    assert re.findall(r'class="mark (\w+)"', picture.drawing) == ["failed", "cancelled"]
    assert picture.sentence.endswith("1 failed.")


def test_many_requests_share_bands_and_the_slowest_is_drawn(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]
) -> None:
    rows = [{"sent": n, "chunks": [n + 1, n + 2], "end": n + 3} for n in range(1000)]
    rows[500] = {"sent": 500, "chunks": [501, 900], "end": 2500}
    picture = visualization(make_result("chat", build_trace(*rows)))
    assert picture is not None
    assert "the slowest of each 4 requests" in picture.drawing
    drawn = bars(picture.drawing, "decode")
    assert len(drawn) == 250
    assert max(end - start for start, end in drawn) == pytest.approx((RIGHT - LEFT) * 1999 / 2500, rel=0.01)


def test_turns_of_a_conversation_share_a_row(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]
) -> None:
    turns = [{"sent": 100 * n, "chunks": [100 * n + 10, 100 * n + 20], "end": 100 * n + 30} for n in range(3)]
    trace = build_trace(*(turn | {"turn": n, "conversation": 0} for n, turn in enumerate(turns)))
    picture = visualization(make_result("talk", trace))
    assert picture is not None
    match = re.search(r'class="ttft" d="([^"]*)"', picture.drawing)
    assert match is not None
    assert len(set(re.findall(r"M[\d.]+ ([\d.]+)H", match[1]))) == 1


def test_the_steady_stage_is_shaded_in_both_panels(make_result: Callable[..., CaseResult]) -> None:
    picture = visualization(make_result("chat", steady_window=(0.01, 0.06)))
    assert picture is not None
    assert picture.drawing.count('class="window"') == 2
    assert "the steady stage is shaded yellow" in picture.subtitle


def test_warmup_and_later_measurements_are_marked(
    make_result: Callable[..., CaseResult], load_trace: Callable[..., Trace]
) -> None:
    once = make_result("chat", load_trace(50), warmup_window=(-1.0, 0.1))
    picture = visualization(pooled_result([once, once]))
    assert picture is not None
    assert picture.drawing.count('class="warmup"') == 4
    assert picture.drawing.count('<line class="again"') == 2
    assert picture.drawing.count(">measured again</text>") == 1
    assert (
        "warmup requests still in flight are shaded grey; a line is where it was measured again"
        in picture.subtitle
    )


def test_requests_in_flight_are_counted_in_whole_numbers(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]
) -> None:
    picture = visualization(make_result("one", build_trace({"sent": 0, "chunks": [5], "end": 1000})))
    assert picture is not None
    ticks = re.findall(r'<text class="tick"[^>]*text-anchor="end">([\d.]+)<', picture.drawing)
    assert ticks == ["1", "0", "1"]


def test_there_is_none_without_a_request_that_was_sent(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]
) -> None:
    assert visualization(make_result("chat", build_trace())) is None


def test_a_great_many_requests_make_a_small_picture(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]
) -> None:
    random = np.random.default_rng(1)
    ends = random.gamma(4, 500, 20_000)
    rows = [
        {
            "sent": n,
            "chunks": [n + end / 4, n + end / 2],
            "end": n + end,
            "error": "http_status" if n % 3 else "",
        }
        for n, end in enumerate(ends.tolist())
    ]
    picture = visualization(make_result("chat", build_trace(*rows)))
    assert picture is not None
    assert len(picture.drawing) < 600_000
