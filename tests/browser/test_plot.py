"""``<case>_plot.html`` in a browser: of a real run, and of traces made for what a run seldom has."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.plot import big_trace
from pytest_npuperf.report.plot import PLOTLY_SCRIPT, chunk_files, plot_html
from pytest_npuperf.report.windows import Windows
from pytest_npuperf.trace import Trace
from tests.browser.plot_page import CONCURRENCY, PlotPage
from tests.plugin.conftest import SimulatedServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PROJECT = Path(__file__).parents[2]
# plotly has spelled PNG in both ways
BUTTONS = ["Download plot as a png", "Zoom", "Pan", "Zoom in", "Zoom out", "Autoscale", "Reset axes"]
AXES = ("xaxis", "yaxis", "yaxis2")
CASES = """
defaults: {warmup: 0}
cases:
  - name: chat
    dataset: {synthetic: {input_tokens: 32, output_tokens: 16}}
    requests: 12
    load: {concurrency: 2}
    slo: [failed_requests >= 0]
  - name: talk
    dataset: {conversation: {turns: 3, input_tokens: 20, output_tokens: 6}}
    requests: 12
    load: {concurrency: 2}
    slo: [failed_requests >= 0]
  - name: warm
    dataset: {synthetic: {input_tokens: 32, output_tokens: 16}}
    requests: 12
    warmup: 3
    load: {concurrency: 2}
    slo: [failed_requests >= 0]
"""
HOSTILE = "</script><img src=x onerror=alert(1)><b>&lt;i&gt;</b> %{x} <a href='http://npuperf.invalid'>a</a>"

Show = Callable[..., PlotPage]


@dataclass(frozen=True)
class Case:
    """The plot of a case of a real run, and the requests of it in order of their start."""

    path: Path
    requests: list[dict[str, Any]]

    def one(self, **wanted: Any) -> tuple[int, dict[str, Any]]:
        """The first request with such values and its index from 1."""
        return next(
            (index, request)
            for index, request in enumerate(self.requests, start=1)
            if all(request[key] == value for key, value in wanted.items())
        )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Case]:
    """The cases of a run against a simulator that answers every fifth request with 500."""
    place = tmp_path_factory.mktemp("run")
    (place / "npuperf.yaml").write_text(CASES)
    (place / "pytest.ini").write_text("[pytest]\n")
    server = SimulatedServer("--ttft", "30ms", "--itl", "10ms", "--jitter", "0.3", "--fail-every", "5")
    target = (f"--npuperf-base-url={server.url}", "--npuperf-client-health=warn")
    try:
        command = [sys.executable, "-m", "pytest", "-q", *target]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    finally:
        server.stop()
    plots = (place / ".npuperf" / "reports").glob("*/performance/*/*_plot.html")
    cases = {}
    for path in plots:
        name = path.name.removesuffix("_plot.html")
        details = json.loads(path.with_name(f"{name}_details.json").read_text())
        cases[name] = Case(path, sorted(details, key=lambda request: request["start_time"]))
    assert set(cases) == {"chat", "talk", "warm"}, done.stdout + done.stderr
    return cases


@pytest.fixture
def show(open_page: Callable[..., Page]) -> Show:
    """Opens a plot."""
    return lambda path, **settings: PlotPage(open_page(path, **settings))


@pytest.fixture
def show_trace(show: Show, tmp_path: Path) -> Show:
    """Writes the plot of a trace with all that belongs to it, and opens it."""

    def shown(
        trace: Trace, *, title: str = "A plot", windows: Windows = Windows(), **settings: Any
    ) -> PlotPage:
        (tmp_path / "plot.html").write_bytes(
            plot_html(trace, title=title, picture_name="plot", windows=windows)
        )
        for name, content in chunk_files(trace, picture_name="plot"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(content)
        script = resources.files("plotly") / "package_data" / PLOTLY_SCRIPT
        (tmp_path / PLOTLY_SCRIPT).write_bytes(script.read_bytes())
        return show(tmp_path / "plot.html", **settings)

    return shown


def milliseconds(seconds: float) -> str:
    return f"{float(f'{seconds * 1000:.4f}'):.4f}".rstrip("0").rstrip(".") + " ms"


def figures(request: dict[str, Any]) -> list[str]:
    """What the specification wants of a bar's hover, by its formulas."""
    ttft = request["prefill_latency"]
    decode = request["end_time"] - (request["start_time"] + ttft)
    e2el = request["end_time"] - request["start_time"]
    return [
        f"TTFT: {milliseconds(ttft)}",
        f"Decode: {milliseconds(decode)}",
        f"E2EL: {milliseconds(e2el)}",
    ]


