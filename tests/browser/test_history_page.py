"""The page of ``npuperf report`` over real runs, and what ``npuperf view`` serves, in a browser."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.browser.plot_page import PlotPage
from tests.plugin.conftest import SimulatedServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route

pytestmark = pytest.mark.browser

CASES = """
defaults: {dataset: {synthetic: {input_tokens: 32, output_tokens: 8}}, warmup: 0}
cases:
  - name: "chat <b>&"
    requests: 20
    load: {concurrency: 4}
    slo: [ttft.p50 < 60 ms, e2el.p99 < 20 s]
    advisory: [tpot.p50 < 1 ms]
  - name: curve
    requests: 4
    sweep: {concurrency: [1, 2]}
"""
GIT = ("git", "-c", "user.name=somebody", "-c", "user.email=somebody@example.invalid")
START_LIMIT = 60.0


@dataclass(frozen=True)
class Histories:
    """Three runs of two commits and of no commit, and the pages over them."""

    reports: Path
    page: Path
    commits: tuple[str, ...]
    """In the order of the runs; the one in the middle did not know its own."""
    summaries: tuple[dict[str, Any], ...]

    def milliseconds(self, run: int, metric: str, statistic: str) -> float:
        """A figure of the first case."""
        value = self.summaries[run]["cases"][0]["stages"]["total"][metric][statistic]
        return float(value) * 1000

    @property
    def newest_run(self) -> str:
        """The folder of the newest report."""
        return str(self.summaries[-1]["run_id"])


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> Histories:
    """A repository whose server gets slower, of which the second run breaks a budget."""
    place = tmp_path_factory.mktemp("runs")
    (place / "npuperf.yaml").write_text(CASES)
    (place / "pytest.ini").write_text("[pytest]\n")
    (place / ".gitignore").write_text(".npuperf/\n__pycache__/\n.pytest_cache/\n")
    subprocess.run([*GIT, "init", "--quiet"], cwd=place, check=True)
    first = _commit(place)
    _run(place, 0, "--ttft", "30ms", options=["--npuperf-save-baseline=main"])
    _run(place, 1, "--ttft", "90ms", environment={"GIT_DIR": str(place / "nowhere")})
    (place / "npuperf.yaml").write_text(CASES.replace("requests: 20", "requests: 24"))
    last = _commit(place)
    _run(place, 0, "--ttft", "40ms")
    reports = place / ".npuperf" / "reports"
    page = reports / "history.html"
    command = [sys.executable, "-m", "pytest_npuperf.cli", "report", str(reports), "--baseline", "main"]
    subprocess.run([*command, "--output", str(page)], cwd=place, env=_environment(), check=True)
    summaries = [json.loads(path.read_text()) for path in reports.glob("*/summary.json")]
    return Histories(
        reports, page, (first, "", last), tuple(sorted(summaries, key=lambda one: str(one["started"])))
    )


def _environment(**changes: str) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **changes}


def _commit(place: Path) -> str:
    subprocess.run([*GIT, "add", "--all"], cwd=place, check=True)
    subprocess.run([*GIT, "commit", "--quiet", "--message", "A change"], cwd=place, check=True)
    head = subprocess.run([*GIT, "rev-parse", "HEAD"], cwd=place, check=True, capture_output=True, text=True)
    return head.stdout.strip()


def _run(
    place: Path,
    expected: int,
    *server: str,
    options: list[str] | None = None,
    environment: dict[str, str] | None = None,
) -> None:
    simulator = SimulatedServer(*server, "--itl", "2ms", "--jitter", "0.1")
    target = (f"--npuperf-base-url={simulator.url}", "--npuperf-client-health=warn")
    try:
        command = [sys.executable, "-m", "pytest", "-q", *target, *(options or [])]
        done = subprocess.run(
            command,
            cwd=place,
            env=_environment(**(environment or {})),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        simulator.stop()
    assert done.returncode == expected, done.stdout + done.stderr


@pytest.fixture
def open_history(open_page: Callable[..., Page], histories: Histories) -> Callable[..., Page]:
    """Opens the history, in a window made with the given settings."""
    return lambda **settings: open_page(histories.page, **settings)


def figure(page: Page, name: str, case: int = 1) -> Locator:
    """A chart with what belongs to it."""
    return page.locator(f"#case-{case} figure").filter(has=page.get_by_role("heading", name=name, exact=True))


def rows(table: Locator) -> list[list[str]]:
    """The cells of a table, whether it is unfolded or not."""
    return [row.locator("th, td").all_text_contents() for row in table.locator("tbody tr").all()]


def test_the_newest_run_comes_first(open_history: Callable[..., Page], histories: Histories) -> None:
    page = open_history()
    assert page.locator("h1").inner_text() == "3 runs"
    assert page.locator("h2").all_inner_texts() == [
        *("Newest run", "How to read the charts", "chat <b>&", "curve", "Runs, the newest first")
    ]
    chat, curve = page.get_by_label("Newest run, case by case").locator("tbody tr").all()
    assert chat.locator("th").inner_text() == "chat <b>& ✓kept"
    assert curve.locator("th").inner_text() == "curve ✓kept"
    shown = chat.locator("td").first.inner_text()
    assert float(shown.removesuffix(" ms")) == pytest.approx(
        histories.milliseconds(2, "ttft", "median"), rel=1e-3
    ), "nothing in brackets, as the baseline has another number of requests"
    assert re.search(r" ms\s+\([+-]\d", curve.locator("td").first.inner_text())
    curve.get_by_role("link").click()
    assert page.evaluate("document.querySelector('#case-2').getBoundingClientRect().top") < 200


def test_a_figure_has_the_values_of_the_runs(open_history: Callable[..., Page], histories: Histories) -> None:
    ttft = figure(open_history(), "ttft.p50")
    found = rows(ttft.locator("table"))
    medians = [histories.milliseconds(run, "ttft", "median") for run in range(3)]
    assert [float(row[2].removesuffix(" ms")) for row in found] == pytest.approx(medians, rel=1e-3)
    assert [row[1] for row in found] == [
        *(histories.commits[0][:12], "-", histories.commits[2][:12]),
    ]
    # on a busy machine a run may be suspect, too
    assert "fail: ttft.p50 < 60 ms" in found[1][4].split("; ")
    assert found[2][4].endswith("changed: requests: 24 after 20")
    sentence = ttft.locator(".sentence").inner_text()
    assert f"({histories.commits[0][:7]}) to" in sentence
    assert "The newest run has the budget ttft.p50 < 60 ms: its bound is 60 ms." in sentence
    assert f"Line broken before {histories.commits[2][:7]} (requests: 24 after 20)." in sentence


def test_points_and_lines_stand_where_their_values_are(
    open_history: Callable[..., Page], histories: Histories
) -> None:
    picture = figure(open_history(), "ttft.p50").locator("svg")
    _, low, high, size, _ = str(picture.locator("g[data-y]").get_attribute("data-y")).split()
    _, top, _, bottom = map(float, str(picture.get_attribute("data-area")).split())

    def value_at(height: str | None) -> float:
        share = (bottom - float(height or "nan")) / (bottom - top)
        return (float(low) + share * (float(high) - float(low))) / float(size)

    points = picture.locator("circle").all()
    assert [value_at(point.get_attribute("cy")) for point in points] == pytest.approx(
        [histories.milliseconds(run, "ttft", "median") for run in range(3)], abs=0.5
    )
    looks = [str(point.get_attribute("class")).removesuffix(" broken") for point in points]
    assert looks == ["point main", "bound fail", "point main"]
    baseline = picture.locator("line.baseline").get_attribute("y1")
    assert value_at(baseline) == pytest.approx(histories.milliseconds(0, "ttft", "median"), abs=0.5)
    assert value_at(picture.locator("line.bound.pass").get_attribute("y1")) == pytest.approx(60, abs=0.5)
    line = str(picture.locator("path.curve").get_attribute("d"))
    assert re.sub(r"[\d. ]", "", line) == "MLM", "broken before the run that was measured with more requests"


def test_a_broken_advisory_budget_is_not_red(open_history: Callable[..., Page]) -> None:
    tpot = figure(open_history(), "tpot.p50")
    looks = [str(point.get_attribute("class")) for point in tpot.locator("circle").all()]
    assert looks == ["point main broken"] * 3
    assert tpot.locator(".bound.fail").count() == 0
    assert "fail, advisory: tpot.p50 < 1 ms" in rows(tpot.locator("table"))[2][4].split("; ")


def test_the_newest_figures_fit_on_a_wide_screen(open_history: Callable[..., Page]) -> None:
    table = open_history(viewport={"width": 1280, "height": 800}).get_by_label("Newest run, case by case")
    assert table.evaluate("frame => frame.scrollWidth - frame.clientWidth") == 0


def test_a_pointer_above_a_point_is_told_its_values(
    open_history: Callable[..., Page], histories: Histories
) -> None:
    page = open_history()
    picture = figure(page, "ttft.p50").locator("svg")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None
    scale = box["width"] / 420
    left, top, right, _ = map(float, str(picture.get_attribute("data-area")).split())
    x, y = box["x"] + scale * (left + (right - left) * 5 / 6), box["y"] + scale * (top + 5)
    shown = f"{histories.milliseconds(2, 'ttft', 'median'):.4g}"
    told = page.evaluate(
        "([x, y]) => document.elementFromPoint(x, y).closest('g').querySelector('title').textContent", [x, y]
    )
    assert told.startswith(f"{histories.commits[2][:12]}, ")
    assert f" {shown} ms; " in told
    assert told.endswith("; changed: requests: 24 after 20")


def test_the_keyboard_reaches_the_switch_and_every_table(open_history: Callable[..., Page]) -> None:
    page = open_history()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "theme-system"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert _background(page) == "rgb(20, 23, 26)"
    folded = page.locator("figure details:not([open])").count()
    reached = 0
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            page.keyboard.press("Enter")
            reached += 1
        if reached == folded:
            break
    assert folded == 12
    assert page.locator("figure details:not([open])").count() == 0
    assert page.locator("figure table").first.is_visible()


def test_the_theme_follows_the_system_until_it_is_chosen(open_history: Callable[..., Page]) -> None:
    page = open_history(color_scheme="dark")
    assert _background(page) == "rgb(20, 23, 26)"
    page.locator("#theme-light").check()
    assert _background(page) == "rgb(255, 255, 255)"
    page.reload()
    assert page.locator("#theme-light").is_checked()


@pytest.mark.parametrize("width", [360, 390, 760, 1280])
def test_no_screen_scrolls_sideways(width: int, open_history: Callable[..., Page]) -> None:
    page = open_history(viewport={"width": width, "height": 800})
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_it_fits_on_paper_and_is_light(open_history: Callable[..., Page]) -> None:
    page = open_history(viewport={"width": 700, "height": 1000}, color_scheme="dark")
    page.emulate_media(media="print")
    page.locator("#theme-dark").evaluate("input => input.checked = true")
    assert _background(page) == "rgb(255, 255, 255)"
    assert not page.locator(".switches").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 700
    assert page.locator("figure svg").first.is_visible()


def test_it_asks_for_no_other_file(open_history: Callable[..., Page]) -> None:
    loaded = open_history().evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert loaded == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_fault_that_matters(
    theme: str, width: int, open_history: Callable[..., Page], axe: str
) -> None:
    page = open_history(viewport={"width": width, "height": 900}, color_scheme=theme)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.evaluate(axe)
    found = page.evaluate("axe.run()")["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


@dataclass(frozen=True)
class View:
    """``npuperf view`` in a process of its own."""

    process: subprocess.Popen[str]
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def status(self, path: str) -> int:
        """What it answers to a path that goes out as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_LIMIT)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.fixture
