"""A plot in a browser, as the tests use it: by its axes and by what is to be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

TIMELINE, CONCURRENCY = ("xy", "yaxis"), ("xy2", "yaxis2")


@dataclass(frozen=True)
class PlotPage:
    """A page with a plot on it; ``at`` and what takes its arguments speak of seconds and rows from 1."""

    page: Page

    def __post_init__(self) -> None:
        self.wait_for_draw(0)

    @property
    def draws(self) -> int:
        """How often it was drawn."""
        return int(self.page.locator("#plot").get_attribute("data-draws") or 0)

    def wait_for_draw(self, before: int) -> None:
        """Wait until it was drawn again."""
        self.page.wait_for_function(
            "before => document.getElementById('plot').dataset.draws > before", arg=before
        )

    def ranges(self) -> dict[str, tuple[float, float]]:
        """What the axes show."""
        found: dict[str, list[float]] = self.page.evaluate(
            """() => Object.fromEntries(["xaxis", "yaxis", "yaxis2"].map((axis) =>
                [axis, document.getElementById("plot").layout[axis].range]))"""
        )
        return {axis: (low, high) for axis, (low, high) in found.items()}

    def at(self, time: float, row: float, panel: tuple[str, str] = TIMELINE) -> tuple[float, float]:
        """Where on the screen that is."""
        subplot, axis = panel
        box = self.page.locator(f'.nsewdrag[data-subplot="{subplot}"]').bounding_box()
        assert box is not None
        (left, right), (low, high) = self.ranges()["xaxis"], self.ranges()[axis]
        x = box["x"] + (time - left) / (right - left) * box["width"]
        return x, box["y"] + (high - row) / (high - low) * box["height"]

    def hover(self, time: float, row: float) -> list[str]:
        """The lines of the hover there, none where there is none."""
        self.page.mouse.move(*self.at(time, row))
        shown = self.page.locator("#hover")
        return shown.locator("p").all_inner_texts() if shown.is_visible() else []

    def click(self, time: float, row: float) -> Locator:
        """Click there; the chunk times that this shows."""
        self.page.mouse.click(*self.at(time, row))
        detail = self.page.locator("#detail")
        detail.locator("table").wait_for()
        return detail

    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """Drag in the timeline, until that is drawn."""
        draws = self.draws
        (x0, y0), (x1, y1) = self.at(*start), self.at(*stop)
        self.page.mouse.move(x0, y0)
        self.page.mouse.down()
        self.page.mouse.move(x1, y1, steps=5)
        self.page.mouse.up()
        self.wait_for_draw(draws)

    def press(self, button: str, *, draws_anew: bool = True) -> None:
        """Press a button of the toolbar."""
        draws = self.draws
        self.page.mouse.move(640, 20)
        self.page.locator(f'.modebar-btn[data-title="{button}" i]').click()
        if draws_anew:
            self.wait_for_draw(draws)

    def drawn(self) -> dict[str, Any]:
        """What of the timeline is drawn: the rows in a band and the places of requests and marks."""
        found: dict[str, Any] = self.page.evaluate(
            """() => ({ band: shown.band, bars: shown.bars.map((bar) => bar.i),
                failed: shown.failed.map((mark) => mark.i) })"""
        )
        return found