def test_the_toolbar_has_the_seven_buttons(run: Mapping[str, Case], show: Show) -> None:
    plot = show(run["chat"].path)
    plot.page.mouse.move(1100, 20)
    buttons = plot.page.locator(".modebar-btn")
    titles = [button.get_attribute("data-title") for button in buttons.all()]
    assert [str(title).casefold() for title in titles] == [title.casefold() for title in BUTTONS]
    assert buttons.first.is_visible()


def test_both_panels_share_the_time_axis_and_count_requests_from_one(
    run: Mapping[str, Case], show: Show
) -> None:
    ranges = show(run["chat"].path).ranges()
    assert ranges["xaxis"][0] == 0
    assert ranges["xaxis"][1] >= max(request["end_time"] for request in run["chat"].requests)
    assert 0 <= ranges["yaxis"][0] < 1
    assert 12 < ranges["yaxis"][1] < 14
    assert 0 <= ranges["yaxis2"][0] < 1 < 2 < ranges["yaxis2"][1]


def test_a_drag_zooms_into_what_it_frames(run: Mapping[str, Case], show: Show) -> None:
    plot = show(run["chat"].path)
    before = plot.ranges()
    _, end = before["xaxis"]
    plot.drag((end * 0.25, 3), (end * 0.5, 9))
    after = plot.ranges()
    assert after["xaxis"] == pytest.approx((end * 0.25, end * 0.5), rel=0.02)
    assert after["yaxis"] == pytest.approx((3, 9), abs=0.1)
    assert after["yaxis2"] == before["yaxis2"]


def test_the_pan_button_makes_a_drag_move_the_view(run: Mapping[str, Case], show: Show) -> None:
    plot = show(run["chat"].path)
    before = plot.ranges()
    _, end = before["xaxis"]
    plot.press("Pan")
    plot.drag((end * 0.5, 6), (end * 0.25, 8))
    after = plot.ranges()
    assert after["xaxis"] == pytest.approx((end * 0.25, end * 1.25), rel=0.02)
    assert after["yaxis"] == pytest.approx([bound - 2 for bound in before["yaxis"]], abs=0.1)
    plot.press("Zoom")
    plot.drag((end * 0.5, 3), (end * 0.75, 5))
    assert plot.ranges()["yaxis"] == pytest.approx((3, 5), abs=0.1)


def test_zooming_in_and_out_keeps_the_middle_of_both_panels(run: Mapping[str, Case], show: Show) -> None:
    plot = show(run["chat"].path)
    before = plot.ranges()
    plot.press("Zoom in")
    near = plot.ranges()
    plot.press("Zoom out")
    plot.press("Zoom out")
    far = plot.ranges()
    for axis in AXES:
        sizes = [ranges[axis][1] - ranges[axis][0] for ranges in (near, before, far)]
        assert sizes == sorted(set(sizes))
        assert sum(near[axis]) == pytest.approx(sum(before[axis]))
        assert sum(far[axis]) == pytest.approx(sum(before[axis]))


def test_reset_and_autoscale_show_everything_again(run: Mapping[str, Case], show: Show) -> None:
    plot = show(run["chat"].path)
    initial = plot.ranges()
    last = max(request["end_time"] for request in run["chat"].requests)
    plot.drag((last * 0.4, 4), (last * 0.5, 6))
    plot.press("Autoscale")
    fitted = plot.ranges()
    for axis, low, high in (("xaxis", 0, last), ("yaxis", 1, 12), ("yaxis2", 0, 2)):
        assert fitted[axis][0] <= low
        assert high <= fitted[axis][1] < high * 1.3
    assert fitted != initial
    plot.press("Reset axes")
    assert plot.ranges() == initial


def test_the_download_is_a_picture(run: Mapping[str, Case], show: Show) -> None:
    plot = show(run["chat"].path)
    with plot.page.expect_download() as download:
        plot.press(BUTTONS[0], draws_anew=False)
    assert download.value.suggested_filename == "chat_plot.png"
    content = Path(download.value.path()).read_bytes()
    assert content.startswith(b"\x89PNG\r\n")
    assert len(content) > 10_000


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_bar_tells_its_times_wherever_the_pointer_is_on_it(
    share: float, run: Mapping[str, Case], show: Show
) -> None:
    plot = show(run["chat"].path)
    index, request = run["chat"].one(success=True)
    length = request["end_time"] - request["start_time"]
    heading, *lines = plot.hover(request["start_time"] + share * length, index + 0.2)
    assert heading == f"Request {index} ({request['id']})"
    assert lines == figures(request)


