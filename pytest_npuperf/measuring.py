"""How a case is measured: once, again where chance may have decided, at several loads, or on two servers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pytest_npuperf.case import Case
from pytest_npuperf.confirming import Confirming
from pytest_npuperf.errors import CaseError
from pytest_npuperf.explorer import Explorer
from pytest_npuperf.load.run import Progress
from pytest_npuperf.pairing import Pairing, Side
from pytest_npuperf.result import CaseResult
from pytest_npuperf.runner import CaseRun, ClientSettings
from pytest_npuperf.target import Target

__all__ = ["Measuring", "check_pairs", "measure", "measure_pairs"]


class Measuring(Protocol):
    """A case while it is measured, however that is done.

    ``poll`` until it returns True, then ``finish``; or ``finish(stopped=True)`` at any time.
    ``close`` in the end, whatever happened.
    """

    def poll(self) -> bool:
        """Take in what has arrived; True once all loads are over.

        Raises:
            LoadError: The load generator died.
            DatasetError: The dataset has come to its end.
        """

    def progress(self) -> Progress:
        """Where the present load stands."""

    def finish(self, *, stopped: bool = False) -> CaseResult:
        """The result of what was measured; a load that still runs is ended where ``stopped``."""

    def close(self) -> None:
        """End the load generator and remove what it left."""


def measure(
    case: Case,
    target: Target,
    *,
    nodeid: str,
    log: Path,
    note: Callable[[str], None],
    client: ClientSettings,
    confirmations: int,
    is_unsettled: Callable[[CaseResult], bool],
) -> Measuring:
    """Start measuring a case.

    Args:
        case: At one load, or with a search or a sweep, which measures as often as it needs.
        target: The server.
        nodeid: Of the item that the case belongs to.
        log: The load generator's.
        note: Takes a line for the log.
        client: How every case of the run is measured.
        confirmations: How often a case at one load is measured again, at most.
        is_unsettled: Whether what has been measured leaves a verdict open, so that it is.

    Raises:
        CaseError: The case's load is not one that its search or sweep can vary.
        Exception: What ``CaseRun`` raises.
    """

    def start(step: Case) -> CaseRun:
        return CaseRun(step, target, nodeid=nodeid, log=log, note=note, client=client)

    if case.search is not None or case.sweep is not None:
        return Explorer(case, start, note)
    if not confirmations:
        return start(case)
    return Confirming(case, start, confirmations=confirmations, is_unsettled=is_unsettled, note=note)


def measure_pairs(
    case: Case,
    target_of: Callable[[Side], Target],
    *,
    nodeid: str,
    log: Path,
    note: Callable[[str], None],
    client: ClientSettings,
) -> Pairing:
    """Start measuring a case on two servers by turns; ``target_of`` brings up one of them.

    The other arguments are those of ``measure``.

    Raises:
        CaseError: The case has a search or a sweep.
        Exception: What ``target_of`` and ``CaseRun`` raise.
    """
    check_pairs(case)

    def start(turn: Case, side: Side) -> CaseRun:
        return CaseRun(turn, target_of(side), nodeid=nodeid, log=log, note=note, client=client)

    return Pairing(case, start, note)


def check_pairs(case: Case) -> None:
    """Whether a case can be measured on two servers by turns.

    Raises:
        CaseError: It has a search or a sweep.
    """
    if case.search is not None or case.sweep is not None:
        raise CaseError(
            f"{case.name}: a search or a sweep cannot be measured by turns: "
            "leave it out, or measure the two servers in two runs without --npuperf-ab"
        )
