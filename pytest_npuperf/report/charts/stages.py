"""Windows drawn behind what happened over time: warmup, steady stage, where it was measured again."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_npuperf.report.charts.frame import LETTER, Frame, shade
from pytest_npuperf.report.html.markup import Markup, joined
from pytest_npuperf.report.html.svg import label, line
from pytest_npuperf.report.windows import Windows

__all__ = ["again_labels", "backdrop", "described_windows"]


def backdrop(frame: Frame, shown: Windows) -> Markup:
    """The windows as tints, and a line where each later measurement begins."""
    area = frame.area
    places = [frame.place(start, 0)[0] for start in shown.starts]
    return joined(
        (
            *(shade(frame, window, "warmup") for window in shown.warmup),
            *(shade(frame, window) for window in shown.steady),
            *(line("again", (x, area.top), (x, area.bottom)) for x in places),
        )
    )


def again_labels(frame: Frame, shown: Windows) -> Iterator[Markup]:
    """What the lines are, to be drawn over the curves; one that would cover the one before is left out."""
    area, name = frame.area, shown.start_name
    width = len(name) * LETTER
    free_from = area.left
    for start in shown.starts:
        x, _ = frame.place(start, 0)
        fits = x + 4 + width <= area.right
        left = x + 4 if fits else x - 4 - width
        if left >= free_from:
            place = (x + 4 if fits else x - 4, area.top + 9)
            yield label("again", name, place, anchor="start" if fits else "end")
            free_from = left + width + LETTER


def described_windows(shown: Windows) -> str:
    """What is to be said of them after a subtitle; '' where there are none."""
    line_is = "where it was measured again"
    if shown.in_pairs:
        line_is = "where its next turn begins; the other server's turns are left out"
    parts = [
        ("the steady stage is shaded yellow", shown.steady),
        ("warmup requests still in flight are shaded grey", any(end > 0 for _, end in shown.warmup)),
        (f"a line is {line_is}", shown.starts),
    ]
    return "".join(f"; {text}" for text, is_there in parts if is_there)
