"""``report.html`` of a real run in a browser."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.plugin.conftest import SimulatedServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PROJECT = Path(__file__).parents[2]

CASES = """
defaults: {dataset: {synthetic: {input_tokens: 32, output_tokens: 16}}, warmup: 0}
cases:
  - name: chat
    requests: 120
    load: {concurrency: 4}
    slo: [ttft.p90 < 500 ms, ttft.p50 < 1 ms, e2el.p99 < 20 s]
  - name: "burst <b>&"
    load: {rate: 40, duration: 2 s}
  - name: curve
    requests: 20
    sweep: {concurrency: [1, 2, 4]}
"""
HOOK = """
import json
from pytest_npuperf.report.page import page_html

def pytest_npuperf_write_report(record, directory):
    files = [case["files"] for case in json.loads((directory / "summary.json").read_text())["cases"]]
    for name, single_file in (("linked", False), ("single", True)):
        content = page_html(record, files, single_file=single_file)
        (directory / f"{name}.html").write_bytes(content)
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report directory of a run."""
    place = tmp_path_factory.mktemp("run")
    (place / "npuperf.yaml").write_text(CASES)
    (place / "conftest.py").write_text(HOOK)
    (place / "pytest.ini").write_text("[pytest]\n")
    server = SimulatedServer("--ttft", "10ms", "--itl", "2ms", "--jitter", "0.3")
    try:
        command = [sys.executable, "-m", "pytest", "-q", f"--npuperf-base-url={server.url}"]
        command.append("--npuperf-client-health=warn")
        run = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    finally:
        server.stop()
    assert run.returncode == 1, run.stdout + run.stderr
    (summary,) = (place / ".npuperf" / "reports").glob("*/summary.json")
    return summary.parent


@pytest.fixture
def open_report(open_page: Callable[..., Page], directory: Path) -> Callable[..., Page]:
    """Opens the report, in a window made with the given settings."""

    def opened(name: str = "linked.html", **settings: Any) -> Page:
        return open_page(directory / name, **settings)

    return opened


def test_it_opens_from_the_disk_with_the_verdict_first(open_report: Callable[..., Page]) -> None:
    page = open_report()
    assert page.locator("h1").inner_text().endswith("1 of 3 cases failed")
    assert page.locator("h2").all_inner_texts() == [
        *("Verdict", "chat", "burst <b>&", "curve"),
        *("Repeat it", "Environment"),
    ]
    chat = page.locator(".case-verdict").first
    assert chat.locator(".badge").all_inner_texts()[1:4] == ["✓pass", "✕fail", "✓pass"]
    listed = page.get_by_role("navigation", name="Cases").get_by_role("link")
    assert listed.all_inner_texts() == ["chat", "burst <b>&", "curve"]
    listed.nth(1).focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('#verdict-2').getBoundingClientRect().top") < 200
    page.locator("#verdict-2 h3 a").click()
    assert page.evaluate("document.querySelector('#case-2').getBoundingClientRect().top") < 200


def test_what_the_marks_mean_unfolds_and_stands_on_paper(open_report: Callable[..., Page]) -> None:
    page = open_report()
    meaning = page.get_by_text("the bar its interval")
    assert not meaning.is_visible()
    page.get_by_text("How to read this").click()
    assert meaning.is_visible()
    page.get_by_text("How to read this").click()
    page.emulate_media(media="print")
    assert meaning.is_visible()


def test_it_asks_for_no_other_file(open_report: Callable[..., Page]) -> None:
    loaded = open_report().evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert loaded == []


def test_every_kind_of_figure_is_drawn(open_report: Callable[..., Page]) -> None:
    titles = open_report().locator("figure h4").all_inner_texts()
    assert titles[:6] == ["TTFT", "TPOT", "ITL", "E2EL", "Output token rate", "Concurrency"]
    assert "Arrival rate" in titles
    assert "TTFT against throughput" in titles


def test_the_log_switch_changes_the_axis_and_the_keyboard_reaches_it(
    open_report: Callable[..., Page],
) -> None:
    page = open_report()
    linear, log = (page.locator(f"#case-1 figure .axis-{kind}").first for kind in ("linear", "log"))
    assert (linear.is_visible(), log.is_visible()) == (True, False)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "axis-linear"
    page.keyboard.press("ArrowRight")
    assert (linear.is_visible(), log.is_visible()) == (False, True)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "theme-dark"
    assert _background(page) == "rgb(20, 23, 26)"


def test_the_theme_follows_the_system_until_it_is_chosen(open_report: Callable[..., Page]) -> None:
    page = open_report(color_scheme="dark")
    assert _background(page) == "rgb(20, 23, 26)"
    page.locator("#theme-light").check()
    assert _background(page) == "rgb(255, 255, 255)"
    page.reload()
    assert page.locator("#theme-light").is_checked()
    page.emulate_media(media="print")
    page.locator("#theme-dark").evaluate("input => input.checked = true")
    assert _background(page) == "rgb(255, 255, 255)"
    assert not page.locator(".switches").is_visible()


def test_the_pointer_reads_values_off_a_curve(open_report: Callable[..., Page], directory: Path) -> None:
    page = open_report()
    figure = page.locator("#case-1 figure").first
    figure.scroll_into_view_if_needed()
    box = figure.locator("svg").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 407 / 420, box["y"] + box["height"] / 2)
    readout = figure.locator(".readout")
    assert readout.inner_text().endswith("ms: total 100 %")
    ttft = json.loads((directory / "summary.json").read_text())["cases"][0]["stages"]["total"]["ttft"]
    _, _, low, high, *_ = ["", *figure.locator("svg .axis-linear").get_attribute("data-x").split()]
    share = (ttft["median"] - float(low)) / (float(high) - float(low))
    left, _, right, _ = map(float, figure.locator("svg").get_attribute("data-area").split())
    scale = box["width"] / 420
    page.mouse.move(box["x"] + scale * (left + share * (right - left)), box["y"] + box["height"] / 2)
    at, total = readout.inner_text().split(" ms: total ")
    assert float(at) == pytest.approx(ttft["median"] * 1000, rel=0.02)
    assert float(total.removesuffix(" %")) == pytest.approx(50, abs=6)
    page.mouse.move(0, 0)
    assert not readout.is_visible()


def test_a_figure_unfolds_to_a_table(open_report: Callable[..., Page]) -> None:
    figure = open_report().locator("#case-1 figure").first
    figure.locator("summary").focus()
    figure.locator("summary").press("Enter")
    assert figure.locator("table").is_visible()
    assert figure.locator("tbody td").first.inner_text() == "120"


@pytest.mark.parametrize("width", [360, 760, 1000])
def test_no_screen_scrolls_sideways(width: int, open_report: Callable[..., Page]) -> None:
    page = open_report(viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_it_fits_on_paper(open_report: Callable[..., Page]) -> None:
    page = open_report(viewport={"width": 700, "height": 1000}, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") == 700
    assert page.locator(".budgets thead").first.is_visible()
    cells = page.locator("#case-1 [aria-label='Performance parameters'] tbody td")
    assert cells.evaluate_all("cells => cells.every(cell => cell.getClientRects()[0].height < 20)")
    breaks = page.locator(".case").evaluate_all("all => all.map(one => getComputedStyle(one).breakBefore)")
    assert breaks == ["page", "auto", "auto"]


def test_links_lead_to_the_files_of_the_run_and_a_single_file_has_none(
    open_report: Callable[..., Page], directory: Path
) -> None:
    links = open_report().locator(".files a")
    addresses = [link.get_attribute("href") for link in links.all()]
    of_the_cases, of_the_run = addresses[:12], addresses[12:]
    assert all((directory / str(address)).is_file() for address in of_the_cases)
    assert all((directory / str(address)).exists() for address in of_the_run)
    assert {"configs/cases.json", "logs/"} <= set(of_the_run)
    assert open_report("single.html").locator(".files").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_fault_that_matters(
    theme: str, width: int, open_report: Callable[..., Page], axe: str
) -> None:
    page = open_report(viewport={"width": width, "height": 900}, color_scheme=theme)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.evaluate(axe)
    found = page.evaluate("axe.run()")["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


def _background(page: Page) -> str:
    found: str = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return found
