"""HTML that is safe by construction: whatever is not ``Markup`` already is escaped on its way in."""

from __future__ import annotations

import html
from collections.abc import Iterable

from pytest_npuperf.text import printable

__all__ = ["Child", "Markup", "element", "joined"]

_VOID = frozenset(("meta", "input", "br", "circle", "line", "path", "rect"))
"""Elements that have no content: HTML and SVG agree on ``/>`` for them."""


class Markup(str):
    """Text that is HTML. Formatting it or adding to it gives plain text, which is escaped again."""

    __slots__ = ()


Child = str | int | float | None


def element(tag: str, *children: Child, **attributes: str | int | float | bool | None) -> Markup:
    r"""One element of HTML or SVG.

    Text is escaped, and its control characters, bidirectional ones among them, stand as escapes such
    as ``\x1b``. A name ends in an underscore where it is a word of Python; other underscores are
    hyphens. An attribute that is None or False and a child that is None are left out; True is an
    attribute without a value.

    Args:
        tag: The element's name, never from outside.
        children: What it holds.
        attributes: Names are never from outside, values may be.
    """
    written = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _VOID:
        return Markup(f"<{tag}{written}/>")
    return Markup(f"<{tag}{written}>{joined(children)}</{tag}>")


def joined(children: Iterable[Child]) -> Markup:
    """The children one after the other, escaped as in ``element``."""
    return Markup("".join(_escaped(child) for child in children if child is not None))


def _escaped(child: str | int | float) -> str:
    return child if isinstance(child, Markup) else html.escape(printable(str(child)))


def _attribute(name: str, value: str | int | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(printable(str(value)))}"'