def view(histories: Histories) -> Iterator[View]:
    """Serves the reports and the history beside them."""
    command = [sys.executable, "-m", "pytest_npuperf.cli", "view", str(histories.reports)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()
    ) as process:
        assert process.stdout is not None
        try:
            announced = process.stdout.readline()
            match = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/ \(ends on Ctrl-C\)\n", announced)
            assert match is not None, announced
            yield View(process, int(match[1]))
        finally:
            process.kill()


@pytest.fixture
def open_served(browser: Browser, view: View, complaints: list[str]) -> Iterator[Callable[[str], Page]]:
    """Opens a path of the view; whatever goes elsewhere is a complaint."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})

    def only_the_view(route: Route) -> None:
        if route.request.url.startswith(f"{view.address}/"):
            route.continue_()
        else:
            complaints.append(route.request.url)
            route.abort()

    def opened(path: str) -> Page:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{view.address}{path}")
        return page

    context.route("**/*", only_the_view)
    yield opened
    context.close()
    assert complaints == []


def test_the_view_of_a_folder_of_reports_is_its_history(
    open_served: Callable[[str], Page], view: View
) -> None:
    page = open_served("/")
    assert page.url == f"{view.address}/history.html"
    assert page.locator("h1").inner_text() == "3 runs"
    page.locator("#theme-dark").check()
    assert _background(page) == "rgb(20, 23, 26)"


def test_the_view_leads_from_a_run_to_its_plot(
    open_served: Callable[[str], Page], view: View, histories: Histories
) -> None:
    page = open_served(f"/{histories.newest_run}/")
    assert page.url == f"{view.address}/{histories.newest_run}/report.html"
    assert page.locator("h2").all_inner_texts()[1:3] == ["chat <b>&", "curve"]
    address = page.locator("#case-1 .files a[href$='_plot.html']").get_attribute("href")
    plot = PlotPage(open_served(f"/{histories.newest_run}/{address}"))
    low, high = plot.ranges()["yaxis"]
    assert low < 1
    assert high > 24, "a row for each of the requests, drawn by plotly's own script"


def test_the_view_listens_on_loopback_only(view: View) -> None:
    listening = [
        connection.laddr
        for connection in psutil.net_connections(kind="inet")
        if connection.pid == view.process.pid and connection.status == psutil.CONN_LISTEN
    ]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", view.port)]


@pytest.mark.parametrize(
    "path", ["/../baselines/", "/%2e%2e/baselines/", "/..%2f..%2fnpuperf.yaml", "//etc/passwd", "/%00"]
)
def test_the_view_serves_nothing_beside_the_folder(view: View, histories: Histories, path: str) -> None:
    assert (histories.reports.parent / "baselines").is_dir()
    assert view.status("/history.html") == 200
    assert view.status(path) == 404


def test_the_view_ends_on_ctrl_c_also_with_a_page_open(
    open_served: Callable[[str], Page], view: View
) -> None:
    open_served("/")
    view.process.send_signal(signal.SIGINT)
    output, errors = view.process.communicate(timeout=START_LIMIT)
    assert (view.process.returncode, output, errors) == (0, "", "")


def _background(page: Page) -> str:
    found: str = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return found
