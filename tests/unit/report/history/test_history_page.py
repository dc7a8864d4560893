from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import combinations, pairwise
from typing import Any

import pytest

from pytest_npuperf.report.change import Figure
from pytest_npuperf.report.history import (
    Bound,
    CaseHistory,
    CaseState,
    History,
    HistoryRun,
    Trend,
    TrendPoint,
    history_html,
)

KEPT = CaseState("kept", "pass")
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
    cases = (CaseHistory(name="chat", trends=trends, state=KEPT),) if trends else ()
    return history_html(History(runs=runs, **{"cases": cases, **fields})).decode()


def heights(text: str) -> list[float]:
    """Where the points lie, from the top."""
    return [float(y) for y in re.findall(r'<circle[^>]*cy="([\d.]+)"', text)]


def test_a_run_is_called_by_its_commit_else_by_its_day_and_time() -> None:
    named = run(0, "0123456789abcdef", is_dirty=True)
    assert (named.label, named.commit_text) == ("0123456", "0123456789ab, dirty")
    assert (run(0).label, run(0).commit_text) == ("03-01 08:00", "-")
    assert named.date == "2026-03-01 08:00+08:00"
    assert named.described == "2026-03-01 08:00+08:00, commit 0123456789ab, dirty"
    assert run(0).described == named.date


def test_runs_with_the_same_name_are_numbered_and_that_is_explained() -> None:
    first, second = trend(0.2, 0.3).points
    again = replace(second, run=replace(second.run, commit=first.run.commit, number=2))
    text = page(replace(trend(), points=(first, again)))
    assert "From 200 ms (0000000) to 300 ms (0000000 #2)" in text
    assert "the second is #2" in text
    assert "#2" not in page(trend(0.2, 0.3)).split("</style>")[1]


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
    _, table, _ = [tag for tag in tags if tag.name == "table"]
    assert table.text.startswith("RunCommitttft.p50nNotes2026-03-01 08:00+08:00000000000000200 ms100-")
    (tooltip, *_) = [tag.text for tag in tags if tag.name == "title"][1:]
    assert tooltip == "000000000000, 2026-03-01 08:00+08:00: 200 ms"


def test_the_line_has_a_gap_where_nothing_was_measured() -> None:
    (path,) = re.findall(r'class="curve main" d="(.*?)"', page(trend(0.2, 0.2, None, 0.2, 0.2, 0.2)))
    assert re.sub(r"[\d. ]", "", path) == "MLMLL"


def test_the_line_is_broken_where_something_else_was_measured() -> None:
    changed = trend(0.2, 0.4)
    points = (changed.points[0], replace(changed.points[1], changes=("model: b after a",)))
    text = page(replace(changed, points=points))
    (path,) = re.findall(r'class="curve main" d="(.*?)"', text)
    assert re.sub(r"[\d. ]", "", path) == "MM"
    assert "changed: model: b after a" in text
    assert "Line broken before 0000001 (model: b after a)." in text
    assert "+100" not in text, "two models are not compared"


def test_a_point_with_something_to_say_is_hollow_and_red_where_a_budget_failed() -> None:
    first, second, third = trend(0.2, 0.2, 0.2).points
    second = replace(second, notes=("stopped",))
    third = replace(third, notes=("fail: ttft.p50 < 1 ms",), breaks_budget=True)
    text = page(replace(trend(), points=(first, second, third)))
    assert re.findall(r'<circle class="(.*?)"', text) == ["point main", "point main broken", "bound fail"]
    assert "Notes: 0000001 (stopped); 0000002 (fail: ttft.p50 &lt; 1 ms)." in text


def test_of_many_notes_the_newest_are_named() -> None:
    points = tuple(replace(point, notes=("stopped",)) for point in trend(*[0.2] * 5).points)
    text = page(replace(trend(), points=points))
    assert "Notes: 0000002 (stopped); 0000003 (stopped); 0000004 (stopped); and 2 earlier, see" in text


