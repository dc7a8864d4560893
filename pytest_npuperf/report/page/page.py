"""``report.html``: one page for a whole run, for readers who were not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_npuperf.report.html.document import document, switches
from pytest_npuperf.report.html.markup import Markup, element
from pytest_npuperf.report.html.tables import fact_list
from pytest_npuperf.report.html.verdict_marks import badge
from pytest_npuperf.report.page.case_section import case_section
from pytest_npuperf.report.page.overview import contents, entries_of, headline
from pytest_npuperf.report.page.run_section import repeat_section, run_facts, run_section
from pytest_npuperf.report.page.verdict_section import verdict_section
from pytest_npuperf.result import RunRecord

__all__ = ["page_html"]


def page_html(
    record: RunRecord,
    files: Sequence[Mapping[str, str]],
    *,
    single_file: bool,
) -> bytes:
    """The page of a run: it needs no other file and no network.

    Args:
        record: The run.
        files: The written files of each result, in their order: what each is -> its path from the page.
        single_file: Whether the page is to be passed on by itself: then it links no file.
    """
    entries = entries_of(record)
    text, look = headline(entries)
    title = f"{text}: serving performance of {record.server.get('model') or record.abbr}"
    cases = [
        case_section(number, result, {} if single_file else written, record.results)
        for number, (result, written) in enumerate(zip(record.results, files, strict=True), start=1)
    ]
    return document(
        title,
        switches(
            ("Latency axis", "axis", ("linear", "log")), ("Theme", "theme", ("system", "light", "dark"))
        ),
        element(
            "main",
            element(
                "header",
                element("p", "Serving performance", class_="over"),
                element("h1", badge(text, look)),
                element("p", "The run was stopped before its end.", class_="note")
                if record.stopped
                else None,
                run_facts(record),
                _sides(record),
                contents(entries),
                class_="top",
            ),
            verdict_section(record, entries) if entries else None,
            *cases,
            repeat_section(record),
            run_section(record, linked=not single_file),
        ),
    )


def _sides(record: RunRecord) -> Markup | None:
    """Which servers A and B are, where a run measured two by turns."""
    places = (record.settings.get("ab") or {}).get("value")
    if not places:
        return None
    return fact_list((side, str(place)) for side, place in zip("AB", places, strict=True))