def test_beside_the_bars_there_is_no_hover(run: Mapping[str, Case], show: Show) -> None:
    plot = show(run["chat"].path)
    assert plot.hover(run["chat"].requests[-1]["end_time"] * 0.9, 1) == []


def test_a_failed_request_is_marked_and_says_why(run: Mapping[str, Case], show: Show) -> None:
    plot = show(run["chat"].path)
    index, request = run["chat"].one(success=False)
    assert index - 1 in plot.drawn()["failed"]
    lines = plot.hover(request["end_time"], index)
    assert lines[1] == "TTFT: -"
    assert lines[-1].startswith("Failed: http_status: ")


def test_the_corner_of_a_step_tells_time_and_concurrency(run: Mapping[str, Case], show: Show) -> None:
    plot = show(run["chat"].path)
    last = max(request["end_time"] for request in run["chat"].requests)
    plot.page.mouse.move(*plot.at(last, 0.02, CONCURRENCY))
    label = plot.page.locator(".hoverlayer .hovertext text")
    label.wait_for()
    time, count = label.locator("tspan").all_text_contents()
    assert (time, count) == (f"Time: {float(f'{last:.6f}')} s", "Concurrency: 0")


def test_the_legend_switches_a_colour_off_and_on(run: Mapping[str, Case], show: Show) -> None:
    plot = show(run["chat"].path)
    index, request = run["chat"].one(success=True)
    legend = plot.page.locator(".legend .traces", has_text="TTFT").locator("rect.legendtoggle")
    red = (request["start_time"] + request["prefill_latency"] * 0.3, index)
    blue = (request["end_time"] - 0.01, index)
    legend.click()
    plot.page.wait_for_function("() => document.getElementById('plot').data[0].visible === 'legendonly'")
    assert plot.hover(*red) == []
    assert plot.hover(*blue)[1:] == figures(request)
    legend.click()
    plot.page.wait_for_function("() => document.getElementById('plot').data[0].visible === true")
    assert plot.hover(*red)[1:] == figures(request)


def test_a_click_on_a_bar_shows_its_chunk_times(run: Mapping[str, Case], show: Show) -> None:
    plot = show(run["chat"].path)
    index, request = run["chat"].one(success=True)
    detail = plot.click(request["start_time"] + 0.001, index)
    assert detail.locator("h2").inner_text() == f"Request {index}"
    rows = [row.split("\t") for row in detail.locator("tbody tr").all_inner_texts()]
    times = [1000 * (time - request["start_time"]) for time in request["chunk_times"]]
    assert [number for number, _, _ in rows] == [str(k + 1) for k in range(16)]
    assert [float(time) for _, time, _ in rows] == pytest.approx(times, abs=0.0006)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert rows[0][2] == "-"
    assert [float(gap) for _, _, gap in rows[1:]] == pytest.approx(gaps, abs=0.0012)
    plot.page.keyboard.press("Escape")
    assert not detail.is_visible()


def test_the_turns_of_a_conversation_share_a_row(run: Mapping[str, Case], show: Show) -> None:
    plot = show(run["talk"].path)
    turns = [request["turn"] for request in run["talk"].requests]
    assert sorted(turns) == [1] * 4 + [2] * 4 + [3] * 4
    low, high = plot.ranges()["yaxis"]
    assert 0 <= low < 1
    assert 4 < high < 6
    index, request = run["talk"].one(turn=2)
    lines = plot.hover((request["start_time"] + request["end_time"]) / 2, 1)
    assert lines[:2] == [f"Request {index} ({request['id']})", "Turn 2 of conversation 1"]


