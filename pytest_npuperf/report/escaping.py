"""Text from outside (names, error bodies, paths) made safe for the formats that CI systems read."""

from __future__ import annotations

import re

from pytest_npuperf.report.text import printable

__all__ = ["label_value", "markdown_code", "workflow_data", "workflow_property"]

# Entities, as a backslash does for neither a pipe in a table nor "<" outside of CommonMark. A colon and
# a dot are escaped where they would make a link, an underscore where it could begin or end emphasis.
_MARKDOWN = re.compile(r"[&<>|`*~\\\[$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.")


def markdown_code(text: str) -> str:
    """The text as inline code in Markdown, also within a table: no part of it is markup, a link or a mention.

    Not between backticks: within them a pipe ends a table's cell, and there is no escape that all
    dialects share.
    """
    return f"<code>{_MARKDOWN.sub(lambda match: f'&#{ord(match[0])};', printable(text))}</code>"


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
