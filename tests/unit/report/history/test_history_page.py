from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest

from pytest_npuperf.report.change import Figure
from pytest_npuperf.report.history import (
    Bound,
    CaseHistory,
    History,
    HistoryRun,
    Trend,
    TrendPoint,
    history_html,
)

START = datetime(2026, 3, 1, 8, tzinfo=timezone(timedelta(hours=8)))
HOSTILE = (
    "<script>alert(1)</script>",
    "</script></style></title><img src=x onerror=alert(1)>",
    "\"><svg onload='alert(1)'>",
    "' onmouseover='alert(1)",
    "\x00\x1b[31m\r\n\u202e\ud800",
)


def run(day: int, commit: str = "", **fields: Any) -> HistoryRun:
    values: dict[str, Any] = {"is_dirty": False, "model": "qwen", "directory": f"reports/{day}"}
    return HistoryRun(started=START + timedelta(days=day), commit=commit, **{**values, **fields})


def trend(*values: float | None, figure: Figure | None = None, **fields: Any) -> Trend:
    points = [
        TrendPoint(run=run(day, f"{day:07x}" * 4), value=value, n=100) for day, value in enumerate(values)
    ]
    return Trend(figure=figure or Figure("ttft", "p50"), points=tuple(points), **fields)


def page(*trends: Trend, **fields: Any) -> str:
    runs = tuple(point.run for point in trends[0].points) if trends else (run(0),)
    cases = (CaseHistory(name="chat", trends=trends),) if trends else ()
    return history_html(History(runs=runs, **{"cases": cases, **fields})).decode()


def heights(text: str) -> list[float]:
    """Where the points lie, from the top."""
    return [float(y) for y in re.findall(r'<circle[^>]*cy="([\d.]+)"', text)]


def test_a_run_is_called_by_its_commit_else_by_its_day() -> None:
    named = run(0, "0123456789abcdef", is_dirty=True)
    assert (named.label, named.commit_text) == ("0123456", "0123456789ab, dirty")
    assert (run(0).label, run(0).commit_text) == ("2026-03-01", "-")
    assert named.date == "2026-03-01 08:00+08:00"


def test_a_chart_has_a_point_a_run_and_says_the_same_in_words(read_html: Callable[[str], Any]) -> None:
    text = page(trend(0.2, 0.25, 0.22))
    first, second, third = heights(text)
    assert second < third < first
    tags = read_html(text)
    (picture,) = [tag for tag in tags if tag.name == "svg"]
    sentence = "From 200 ms (0000000) to 220 ms (0000002), +10.0%; between 200 ms and 250 ms."
    what = "ttft.p50, ms, by run in order of time; lower is better"
    assert picture.attributes["aria-label"] == f"{what}. {sentence}"
    assert sentence in [tag.text for tag in tags if tag.name == "p"]
    assert [tag.text for tag in tags if tag.name == "figcaption"] == [
        "ttft.p50ms, by run in order of time; lower is better"
    ]
    table = next(tag for tag in tags if tag.name == "table")
    assert table.text.startswith("RunCommitttft.p50nNotes2026-03-01 08:00+08:00000000000000200 ms100-")
    (tooltip, *_) = [tag.text for tag in tags if tag.name == "title"][1:]
    assert tooltip == "000000000000, 2026-03-01 08:00+08:00: 200 ms"


def test_the_line_has_a_gap_where_nothing_was_measured() -> None:
    (path,) = re.findall(r'class="curve main" d="(.*?)"', page(trend(0.2, 0.2, None, 0.2, 0.2, 0.2)))
    assert re.sub(r"[\d. ]", "", path) == "MLMLL"


def test_the_line_is_broken_where_something_else_was_measured() -> None:
    changed = trend(0.2, 0.4)
    points = (changed.points[0], replace(changed.points[1], changes=("model, b after a",)))
    text = page(replace(changed, points=points))
    (path,) = re.findall(r'class="curve main" d="(.*?)"', text)
    assert re.sub(r"[\d. ]", "", path) == "MM"
    assert "changed: model, b after a" in text
    assert "+100" not in text, "two models are not compared"


def test_a_point_with_something_to_say_is_hollow() -> None:
    plain = trend(0.2, 0.2)
    text = page(replace(plain, points=(plain.points[0], replace(plain.points[1], notes=("stopped",)))))
    assert re.findall(r'<circle class="(.*?)"', text) == ["point main", "point main broken"]


