from __future__ import annotations

from collections.abc import Callable

from pytest_npuperf.report.charts.frame import Frame, axes
from pytest_npuperf.report.charts.scale import Scale, Unit, linear

MS, SHARE = Unit("ms", 1e-3), Unit("%", 0.01)


def x_labels(scale: Scale, read_html: Callable[..., list]) -> list[str]:  # type: ignore[type-arg]
    frame = Frame(scale, linear(0, 1, SHARE))
    texts = [tag for tag in read_html(axes(frame)) if tag.name == "text"]
    return [text.text for text in texts if float(text.attributes["y"]) > frame.area.bottom + 10]


def test_a_tick_that_would_touch_the_one_with_the_unit_has_no_label(
    read_html: Callable[..., list],  # type: ignore[type-arg]
) -> None:
    ticks = tuple(range(6))
    crowded = Scale("linear", 0, 5, ticks, MS)
    assert x_labels(crowded, read_html) == ["0", "1000", "2000", "3000", "5000 ms"]
    assert x_labels(Scale("linear", 0, 0.05, tuple(tick / 100 for tick in ticks), MS), read_html)[-2:] == [
        "40",
        "50 ms",
    ]
