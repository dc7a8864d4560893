"""Text from outside (names, error bodies, paths) made safe for the formats that CI systems read."""

from __future__ import annotations

import re
from urllib.parse import quote

from pytest_npuperf.text import printable

__all__ = ["label_value", "markdown_code", "markdown_link", "workflow_data", "workflow_property"]

# Entities, as a backslash does for neither a pipe in a table nor "<" outside of CommonMark. A colon and
# a dot are escaped where they would make a link, an underscore where it could begin or end emphasis.
_MARKDOWN = re.compile(r"[&<>|`*~\\\[$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.")
_IN_A_LINK = "/:?#=&%+,;@~"


def markdown_code(text: str) -> str:
    """The text as inline code in Markdown, also within a table: no part of it is markup, a link or a mention.

    Not between backticks: within them a pipe ends a table's cell, and there is no escape that all
    dialects share.
    """
    return f"<code>{_MARKDOWN.sub(lambda match: f'&#{ord(match[0])};', printable(text))}</code>"


def markdown_link(text: str, url: str) -> str:
    """A link in Markdown to a page on the web; an address of anything else stands beside its text as code.

    Args:
        text: What is to be clicked, never from outside.
        url: Where it leads; characters that could end the link are percent-encoded.
    """
    if not url.startswith(("https://", "http://")):
        return f"{text}: {markdown_code(url)}"
    return f"[{text}]({quote(url, safe=_IN_A_LINK, errors='backslashreplace')})"


def workflow_data(text: str) -> str:
    """The text as the message of a GitHub workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """The text as a property of a GitHub workflow command."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")


def label_value(text: str) -> str:
    """The text as the value of an OpenMetrics label, with its quotation marks."""
    escaped = printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
