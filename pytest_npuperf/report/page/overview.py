"""How a run came out, in a line and as a list of its cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_npuperf.report.html.markup import Child, Markup, element
from pytest_npuperf.report.html.verdict_marks import Look, badge
from pytest_npuperf.report.states import case_state
from pytest_npuperf.result import RunRecord

__all__ = ["Entry", "contents", "entries_of", "headline"]

_LOOKS: dict[str, Look] = {"passed": "pass", "failed": "fail", "error": "fail"}
_GRAVEST_FIRST = ("failed", "error", "stopped", "skipped", "inconclusive", "no baseline", "passed")
_OF_ONE = {
    "passed": "passed",
    "failed": "failed",
    "error": "ended in an error",
    "stopped": "was stopped",
    "skipped": "was skipped",
    "inconclusive": "is inconclusive",
    "no baseline": "has no baseline",
}
_OF_SOME = {"error": "with an error", "no baseline": "without a baseline"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A case of the run, measured or not."""

    name: str
    state: str
    place: str
    """The id of what the verdict says of it."""
    is_measured: bool = True
    is_client_bound: bool = False
    """Whether its figures are those of a client that was the bottleneck."""

    @property
    def look(self) -> Look:
        """By what became of its test."""
        return _LOOKS.get(self.state, "open")


def entries_of(record: RunRecord) -> list[Entry]:
    """The measured cases in their order, then those that failed before there was anything measured."""
    measured = [
        Entry(
            result.name,
            case_state(result, record),
            f"verdict-{number}",
            is_client_bound=result.health.state == "invalid",
        )
        for number, result in enumerate(record.results, start=1)
    ]
    return measured + [
        Entry(
            nodeid.partition("::")[2] or nodeid,
            record.outcomes.get(nodeid, "failed"),
            f"verdict-{number}",
            is_measured=False,
        )
        for number, nodeid in enumerate(record.unmeasured, start=len(measured) + 1)
    ]


def headline(entries: Sequence[Entry]) -> tuple[str, Look]:
    """The run in one line: ``2 of 3 cases failed``, ``chat passed``."""
    if not entries:
        return "No case was measured", "open"
    text, look = _how_it_came_out(entries)
    if not any(entry.is_measured for entry in entries):
        text += ": nothing was measured"
    bound = sum(entry.is_client_bound for entry in entries if entry.state == "passed")
    if look != "pass" or not bound:
        return text, look
    where = "" if len(entries) == 1 else f"in {bound} of them "
    return f"{text}, but {where}the client was the bottleneck", "open"


def _how_it_came_out(entries: Sequence[Entry]) -> tuple[str, Look]:
    counts = Counter(entry.state for entry in entries)
    first, *others = sorted(counts, key=_rank)
    look = _LOOKS.get(first, "open")
    if len(entries) == 1:
        return f"{entries[0].name} {_OF_ONE.get(first, first)}", look
    if counts[first] == len(entries):
        return f"All {len(entries)} cases {_OF_SOME.get(first, first)}", look
    parts = [f"{counts[first]} of {len(entries)} cases {_OF_SOME.get(first, first)}"]
    parts += [f"{counts[state]} {_OF_SOME.get(state, state)}" for state in others if state != "passed"]
    return ", ".join(parts), look


def contents(entries: Sequence[Entry]) -> Markup | None:
    """A link to each case with its state, the gravest first; None for a run of one case."""
    if len(entries) < 2:
        return None
    gravest_first = sorted(entries, key=lambda entry: _rank(entry.state))
    items = element("ul", *(element("li", *_item(entry)) for entry in gravest_first))
    return element("nav", items, class_="contents", aria_label="Cases")


def _item(entry: Entry) -> Iterator[Child]:
    yield badge(entry.state, entry.look)
    yield element("a", entry.name, href=f"#{entry.place}")
    if entry.is_client_bound:
        yield element("span", "client invalid", class_="chip fail")


def _rank(state: str) -> int:
    return _GRAVEST_FIRST.index(state) if state in _GRAVEST_FIRST else 0
