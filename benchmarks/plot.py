"""How large the plot of a big run is, and how fast a browser opens and pans it.

Needs Playwright for Python and Debian's Chromium. The run is made up, not measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.page import provenance
from pytest_npuperf.report.plot import PLOTLY_SCRIPT, chunk_files, plot_html
from pytest_npuperf.trace import UNKNOWN, Trace

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_MS = 1_000_000
_PANEL = '.nsewdrag[data-subplot="xy"]'
_DRAWN = "document.getElementById('plot').dataset.draws > %d"
_COUNT_FRAMES = """() => {
    window.frames_ = [performance.now()];
    const note = (now) => { window.frames_.push(now); window.noting = requestAnimationFrame(note); };
    window.noting = requestAnimationFrame(note);
}"""
_LONGEST_FRAME = """() => {
    cancelAnimationFrame(window.noting);
    return Math.max(...window.frames_.slice(1).map((now, i) => now - window.frames_[i]));
}"""


@dataclass(frozen=True, slots=True)
class Pan:
    """One drag across half the panel."""

    longest_frame: float
    """Seconds between two pictures while dragging, at worst."""
    redraw: float
    """Seconds from letting go to the new picture."""


def main(arguments: Sequence[str]) -> None:
    """Print the figures of a plot."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plot", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--chunks", type=int, default=64, help="of each answer (default: 64)")
    parser.add_argument("--concurrency", type=int, default=250, help="divides the requests")
    settings = parser.parse_args(arguments)
    if settings.requests % settings.concurrency:
        parser.error(
            f"{settings.requests} requests cannot be shared out among {settings.concurrency} clients"
        )
    trace = big_trace(settings.requests, settings.chunks, settings.concurrency)
    with tempfile.TemporaryDirectory(prefix="npuperf-plot-") as directory:
        lines = [provenance("benchmarks.plot", arguments), "", *_written(trace, Path(directory))]
        sys.stdout.write("\n".join([*lines, *_opened(Path(directory))]) + "\n")


def big_trace(requests: int, chunks: int, concurrency: int) -> Trace:
    """A closed loop: answers of ``chunks`` chunks, 1 % failed requests among them."""
    random = np.random.default_rng(0)
    ttft = random.lognormal(np.log(100), 0.5, requests)
    gaps = random.lognormal(np.log(10), 0.2, (requests, chunks - 1))
    offsets = np.column_stack([ttft, ttft[:, None] + np.cumsum(gaps, axis=1)])
    e2el = offsets[:, -1] + 1
    each_client = e2el.reshape(-1, concurrency)
    sent = (np.cumsum(each_client, axis=0) - each_client).ravel()
    order = np.argsort(sent, kind="stable")
    sent, e2el, offsets = sent[order], e2el[order], offsets[order]
    stamps = np.rint((sent[:, None] + offsets) * _MS).astype(np.int64)
    t_sent, t_end = (np.rint(moments * _MS).astype(np.int64) for moments in (sent, sent + e2el))
    failed = random.random(requests) < 0.01
    none, unknown = np.zeros(requests, np.int64), np.full(requests, UNKNOWN)
    texts = ("",) * requests
    return Trace(
        request_id=tuple(f"npuperf-0123456789ab-{number}" for number in range(requests)),
        t_scheduled=t_sent,
        t_sent=t_sent,
        t_first=stamps[:, 0],
        t_last=stamps[:, -1],
        t_end=t_end,
        connect_ns=none,
        retries=none,
        status=none + 200,
        input_tokens=none + 100,
        output_tokens=none + chunks,
        cached_tokens=unknown,
        tokens_estimated=np.zeros(requests, np.bool_),
        error=tuple("timeout_total" if is_failed else "" for is_failed in failed),
        error_text=tuple("no end within 60 s" if is_failed else "" for is_failed in failed),
        finish_reason=texts,
        model=texts,
        text=texts,
        chunk_offsets=np.arange(requests + 1) * chunks,
        chunk_stamps=stamps.ravel(),
        chunk_lag=np.full(requests * chunks, UNKNOWN),
        chunk_tokens=np.full(requests * chunks, UNKNOWN),
        reads=none + chunks,
        unstamped_reads=none,
        crowded_reads=none,
        crowded_first=none,
        asked_input_tokens=unknown,
        asked_output_tokens=unknown,
        turn=unknown,
        conversation=unknown,
    )


def _written(trace: Trace, directory: Path) -> list[str]:
    began = time.perf_counter()
    page = plot_html(trace, title="Concurrency visualization of a big run", picture_name="big_plot")
    page_took = time.perf_counter() - began
    (directory / "big_plot.html").write_bytes(page)
    began, files = time.perf_counter(), []
    for name, content in chunk_files(trace, picture_name="big_plot"):
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        files.append(len(content))
    files_took = time.perf_counter() - began
    script = resources.files("plotly") / "package_data" / PLOTLY_SCRIPT
    (directory / PLOTLY_SCRIPT).write_bytes(script.read_bytes())
    return [
        f"- {len(trace):,} requests, {len(trace.chunk_stamps):,} chunks",
        f"- page: {len(page) / 1e6:.1f} MB, made in {page_took:.1f} s",
        f"- chunk times: {len(files)} files, {sum(files) / 1e6:.1f} MB, made in {files_took:.1f} s",
    ]


def _opened(directory: Path) -> list[str]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*CHROMIUM_ARGUMENTS])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        began = time.perf_counter()
        page.goto((directory / "big_plot.html").as_uri())
        page.wait_for_function(_DRAWN % 0)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        lines = [f"- opened and drawn in {time.perf_counter() - began:.2f} s"]
        page.evaluate("plot.layout && Plotly.relayout(plot, {dragmode: 'pan'})")
        for name, share in (("all of it", 1.0), ("a tenth of it", 0.1), ("a hundredth of it", 0.01)):
            lines.append(_line(name, _pan(page, share)))
        browser.close()
    return lines


def _pan(page: Page, share: float) -> Pan:
    """Show a share of both axes, then drag."""
    _zoom(page, share)
    box = page.locator(_PANEL).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    draws: Any = page.evaluate("Number(document.getElementById('plot').dataset.draws)")
    page.evaluate(_COUNT_FRAMES)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - box["width"] / 2, y + box["height"] / 2, steps=60)
    longest: float = page.evaluate(_LONGEST_FRAME)
    began = time.perf_counter()
    page.mouse.up()
    page.wait_for_function(_DRAWN % draws)
    return Pan(longest_frame=longest / 1000, redraw=time.perf_counter() - began)


def _zoom(page: Page, share: float) -> None:
    """Show a share of both axes, around their middle, until that is drawn."""
    page.evaluate(
        """async (share) => {
            const around = (all) => [all * (1 - share) / 2, all * (1 + share) / 2];
            const before = plot.dataset.draws;
            await Plotly.relayout(plot, { "xaxis.range": around(duration), "yaxis.range": around(rows) });
            while (plot.dataset.draws === before) await new Promise(requestAnimationFrame);
        }""",
        share,
    )


def _line(name: str, pan: Pan) -> str:
    return (
        f"- panning with {name} on the screen: a picture every {pan.longest_frame * 1000:.0f} ms at worst, "
        f"the new part {pan.redraw * 1000:.0f} ms after letting go"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
