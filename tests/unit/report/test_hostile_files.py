"""Text from outside in the files of a report: pages, plots, JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pytest_npuperf.metrics import ClientHealth
from pytest_npuperf.report import write_report, zip_report
from pytest_npuperf.report.change import Figure
from pytest_npuperf.report.history import (
    Bound,
    CaseHistory,
    CaseState,
    History,
    HistoryRun,
    Trend,
    TrendPoint,
    history_html,
)
from pytest_npuperf.report.page import page_html
from pytest_npuperf.report.pictures import case_pictures
from pytest_npuperf.report.plot import chunk_files, chunks, plot_html
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.text import encodable
from tests.unit.report.hostile import ALL, HARMLESS, HOSTILE, hostile_case, hostile_record

Cases = Callable[[str], CaseResult]
ReadHtml = Callable[[str], Any]

every_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


@pytest.fixture(scope="module")
def case(make_result: Callable[..., CaseResult], healthy: ClientHealth) -> Cases:
    """Makes a case of a text."""
    return lambda text: hostile_case(text, make_result, healthy)


@pytest.fixture(scope="module")
def record(case: Cases, make_record: Callable[..., RunRecord]) -> Callable[[str], RunRecord]:
    """Makes the record of a run from a text."""
    return lambda text: hostile_record(text, [case(text)], make_record)


@pytest.fixture(scope="module")
def report(
    case: Cases, make_record: Callable[..., RunRecord], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A report with a case for each text, each name twice, after a case of harmless text."""
    directory = tmp_path_factory.mktemp("report")
    texts = [HARMLESS, *HOSTILE.values(), *HOSTILE.values()]
    write_report(directory, hostile_record(ALL, [case(text) for text in texts], make_record))
    return directory


def shape(page: str, read_html: ReadHtml) -> list[tuple[str, list[str]]]:
    """The elements of a page with the names of their attributes; no control character is in it."""
    assert all(character.isprintable() or character == "\n" for character in page)
    tags = read_html(page)
    for tag in tags:
        for name in ("href", "src"):
            # what leads elsewhere has a scheme, or a host behind two slashes
            assert not re.match(r"\s*(\w+:|[/\\]{2})", tag.attributes.get(name) or ""), tag.attributes[name]
    return [(tag.name, sorted(tag.attributes)) for tag in tags]


@every_text
def test_the_page_of_a_run(text: str, record: Callable[[str], RunRecord], read_html: ReadHtml) -> None:
    def page(text: str, single_file: bool) -> str:
        outcomes = {f"npuperf.yaml::{text}": "failed"}
        files = [dict.fromkeys(("performance", "common", "details", "plot"), text)]
        return page_html(replace(record(text), outcomes=outcomes), files, single_file=single_file).decode()

    for single_file in (False, True):
        made = page(text, single_file)
        assert HARMLESS not in made
        assert shape(made, read_html) == shape(page(HARMLESS, single_file), read_html)


@every_text
def test_the_page_of_many_runs(text: str, read_html: ReadHtml) -> None:
    def page(text: str) -> str:
        started = datetime(2026, 3, 1, tzinfo=timezone.utc)
        state = CaseState(text, "fail", (text, text))
        run = HistoryRun(
            started=started,
            commit=text,
            is_dirty=True,
            model=text,
            directory=text,
            link="reports/a/report.html",
            states=((text, state),),
        )
        point = TrendPoint(run=run, value=0.2, n=1, notes=(text, text), changes=(text,))
        trend = Trend(
            figure=Figure("ttft", "p50"),
            points=(point, replace(point, value=0.3)),
            baseline=0.2,
            bounds=(Bound(text, 0.2, "open"),),
        )
        cases = (CaseHistory(name=text, trends=(trend,), notes=(text,), state=state),)
        return history_html(History(runs=(run, run), cases=cases, left_out=(text,), baseline=text)).decode()

    assert shape(page(text), read_html) == shape(page(HARMLESS), read_html)