def test_a_figure_of_too_few_requests_is_told() -> None:
    first, second = trend(0.2, 0.2).points
    few = (replace(first, n=90, needed_n=299), replace(second, n=300))
    assert "1 of 2 runs with 90 requests each: the figure needs 299 for an interval." in page(
        replace(trend(), points=few)
    )
    few = (replace(first, n=90, needed_n=299), replace(second, n=80, needed_n=299))
    assert "Runs with 80 to 90 requests each: the figure needs 299" in page(replace(trend(), points=few))


def test_a_pointer_anywhere_above_or_below_a_point_finds_it() -> None:
    text = page(trend(0.2, None, 0.3))
    columns = re.findall(r'<title>(.*?)</title><rect[^>]*? x="([\d.]+)"[^>]*? width="([\d.]+)"', text)
    assert [title.split(": ")[-1] for title, _, _ in columns] == ["200 ms", "-", "300 ms"]
    ends = [(float(x), float(x) + float(width)) for _, x, width in columns]
    assert all(end == pytest.approx(start, abs=0.2) for (_, end), (start, _) in pairwise(ends))


def test_baseline_and_bounds_are_lines_at_their_values() -> None:
    bounds = (Bound("ttft.p50 < 220 ms", 0.22, "pass"), Bound("ttft.p50 < 9 s", 9.0, "pass"))
    text = page(trend(0.2, 0.22, baseline=0.2, bounds=bounds), baseline="main")
    (baseline,) = re.findall(r'<line class="curve baseline"[^>]*y1="([\d.]+)"', text)
    (bound,) = re.findall(r'<line class="bound pass"[^>]*y1="([\d.]+)"', text)
    assert [float(baseline), float(bound)] == heights(text)
    assert "The newest run has the budget ttft.p50 &lt; 9 s: its bound is 9000 ms." in text, (
        "too far to be drawn"
    )
    assert re.findall(r'class="bound pass"[^>]*>(bound .*?)<', text) == ["bound 220 ms", "bound 9000 ms ↑"]
    assert re.findall(r'<li class="key .*?">(.*?)</li>', text) == ["runs", "baseline main"]


def test_a_bound_far_below_is_an_arrow_too() -> None:
    figure = Figure("output_token_throughput")
    text = page(trend(800.0, 820.0, figure=figure, bounds=(Bound("x >= 100 token/s", 100.0, "pass"),)))
    assert "bound 100 token/s ↓" in text
    assert '<line class="bound' not in text


def test_noise_of_a_few_percent_does_not_fill_the_axis() -> None:
    places = heights(page(trend(0.2, 0.203)))
    assert 0 < places[0] - places[1] < 0.1 * 190


def test_labels_of_lines_do_not_cover_each_other() -> None:
    bounds = [Bound(letter, 0.2 + 0.0001 * number, "open") for number, letter in enumerate("abcdefg")]
    text = page(trend(0.19, 0.21, baseline=0.2, bounds=tuple(bounds)))
    labels = re.findall(
        r'<text class="bound[^>]*? x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)"[^>]*>(.*?)<', text
    )
    assert len(labels) == 8
    boxes = []
    for x, y, anchor, words in labels:
        width = 7 * len(words)
        left = float(x) - {"start": 0.0, "middle": width / 2, "end": float(width)}[anchor]
        boxes.append((left, left + width, float(y)))
    for (left, right, base), (other_left, other_right, other_base) in combinations(boxes, 2):
        assert right < other_left or other_right < left or abs(base - other_base) >= 12


def test_a_label_keeps_off_the_points_where_it_can() -> None:
    text = page(trend(*[0.21] * 10, *[0.3] * 10, baseline=0.21))
    (anchor,) = re.findall(r'text-anchor="(\w+)"[^>]*>baseline', text)
    assert anchor == "end"


def test_a_label_keeps_off_the_other_lines() -> None:
    bounds = (Bound("a", 0.2, "open"), Bound("b", 0.203, "pass"))
    text = page(trend(0.15, 0.15, bounds=bounds))
    (line,) = re.findall(r'<line class="bound pass"[^>]*y1="([\d.]+)"', text)
    (low, high) = (float(y) for y in re.findall(r'<text class="bound[^>]*? y="([\d.]+)"', text))
    assert high < float(line) < low - 10


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
    assert [tag.text for tag in tags if tag.name == "h2"] == ["Runs, the newest first", "Reports left out"]
    assert "reports/7: damaged" in [tag.text for tag in tags if tag.name == "li"]


