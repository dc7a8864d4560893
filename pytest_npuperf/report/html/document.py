"""What every page of a report has around its content: head, style sheet, script, and their policy."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources

from pytest_npuperf.report.html.markup import Child, Markup, element

__all__ = ["asset", "document", "switches"]


def document(title: str, *content: Child) -> bytes:
    """A whole page, which needs no other file and no network.

    Args:
        title: Of the browser's tab.
        content: Of the body.
    """
    style = Markup("".join(map(asset, ("colours.css", "chart.css", "document.css"))))
    script = asset("document.js")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", style),
    )
    body = element("body", *content, element("script", script))
    return b"<!DOCTYPE html>\n" + element("html", head, body, lang="en").encode()


def switches(*choices: tuple[str, str, Sequence[str]]) -> Markup:
    """Radio buttons, so that keyboards and style sheets alone can use them; the first value is chosen.

    Args:
        choices: Legend, name and values of each.
    """
    fieldsets = [_switch(legend, name, values) for legend, name, values in choices]
    return element("aside", *fieldsets, class_="switches", aria_label="Display")


def _switch(legend: str, name: str, values: Sequence[str]) -> Markup:
    choices = [
        element(
            "label",
            element(
                "input",
                type="radio",
                name=name,
                value=value,
                id=f"{name}-{value}",
                checked=value == values[0],
            ),
            element("span", value),
        )
        for value in values
    ]
    return element("fieldset", element("legend", legend), *choices)


def asset(name: str) -> Markup:
    """A style sheet or a script of this package, so it goes in as it is."""
    return Markup(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


def _policy(style: str, script: str) -> str:
    """Nothing runs and nothing styles but the page's own, and nothing is fetched."""
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