def test_baseline_and_bounds_are_lines_at_their_values() -> None:
    bounds = (Bound("ttft.p50 < 220 ms", 0.22, "pass"), Bound("ttft.p50 < 9 s", 9.0, "pass"))
    text = page(trend(0.2, 0.22, baseline=0.2, bounds=bounds), baseline="main")
    (baseline,) = re.findall(r'<line class="curve baseline"[^>]*y1="([\d.]+)"', text)
    (bound,) = re.findall(r'<line class="bound pass"[^>]*y1="([\d.]+)"', text)
    assert [float(baseline), float(bound)] == heights(text)
    assert "The newest run has the budget ttft.p50 &lt; 9 s: its bound is 9000 ms." in text, (
        "too far to be drawn"
    )
    assert re.findall(r'<li class="key .*?">(.*?)</li>', text) == ["runs", "baseline main"]


def test_labels_of_lines_do_not_cover_each_other() -> None:
    bounds = (Bound("a", 0.2, "pass"), Bound("b", 0.2001, "open"))
    text = page(trend(0.1, 0.3, baseline=0.2, bounds=bounds))
    places = sorted(float(y) for y in re.findall(r'<text class="bound[^>]*y="([\d.]+)"', text))
    assert len(places) == 3
    assert all(high - low >= 12 for low, high in pairwise(places))


@pytest.mark.parametrize("count", [1, 2, 5, 6, 300])
def test_ticks_are_labels_of_runs_the_last_among_them(count: int) -> None:
    text = page(trend(*[0.2] * count))
    labels = re.findall(r"<text class=\"tick\"[^>]*>([0-9a-f]{7})</text>", text)
    assert len(labels) == min(count, 5)
    assert labels[0] == f"{0:07x}"
    assert labels[-1] == f"{count - 1:07x}"


@pytest.mark.parametrize(
    ("figure", "value", "shown"),
    [
        (Figure("failure_rate"), 0.015, "1.5 %"),
        (Figure("output_token_throughput"), 1234.5, "1234 token/s"),
        (Figure("ttft", "p99"), 0.0005, "0.5 ms"),
        (Figure("ttft", "p99"), 70.0, "70 s"),
        (Figure("total_requests"), 100.0, "100"),
        (Figure("failure_rate"), 0.0, "0 %"),
        (Figure("ttft", "p99"), 1e-300, "1e-297 ms"),
        (Figure("total_requests"), -3.0, "-3"),
        (Figure("total_requests"), 1e15, "1e+15"),
    ],
)
def test_values_stand_in_the_unit_of_their_metric(figure: Figure, value: float, shown: str) -> None:
    text = page(trend(value, figure=figure))
    assert f"{shown} in the only run that measured it." in text


def test_a_figure_that_no_run_measured_has_no_chart() -> None:
    text = page(trend(None, None))
    assert "<svg" not in text
    assert "No run measured these figures of it." in text


def test_runs_without_cases_and_reports_left_out_are_told(read_html: Callable[[str], Any]) -> None:
    tags = read_html(page(left_out=("reports/7: damaged",)))
    assert "No run measured a case." in [tag.text for tag in tags if tag.name == "p"]
    assert [tag.text for tag in tags if tag.name == "h2"] == ["Runs", "Reports left out"]
    assert "reports/7: damaged" in [tag.text for tag in tags if tag.name == "li"]


def test_the_page_runs_nothing_but_its_own_script_and_fetches_nothing() -> None:
    text = page(trend(0.2, 0.25, baseline=0.2))
    (policy,) = re.findall(r'Content-Security-Policy" content="(.*?)"', text)
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src &#x27;sha256-{digest}&#x27;" in policy
    assert policy.startswith("default-src &#x27;none&#x27;")
    assert "http:" not in text.replace("http://www.w3.org", "")
    assert "https:" not in text
    assert " style=" not in text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str, read_html: Callable[[str], Any]) -> None:
    hostile = run(0, text, model=text, directory=text)
    point = TrendPoint(run=hostile, value=0.2, n=1, notes=(text,), changes=(text,))
    shown = Trend(
        figure=Figure("ttft", "p50"), points=(point, point), baseline=0.2, bounds=(Bound(text, 0.2, "open"),)
    )
    history = History(
        runs=(hostile, hostile),
        cases=(CaseHistory(name=text, trends=(shown,), notes=(text,)),),
        left_out=(text,),
        baseline=text,
    )
    tags = read_html(history_html(history).decode())
    assert [tag.name for tag in tags if tag.name in ("img", "iframe")] == []
    assert [len([tag for tag in tags if tag.name == name]) for name in ("script", "style", "svg")] == [
        1,
        1,
        1,
    ]
    names = {name for tag in tags for name in tag.attributes}
    assert not any(name.startswith("on") for name in names)
    assert not {"\x00", "\x1b", "\u202e"} & set("".join(tag.text for tag in tags))