def test_the_steady_stage_is_shaded(show_trace: Show) -> None:
    plot = show_trace(big_trace(40, 4, 4), windows=Windows(steady=((0.2, 0.6),)))
    assert shaded(plot) == edges(plot, (0.2, 0.6))
    assert plot.page.locator(".annotation-text", has_text="Steady stage").is_visible()
    assert plot.page.locator(".annotation-text", has_text="Warmup").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_warmup_is_shaded_in_another_colour(scheme: str, show_trace: Show) -> None:
    windows = Windows(warmup=((-0.4, 0.1),), steady=((0.2, 0.6),))
    plot = show_trace(big_trace(40, 4, 4), windows=windows, color_scheme=scheme)
    assert shaded(plot) == edges(plot, (-0.4, 0.1), (0.2, 0.6))
    warmup, steady = (
        path.evaluate("path => getComputedStyle(path).fill")
        for path in plot.page.locator(".shapelayer path").all()
    )
    assert warmup != steady
    assert plot.page.locator(".annotation-text", has_text="Warmup").is_visible()
    assert plot.page.locator(".annotation-text", has_text="Steady stage").is_visible()


def test_a_case_that_was_measured_again_shows_where(show_trace: Show) -> None:
    windows = Windows(steady=((0.1, 0.2), (0.4, 0.5)), starts=(0.3,))
    plot = show_trace(big_trace(40, 4, 4), windows=windows)
    assert shaded(plot)[:2] == edges(plot, (0.1, 0.2), (0.4, 0.5))
    assert plot.page.locator(".annotation-text", has_text="Steady stage").count() == 2
    assert plot.page.locator(".annotation-text", has_text="Measured again").is_visible()


def test_of_the_warmup_the_part_after_0_is_seen_at_first_and_a_drag_shows_the_rest(
    run: Mapping[str, Case], show: Show
) -> None:
    path = run["warm"].path
    (case,) = (
        case
        for case in json.loads((path.parents[2] / "summary.json").read_text())["cases"]
        if case["name"] == "warm"
    )
    since, until = case["warmup_window"]
    assert since < 0 < until < max(request["end_time"] for request in run["warm"].requests)
    plot = show(path)
    assert plot.ranges()["xaxis"][0] == 0
    assert shaded(plot) == edges(plot, (since, until))
    name = plot.page.locator(".annotation-text", has_text="Warmup")
    assert name.is_visible()
    _, end = plot.ranges()["xaxis"]
    plot.press("Pan")
    plot.drag((end * 0.1, 6), (end * 0.6, 6))
    assert plot.ranges()["xaxis"][0] == pytest.approx(-end / 2, rel=0.02)
    assert shaded(plot) == edges(plot, (since, until))
    assert name.is_visible()
    plot.press("Reset axes")
    assert plot.ranges()["xaxis"][0] == 0


def shaded(plot: PlotPage) -> list[list[float]]:
    """The left and right edge of each shade on the screen."""
    boxes = [path.bounding_box() for path in plot.page.locator(".shapelayer path").all()]
    return [[box["x"], box["x"] + box["width"]] for box in boxes if box]


def edges(plot: PlotPage, *windows: tuple[float, float]) -> list[Any]:
    """Where on the screen windows of time begin and end."""
    return [pytest.approx([plot.at(bound, 1)[0] for bound in window], abs=2) for window in windows]


def test_untrusted_text_is_never_markup(show_trace: Show) -> None:
    trace = big_trace(4, 3, 2)
    trace = replace(
        trace,
        request_id=tuple(f"{HOSTILE}{number}" for number in range(4)),
        error=("http_status",) * 4,
        error_text=(HOSTILE,) * 4,
    )
    plot = show_trace(trace, title=f"Plot of {HOSTILE}")
    assert plot.page.locator("img, b, #plot a:not(.modebar-btn)").count() == 0
    assert plot.page.title() == f"Plot of {HOSTILE}"
    shown = "".join(plot.page.locator(".gtitle tspan.line").all_text_contents())
    assert shown.replace("\u00a0", " ").startswith("Plot of </script><img src=x onerror=alert(1)>")
    heading, *_, error = plot.hover(0.001, 1)
    assert heading == f"Request 1 ({HOSTILE}0)"
    assert error == f"Failed: http_status: {HOSTILE}"
    detail = plot.click(0.001, 1)
    assert error in detail.inner_text()
    assert plot.page.locator("img, b").count() == 0


def test_a_run_of_no_request_opens(show_trace: Show) -> None:
    plot = show_trace(big_trace(2, 2, 1).select(np.array([], np.int64)))
    assert plot.page.locator(".annotation-text", has_text="no request was sent").is_visible()


@pytest.fixture(scope="module")
def large() -> Trace:
    return big_trace(5000, 30, 50)