@every_text
def test_a_plot_and_what_it_draws(text: str, case: Cases, read_html: ReadHtml) -> None:
    def page(text: str) -> str:
        return plot_html(case(text).trace, title=text, picture_name="chat_plot").decode()

    made = page(text)
    assert shape(made, read_html) == shape(page(HARMLESS), read_html)
    (data,) = [tag.text for tag in read_html(made) if tag.attributes.get("id") == "data"]
    assert all(one.isprintable() for one in _texts(json.loads(data)))


@every_text
def test_pictures_of_the_charts(text: str, case: Cases) -> None:
    def pictures(text: str) -> list[tuple[str, str, list[tuple[str, list[str]]]]]:
        found = []
        for title, name, content in case_pictures(case(text), "svg"):
            elements = list(ElementTree.fromstring(content.decode("utf-8")).iter())
            for element in elements:
                assert all(one.isprintable() or one == "\n" for one in element.text or "")
            found.append((title, name, [(one.tag, sorted(one.attrib)) for one in elements]))
        return found

    made = pictures(text)
    assert len(made) > 5
    assert made == pictures(HARMLESS)


@pytest.mark.usefixtures("_no_chunks_in_the_page")
@every_text
def test_files_of_chunks_hold_numbers_alone(text: str, case: Cases) -> None:
    ((name, content),) = chunk_files(case(text).trace, picture_name="chat_plot")
    assert name == "chat_plot_chunks/0.js"
    assert re.fullmatch(rb"npuperfChunks\(\d+,[\[\]\d,-]+\);\n", content)


@pytest.fixture
def _no_chunks_in_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "_IN_THE_PAGE", 0)


def test_names_of_files_are_names_everywhere(report: Path) -> None:
    paths = [path.relative_to(report) for path in report.rglob("*")]
    texts = 2 * len(HOSTILE) + 1
    assert sum(path.suffix == ".csv" for path in paths) == texts
    assert sum(path.name.endswith("_plot.html") for path in paths) == texts
    for path in paths:
        assert all(part.isprintable() and len(part.encode()) <= 255 for part in path.parts)
        assert all(re.fullmatch(r"[\w.-]+", part) and part[0] not in "-." for part in path.parts)
    assert {path.parts[0] for path in paths} == {
        *("configs", "logs", "performance", "report.html", "summary.json")
    }
    assert zip_report(report).is_file()


def test_json_is_valid_and_says_what_came(report: Path) -> None:
    files = list(report.rglob("*.json"))
    assert len(files) == 4 + 1 + 2 * (2 * len(HOSTILE) + 1)
    for path in files:
        content = json.loads(path.read_bytes().decode("utf-8"), parse_constant=pytest.fail)
        for text in _texts(content):
            text.encode("utf-8")
    summary = json.loads((report / "summary.json").read_bytes())
    texts = [HARMLESS, *HOSTILE.values(), *HOSTILE.values()]
    for text, entry in zip(texts, summary["cases"], strict=True):
        said = encodable(text)
        assert entry["name"] == entry["aborted"] == entry["no_steady"] == said
        assert entry["nodeid"] == f"npuperf.yaml::{said}"
        assert entry["verdicts"][0]["expression"] == entry["verdicts"][0]["reason"] == said
        (row, failed, _) = json.loads((report / entry["files"]["details"]).read_bytes())
        assert (row["id"], row["model"], row["text"]) == (f"{said}0", f"{said}m", said)
        assert (failed["error"], failed["error_text"]) == (said, said)
    assert summary["server"]["model"] == summary["abbr"] == encodable(ALL)


def test_pages_and_tables_of_all_cases_are_alike(report: Path, read_html: ReadHtml) -> None:
    folder = next((report / "performance").iterdir())
    plots = [path.read_bytes().decode("utf-8") for path in sorted(folder.glob("*_plot.html"))]
    assert len({str(shape(plot, read_html)) for plot in plots}) == 1
    for path in folder.glob("*.csv"):
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")))
        assert [len(row) for row in rows] == [10] * 8
    shape((report / "report.html").read_bytes().decode("utf-8"), read_html)


def _texts(content: Any) -> Iterator[str]:
    """Every text of what JSON holds, keys included."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield key
            yield from _texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from _texts(value)
