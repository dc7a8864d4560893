"""The command that repeats a case exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from shlex import quote
from typing import Any

from pytest_npuperf.report.text import printable
from pytest_npuperf.result import CaseResult

__all__ = ["repeat_command", "repeat_lines"]

_SAY_WHERE_RESULTS_GO = frozenset(
    ("report_dir", "report_single_file", "abbr", "zip", "debug", "markdown", "openmetrics", "save_baseline")
)
_BUILT_IN = "npuperf::"
"""What the node id of the built-in case begins with: no file, so pytest takes no such argument."""
_USER_INFO = re.compile(r"(?<=://)[^/@]*@")


def repeat_command(settings: Mapping[str, Mapping[str, Any]], nodeid: str) -> str:
    """The shell command that measures one item again, with the same prompts at the same moments.

    It has the options that differ from the ini file and the defaults, and the seed; it has no
    secret: a key given as an option is taken from ``NPUPERF_API_KEY``. To be run in pytest's rootdir.

    Args:
        settings: As ``RunRecord`` has them.
        nodeid: The item's.
    """
    words = ["pytest", *_selection(nodeid), *_options(settings)]
    return " ".join(words)


def repeat_lines(
    results: Sequence[CaseResult], *, settings: Mapping[str, Mapping[str, Any]], server: Mapping[str, Any]
) -> list[str]:
    """How to repeat an item by what it measured: a line that says against what, and the command."""
    known = [f"prompts {result.prompts_hash}" for result in results if result.prompts_hash]
    version = server.get("version") or server.get("server")
    if version:
        known.append(f"server {printable(str(version))}")
    head = f"repeat it ({', '.join(dict.fromkeys(known))}):" if known else "repeat it:"
    return [head, f"  {repeat_command(settings, results[0].nodeid)}"]


def _selection(nodeid: str) -> list[str]:
    if nodeid.startswith(_BUILT_IN):
        return ["-k", _quoted(nodeid.removeprefix(_BUILT_IN))]
    return [_quoted(nodeid)]


def _options(settings: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, setting in settings.items():
        value, source = setting["value"], setting["source"]
        if name in _SAY_WHERE_RESULTS_GO or (source in ("ini", "default") and name != "seed"):
            continue
        option = f"--npuperf-{name.replace('_', '-')}"
        if name == "api_key":
            yield f'{option}="$NPUPERF_API_KEY"'
        elif value is True:
            yield option
        elif name == "ab" and value is not None:
            yield " ".join([option, *(_quoted(_USER_INFO.sub("", place)) for place in value)])
        elif isinstance(value, (list, tuple)):
            yield from (f"{option}={_quoted(str(each))}" for each in value)
        elif value is not None and value is not False:
            yield f"{option}={_quoted(_USER_INFO.sub('', str(value)))}"


def _quoted(text: str) -> str:
    return quote(printable(text))