def test_zoomed_out_a_band_shows_its_slowest_request(large: Trace, show_trace: Show) -> None:
    plot = show_trace(large)
    drawn, e2el = plot.drawn(), large.t_end - large.t_sent
    band = drawn["band"]
    assert band > 1
    assert drawn["bars"] == [
        first + int(e2el[first : first + band].argmax()) for first in range(0, len(large), band)
    ]
    assert drawn["failed"]
    assert all(large.error[place] for place in drawn["failed"])
    note = plot.page.locator(".annotation-text", has_text=f"the slowest of each {band} requests")
    assert note.is_visible()


def test_zoomed_in_every_request_is_there_to_the_nanosecond(large: Trace, show_trace: Show) -> None:
    plot = show_trace(large)
    start = (large.t_sent - large.t_sent.min()) / 1e9
    plot.drag((start[1500], 1500), (start[2500], 2500))
    plot.drag((start[2000] - 0.1, 1990), (start[2100] + 1, 2110))
    low, high = plot.ranges()["yaxis"]
    drawn = plot.drawn()
    assert drawn["band"] == 1
    assert set(range(2000, 2100)) <= set(drawn["bars"])
    assert 1900 < low < high < 2200
    heading, ttft, *_ = plot.hover(start[2050], 2051)
    assert heading == f"Request 2051 ({large.request_id[2050]})"
    assert ttft == f"TTFT: {milliseconds((large.t_first - large.t_sent)[2050] / 1e9)}"
    plot.press("Autoscale")
    assert plot.ranges()["yaxis"][1] > 5000
    assert plot.drawn()["band"] > 1


def test_a_large_run_loads_chunk_times_when_they_are_asked_for(
    large: Trace, show_trace: Show, tmp_path: Path
) -> None:
    plot = show_trace(large)
    loaded: list[str] = []
    plot.page.on("request", lambda request: loaded.append(request.url.removeprefix(tmp_path.as_uri())))
    start = (large.t_sent - large.t_sent.min()) / 1e9
    place = plot.drawn()["bars"][-3]
    detail = plot.click(start[place] + 0.05, place + 1)
    assert loaded == ["/plot_chunks/0.js"]
    index = int(detail.locator("h2").inner_text().removeprefix("Request ")) - 1
    rows = [row.split("\t") for row in detail.locator("tbody tr").all_inner_texts()]
    times = (large.chunks(index) - large.t_sent[index]) / 1e6
    assert [float(time) for _, time, _ in rows] == pytest.approx(times.tolist(), abs=0.0006)


def test_chunk_times_that_are_not_there_are_missed_in_words(
    large: Trace, show_trace: Show, tmp_path: Path, complaints: list[str]
) -> None:
    plot = show_trace(large)
    (tmp_path / "plot_chunks" / "0.js").unlink()
    place = plot.drawn()["bars"][-3]
    start = (large.t_sent[place] - large.t_sent.min()) / 1e9
    plot.page.mouse.click(*plot.at(start + 0.05, place + 1))
    message = plot.page.locator("#detail", has_text="plot_chunks/0.js must lie beside this page")
    message.wait_for()
    assert all("ERR_FILE_NOT_FOUND" in complaint for complaint in complaints)
    complaints.clear()


@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 23, 26)")])
def test_the_colours_follow_the_system(scheme: str, paper: str, run: Mapping[str, Case], show: Show) -> None:
    plot = show(run["chat"].path, color_scheme="light")
    plot.drag((0, 3), (0.1, 9))
    zoomed = plot.ranges()
    plot.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    plot.page.wait_for_function(
        "paper => getComputedStyle(document.querySelector('.main-svg')).backgroundColor === paper", arg=paper
    )
    assert plot.ranges() == zoomed


def test_a_phone_shows_it_without_scrolling_sideways(run: Mapping[str, Case], show: Show) -> None:
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    plot = show(run["chat"].path, **phone)
    index, request = run["chat"].one(success=True)
    plot.page.touchscreen.tap(*plot.at(request["start_time"] + 0.02, index))
    plot.page.locator("#detail table").wait_for()
    assert plot.page.evaluate("document.documentElement.scrollWidth") == 390
    svg = plot.page.locator("#plot .main-svg").first.bounding_box()
    assert svg is not None
    assert svg["width"] == 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_that_matters(scheme: str, run: Mapping[str, Case], show: Show, axe: str) -> None:
    plot = show(run["chat"].path, color_scheme=scheme)
    index, request = run["chat"].one(success=True)
    plot.click(request["start_time"] + 0.001, index)
    plot.page.evaluate(axe)
    found = plot.page.evaluate("axe.run()")["violations"]
    assert [
        (one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")
    ] == []
