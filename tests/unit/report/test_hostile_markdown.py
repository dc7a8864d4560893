"""Text from outside in the Markdown summary, read by a parser of CommonMark and tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

from pytest_npuperf.metrics import ClientHealth
from pytest_npuperf.report.escaping import markdown_code, markdown_link
from pytest_npuperf.report.markdown import limited, markdown_summary
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.text import encodable, printable
from tests.unit.report.hostile import HARMLESS, HOSTILE, hostile_case, hostile_record

ReadHtml = Callable[[str], Any]
Summaries = Callable[[str], str]

every_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@pytest.fixture(scope="module")
def summary(
    make_result: Callable[..., CaseResult], make_record: Callable[..., RunRecord], healthy: ClientHealth
) -> Summaries:
    """Makes the summary of a run from a text: one case failed, one was not measured."""

    def make(text: str) -> str:
        results = [hostile_case(text, make_result, healthy, is_measured=one) for one in (True, False)]
        record = hostile_record(text, results, make_record)
        return markdown_summary(
            replace(record, outcomes={results[0].nodeid: "failed"}), Path(text), artifacts=text
        )

    return make


def shape(markdown: str, read_html: ReadHtml) -> list[tuple[str, dict[str, str | None]]]:
    """The elements that the Markdown makes, in their order, with their attributes."""
    return [(tag.name, tag.attributes) for tag in read_html(PARSER.render(markdown))]


@every_text
def test_the_summary_has_the_elements_of_a_harmless_one(
    text: str, summary: Summaries, read_html: ReadHtml
) -> None:
    made = summary(text)
    assert all(line.isprintable() for line in made.split("\n"))
    assert shape(made, read_html) == shape(summary(HARMLESS), read_html)
    made.encode("utf-8")
    outside_of_commands = re.sub(r"^```sh\n.*?\n```$", "", made, flags=re.MULTILINE | re.DOTALL)
    # what GitHub and GitLab make links, mentions and formulas of, beyond CommonMark
    assert not re.search(r"://|www\.|@|\$", outside_of_commands)


@every_text
def test_pictures_have_an_address_of_their_own(
    text: str, make_result: Callable[..., CaseResult], make_record: Callable[..., RunRecord]
) -> None:
    path = f"../{text}/ttft.svg"
    made = markdown_summary(make_record(make_result(text)), Path("reports"), pictures=[{"TTFT": path}])
    tokens = [token for block in PARSER.parse(made) for token in (block.children or ())]
    (picture,) = [token for token in tokens if token.type == "image"]
    assert picture.content == "TTFT"
    assert unquote(str(picture.attrs["src"])) == encodable(path)
    assert re.fullmatch(r"[\w./~%-]+", str(picture.attrs["src"]))


@every_text
def test_it_reads_as_it_is_shown_elsewhere(text: str, read_html: ReadHtml) -> None:
    paragraph, code = read_html(PARSER.render(f"a {markdown_code(text)} b"))
    assert (paragraph.name, code.name) == ("p", "code")
    assert code.text == printable(text)


@every_text
def test_a_summary_that_is_cut_has_nothing_new(text: str, summary: Summaries, read_html: ReadHtml) -> None:
    whole = summary(text)
    names = {name for name, _ in shape(summary(HARMLESS), read_html)}
    for room in (300, 1000, len(whole.encode()) - 1):
        cut = limited(whole, room)
        assert len(cut.encode()) <= room
        assert {name for name, _ in shape(cut, read_html)} <= names


@every_text
@pytest.mark.parametrize("before", ["https://ci.example/", "http://ci.example/?a=b&c#"])
def test_a_link_leads_to_one_place(text: str, before: str, read_html: ReadHtml) -> None:
    paragraph, link = read_html(PARSER.render(f"see {markdown_link('artifacts', before + text)}; end"))
    assert (link.name, list(link.attributes), link.text) == ("a", ["href"], "artifacts")
    assert link.attributes["href"].startswith(before)
    assert paragraph.text.strip() == "see artifacts; end"


def test_a_link_stays_as_it_is_where_it_may() -> None:
    url = "https://ci.example/me/a_b/-/jobs/7?a=1&b=%20#artifacts"
    assert markdown_link("artifacts", url) == f"[artifacts]({url})"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//host/x", " https://x", "x"])
def test_what_is_no_address_on_the_web_is_no_link(url: str, read_html: ReadHtml) -> None:
    made = markdown_link("artifacts", url)
    assert made.startswith("artifacts: ")
    assert [tag.name for tag in read_html(PARSER.render(made))] == ["p", "code"]
