"""The command that repeats a case exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from shlex import quote
from typing import Any

from pytest_npuperf.result import OTHER_SIDE, CaseResult
from pytest_npuperf.text import printable

__all__ = ["known_load", "repeat_command", "repeat_lines", "repeat_run_command"]

_SAY_WHERE_RESULTS_GO = {
    *("report_dir", "report_single_file", "pictures", "abbr", "zip", "debug"),
    *("markdown", "openmetrics", "save_baseline"),
}
_COMMA_SEPARATED = {"stats"}
"""Options that are given once; other lists are given an option for each value."""
_BUILT_IN = "npuperf::"
"""What the node id of the built-in case begins with: no file, so pytest takes no such argument."""


def repeat_command(settings: Mapping[str, Mapping[str, Any]], nodeid: str) -> str:
    """The shell command that measures one item again, with the same prompts at the same moments.

    It has the options that differ from the ini file and the defaults, and the seed; it has no
    secret: a key given as an option is taken from ``NPUPERF_API_KEY``. To be run in pytest's rootdir.

    Args:
        settings: As ``RunRecord`` has them.
        nodeid: The item's.
    """
    return " ".join(["pytest", *_selection([nodeid]), *_options(settings)])


def repeat_run_command(settings: Mapping[str, Mapping[str, Any]], nodeids: Sequence[str]) -> str:
    """The shell command that measures all items of a run again, as ``repeat_command`` does one.

    It writes no file where the run did, but for the report, and adds to no baseline.

    Args:
        settings: As ``RunRecord`` has them.
        nodeids: The items', each once.
    """
    return " ".join(["pytest", *_selection(nodeids), *_options(settings)])


def repeat_lines(
    results: Sequence[CaseResult], *, settings: Mapping[str, Mapping[str, Any]], server: Mapping[str, Any]
) -> list[str]:
    """How to repeat an item by what it measured: a line that says against what, and the command."""
    known = known_load(results, server=server)
    head = f"repeat it ({known}):" if known else "repeat it:"
    return [printable(head), f"  {repeat_command(settings, results[0].nodeid)}"]


def known_load(results: Sequence[CaseResult], *, server: Mapping[str, Any]) -> str:
    """What shows whether a repetition was one: the hashes of the prompts, the server; '' where neither is.

    They are in the order of the results; where an item has several, each has the name of its own.
    """
    several = len({result.name for result in results}) > 1
    known = [
        (f"{result.name}: " if several else "") + f"prompts {result.prompts_hash}"
        for result in _in_order(results)
        if result.prompts_hash
    ]
    version = server.get("version") or server.get("server")
    if version:
        known.append(f"server {version}")
    return ", ".join(dict.fromkeys(known))


def _in_order(results: Sequence[CaseResult]) -> list[CaseResult]:
    """As reports have them, A before its B, whoever asks."""
    names = [_name_of_b(result) for result in results]
    return sorted(results, key=lambda result: (names.index(_name_of_b(result)), not _is_of_a(result)))


def _name_of_b(result: CaseResult) -> str:
    return result.name.removesuffix(OTHER_SIDE) if result.in_pairs else result.name


def _is_of_a(result: CaseResult) -> bool:
    return result.in_pairs and result.name.endswith(OTHER_SIDE)


def _selection(nodeids: Sequence[str]) -> list[str]:
    # the built-in case is there only where no other is
    built_in = [nodeid for nodeid in nodeids if nodeid.startswith(_BUILT_IN)]
    if built_in:
        return ["-k", _quoted(built_in[0].removeprefix(_BUILT_IN))]
    return list(map(_quoted, nodeids))


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
            yield " ".join([option, *(_quoted(place) for place in value)])
        elif name in _COMMA_SEPARATED and value:
            yield f"{option}={_quoted(','.join(map(str, value)))}"
        elif isinstance(value, (list, tuple)):
            yield from (f"{option}={_quoted(str(each))}" for each in value)
        elif value is not None and value is not False:
            yield f"{option}={_quoted(str(value))}"


def _quoted(text: str) -> str:
    return quote(printable(text))
