from __future__ import annotations

from pytest_npuperf.report.charts.frame import Area
from pytest_npuperf.report.charts.labels import Label, best_place, sampled

AREA = Area(0, 200, 0, 100)


def place(x: float, base: float = 50) -> Label:
    return Label("12", x, base, "start")


def best(*places: Label, **fields: object) -> Label | None:
    nothing = {"taken": [], "dots": [], "radius": 4, "lines": []}
    return best_place(places, AREA, **{**nothing, **fields})  # type: ignore[arg-type]


def test_the_first_place_is_taken_where_all_are_free() -> None:
    assert best(place(10), place(60)) == place(10)


def test_a_place_over_a_label_a_dot_or_an_edge_is_none() -> None:
    assert best(place(10), place(60), taken=[place(20, 45)]) == place(60)
    assert best(place(10), place(60), dots=[(12, 48)]) == place(60)
    assert best(place(190), place(60)) == place(60)
    assert best(place(10), dots=[(12, 48)]) is None


def test_the_place_that_covers_least_of_the_lines_is_best() -> None:
    assert best(place(10), place(60), lines=sampled([(0, 45), (40, 45)])) == place(60)
    assert best(place(10), lines=sampled([(0, 45), (40, 45)])) == place(10)


def test_a_label_ends_where_its_anchor_says() -> None:
    widths = [Label("1234", 100, 50, anchor).left for anchor in ("start", "middle", "end")]
    assert widths == [100, 86, 72]


def test_a_line_is_sampled_closely() -> None:
    places = sampled([(0, 0), (40, 0)])
    assert (
        max(
            b - a
            for a, b in zip(sorted(x for x, _ in places), sorted(x for x, _ in places)[1:], strict=False)
        )
        < 5
    )