def test_the_newest_run_comes_first_case_by_case(read_html: Callable[[str], Any]) -> None:
    broken = CaseState("broken", "fail", tuple(f"ttft.p{level} < 1 ms" for level in (50, 75, 90, 99)))
    old, newest = trend(0.2, 0.25).points
    cases = (
        CaseHistory(name="chat", trends=(trend(0.2, 0.25),), state=broken),
        CaseHistory(name="gone", trends=(replace(trend(), points=(old,)),), state=KEPT),
    )
    text = history_html(History(runs=(old.run, newest.run), cases=cases)).decode()
    tags = read_html(text)
    assert next(tag.text for tag in tags if tag.name == "h2") == "Newest run"
    table = next(tag for tag in tags if tag.name == "table")
    assert table.text == (
        "Casettft.p50"
        "chat ✕brokenttft.p50 < 1 msttft.p75 < 1 msttft.p90 < 1 msand 1 more250 ms (+25.0%)"
        "gone ✓keptnot in this run, last in 0000000200 ms"
    )


def test_the_capacity_stands_before_the_figures_that_other_cases_have(
    read_html: Callable[[str], Any],
) -> None:
    clients = trend(4.0, figure=Figure("capacity"), axis="concurrency")
    throughput = trend(800.0, figure=Figure("output_token_throughput"))
    runs = (clients.points[0].run,)
    cases = (
        CaseHistory(name="chat", trends=(throughput,), state=KEPT),
        CaseHistory(name="limit", trends=(clients, throughput), state=KEPT),
    )
    tags = read_html(history_html(History(runs=runs, cases=cases)).decode())
    assert next(tag.text for tag in tags if tag.name == "table") == (
        "Casecapacityoutput_token_throughputchat ✓kept-800 token/slimit ✓kept4 clients800 token/s"
    )


def test_what_failed_before_it_was_measured_is_told(read_html: Callable[[str], Any]) -> None:
    gone = (("test_x.py::test_gone", CaseState("error", "fail", ("no model",))),)
    shown = trend(0.2)
    runs = (replace(shown.points[0].run, states=(("chat", KEPT),), unmeasured=gone),)
    case = CaseHistory(name="chat", trends=(shown,), state=KEPT)
    tags = read_html(history_html(History(runs=runs, cases=(case,))).decode())
    assert "test_x.py::test_gone ✕error no model" in [tag.text for tag in tags if tag.name == "p"]
    (row,) = [tag.text for tag in tags if tag.name == "tr" and "test_gone" in tag.text]
    assert "✓" not in row


def test_a_long_failure_leaves_room_for_the_figures(read_html: Callable[[str], Any]) -> None:
    state = CaseState("failed", "fail", ("x" * 100,))
    shown = trend(0.2)
    runs = (replace(shown.points[0].run, states=(("chat", state),)),)
    shown = replace(shown, points=(replace(shown.points[0], run=runs[0]),))
    case = CaseHistory(name="chat", trends=(shown,), state=state)
    tables = [
        tag.text
        for tag in read_html(history_html(History(runs=runs, cases=(case,))).decode())
        if tag.name == "table"
    ]
    assert f"failed{'x' * 59}…200 ms" in tables[0]
    assert "x" * 100 in tables[-1]


def test_the_bound_of_an_advisory_budget_says_so() -> None:
    text = page(trend(0.2, bounds=(Bound("ttft.p50 < 190 ms", 0.19, "open", is_advisory=True),)))
    assert re.findall(r'<text class="bound open"[^>]*>(.*?)<', text) == ["advisory 190 ms"]
    assert "The newest run has the advisory budget ttft.p50 &lt; 190 ms" in text
    assert "An advisory budget only warns" in text
    assert "advisory" not in page(trend(0.2, bounds=(Bound("ttft.p50 < 190 ms", 0.19, "fail"),)))


