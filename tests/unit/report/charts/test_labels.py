from __future__ import annotations

from pytest_npuperf.report.charts.frame import LETTER, Area
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


def test_labels_on_a_line_have_a_letter_between_them() -> None:
    left = place(10)
    assert left.meets(place(left.left + left.width + LETTER - 1))
    assert not left.meets(place(left.left + left.width + LETTER))


def test_a_wall_is_never_covered_and_kept_away_from() -> None:
    wall = sampled([(29, 0), (29, 100)])
    assert best(place(20), place(60), walls=wall) == place(60)
    assert best(place(10), walls=wall) == place(10)
    assert best(place(10), walls=wall, gap=6) is None


def test_the_distance_of_a_point_is_to_the_nearest_edge() -> None:
    label = place(10)
    assert label.distance((12, 48)) == 0
    assert label.distance((7, 50)) == 3
    assert label.distance((7, label.bottom + 4)) == 5
