"""``report.html``: one page for a whole run, for readers who were not there."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources

from pytest_npuperf.report.page.case_section import case_section
from pytest_npuperf.report.page.markup import Markup, element
from pytest_npuperf.report.page.run_section import repeat_section, run_facts, run_section
from pytest_npuperf.report.page.verdict_marks import badge
from pytest_npuperf.report.page.verdict_section import headline, verdict_section
from pytest_npuperf.result import RunRecord

__all__ = ["page_html"]


def page_html(
    record: RunRecord,
    files: Sequence[Mapping[str, str]],
    *,
    outcomes: Mapping[str, str],
    single_file: bool,
) -> bytes:
    """The page of a run: it needs no other file and no network.

    Args:
        record: The run.
        files: The written files of each result, in their order: what each is -> its path from the page.
        outcomes: Each item's outcome by its node id; one that is not there passed.
        single_file: Whether the page is to be passed on by itself: then it links no file.
    """
    style, script = _asset("page.css"), _asset("page.js")
    text, look = headline(record.results, outcomes)
    title = f"{text}: serving performance of {record.server.get('model') or record.abbr}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", style),
    )
    cases = [
        case_section(number, result, {} if single_file else written)
        for number, (result, written) in enumerate(zip(record.results, files, strict=True), start=1)
    ]
    body = element(
        "body",
        _switches(),
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
                class_="top",
            ),
            verdict_section(record.results, outcomes) if record.results else None,
            *cases,
            repeat_section(record),
            run_section(record),
        ),
        element("script", script),
    )
    return b"<!DOCTYPE html>\n" + element("html", head, body, lang="en").encode()


def _switches() -> Markup:
    """Radio buttons, so that keyboards and style sheets alone can use them."""
    return element(
        "aside",
        _switch("Latency axis", "axis", ("linear", "log"), "linear"),
        _switch("Theme", "theme", ("system", "light", "dark"), "system"),
        class_="switches",
        aria_label="Display",
    )


def _switch(legend: str, name: str, values: Sequence[str], chosen: str) -> Markup:
    choices = [
        element(
            "label",
            element(
                "input", type="radio", name=name, value=value, id=f"{name}-{value}", checked=value == chosen
            ),
            element("span", value),
        )
        for value in values
    ]
    return element("fieldset", element("legend", legend), *choices)


def _asset(name: str) -> Markup:
    """The style sheet or the script: of this package, so it goes in as it is."""
    return Markup(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


def _policy(style: str, script: str) -> str:
    """Nothing runs and nothing styles but the page's own, and nothing is fetched."""
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