@pytest.mark.parametrize(
    ("fields", "shown"),
    [({}, "250 ms (+150.0%)"), ({"is_like_baseline": False}, "250 ms")],
)
def test_a_figure_is_held_against_the_baseline_where_that_is_like_it(
    fields: dict[str, Any], shown: str, read_html: Callable[[str], Any]
) -> None:
    shown_trend = trend(0.2, 0.25, baseline=0.1)
    case = CaseHistory(name="chat", trends=(shown_trend,), state=KEPT, **fields)
    runs = tuple(point.run for point in shown_trend.points)
    text = history_html(History(runs=runs, cases=(case,), baseline="main")).decode()
    assert next(tag for tag in read_html(text) if tag.name == "table").text.endswith(f"kept{shown}")


def test_figures_of_two_models_are_not_held_against_each_other() -> None:
    old, newest = trend(0.2, 0.25).points
    text = page(replace(trend(), points=(old, replace(newest, changes=("model: b after a",)))))
    assert "%)" not in text.split("How to read")[0].split("</style>")[1]


def test_what_the_page_has_is_explained_and_nothing_else() -> None:
    plain = page(trend(0.2, 0.2))
    assert not [
        word for word in ("hollow", "broken where", "dotted", "dashed") if word in plain.split("<h2>")[2]
    ]
    old, newest = trend(0.2, 0.25).points
    points = (old, replace(newest, changes=("x",), notes=("y",)))
    full = page(
        replace(trend(baseline=0.2, bounds=(Bound("b", 0.2, "pass"),)), points=points), baseline="main"
    )
    guide = full.split("How to read")[1].split("</ul>")[0]
    assert all(word in guide for word in ("hollow", "broken where", "dotted", "dashed"))


def test_the_runs_are_listed_with_what_failed_and_linked(read_html: Callable[[str], Any]) -> None:
    broken = CaseState("broken", "fail", ("ttft.p90 < 1 ms",))
    runs = (
        run(0, "a" * 40, states=(("chat", KEPT), ("burst", KEPT))),
        run(1, states=(("chat", KEPT), ("burst", broken)), link="reports/1/report.html"),
    )
    tags = read_html(history_html(History(runs=runs, cases=())).decode())
    assert [tag.text for tag in tags if tag.name == "tr"] == [
        "RunCasesReport in reports",
        "2026-03-02 08:00+08:00burst: ✕broken ttft.p90 < 1 ms1",
        f"2026-03-01 08:00+08:00{'a' * 12}✓kept0",
    ]
    (link,) = [tag for tag in tags if tag.name == "a"]
    assert link.attributes["href"] == "reports/1/report.html"


def test_models_and_folders_are_told_apart_where_there_are_several(read_html: Callable[[str], Any]) -> None:
    runs = (run(0, model="qwen", directory="a/1"), run(1, model="llama", directory="b/1"))
    tags = read_html(history_html(History(runs=runs, cases=())).decode())
    assert [tag.text for tag in tags if tag.name == "tr"] == [
        "RunCasesReport",
        "2026-03-02 08:00+08:00llamab/1",
        "2026-03-01 08:00+08:00qwena/1",
    ]


def test_the_capacity_of_searches_is_written_in_loads() -> None:
    clients = trend(4.0, 8.0, figure=Figure("capacity"), axis="concurrency")
    assert "clients, by run in order of time; higher is better" in page(clients)
    assert "From 4 clients (0000000) to 8 clients (0000001), +100.0%" in page(clients)
    assert "4.5 req/s in the only run" in page(trend(4.5, figure=Figure("capacity"), axis="rate"))


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
    state = CaseState(text, "fail", (text,))
    hostile = run(
        0, text, model=text, directory=text, link=text, states=((text, state),), unmeasured=((text, state),)
    )
    point = TrendPoint(run=hostile, value=0.2, n=1, notes=(text,), changes=(text,))
    shown = Trend(
        figure=Figure("ttft", "p50"), points=(point, point), baseline=0.2, bounds=(Bound(text, 0.2, "open"),)
    )
    history = History(
        runs=(hostile, hostile),
        cases=(CaseHistory(name=text, trends=(shown,), notes=(text,), state=state),),
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
