from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_npuperf.report.html.tables import data_table, fact_list


def test_columns_of_text_are_told_from_columns_of_figures(read_html: Callable[[str], Any]) -> None:
    table = data_table("Errors", ("Kind", "Requests", "First"), [["broken", 3, "<b>"]], texts=(2,))
    looks = [
        (tag.name, tag.text, tag.attributes.get("class"))
        for tag in read_html(table)
        if tag.name in ("th", "td")
    ]
    assert looks == [
        *(("th", "Kind", None), ("th", "Requests", None), ("th", "First", "text")),
        *(("th", "broken", None), ("td", "3", None), ("td", "<b>", "text")),
    ]


def test_facts_without_a_value_are_left_out(read_html: Callable[[str], Any]) -> None:
    facts = fact_list((("Sent", "text"), ("Load", ""), ("Counted", None)), look="load")
    tags = read_html(facts)
    assert [tag.text for tag in tags if tag.name in ("dt", "dd")] == ["Sent", "text"]
    assert tags[0].attributes == {"class": "load"}
