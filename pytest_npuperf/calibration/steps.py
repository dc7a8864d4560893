"""The steps of a calibration, and what they say together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pytest_npuperf.calibration.processors import Processors, pick_processors
from pytest_npuperf.calibration.server import Server
from pytest_npuperf.calibration.settings import CalibrationSettings
from pytest_npuperf.calibration.step import Step, run_step

__all__ = ["Calibration", "calibrate", "run_until_full"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """A calibration that is through."""

    settings: CalibrationSettings
    processors: Processors
    steps: tuple[Step, ...]

    @property
    def capacity(self) -> float | None:
        """Highest token/s at which the client was ok and the server in time; None where there is none."""
        return max((step.token_rate for step in self.steps if step.is_clean), default=None)

    @property
    def limit(self) -> str:
        """What kept the capacity from being higher; '' where nothing did until the last step."""
        last = self.steps[-1]
        if last.is_clean:
            return ""
        at = f"at {last.streams} streams"
        if last.server_is_full:
            return f"{at} the simulator is full: it sends its chunks late"
        if last.failures:
            return f"{at} requests failed: {last.failures}"
        return f"{at} the client is {last.health.state}: {'; '.join(last.health.reasons)}"

    @property
    def is_lower_bound(self) -> bool:
        """Whether the client could take more than was asked of it."""
        return self.steps[-1].is_clean or self.steps[-1].server_is_full


def calibrate(settings: CalibrationSettings, *, note: Callable[[str], None]) -> Calibration:
    """Run the client against a simulator until one of them is at its limit; ``note`` hears of each step.

    Raises:
        NpuperfError: The simulator did not start, or the load generator died.
    """
    processors = pick_processors()

    def measured(streams: int) -> Step:
        note(f"{streams} streams, {settings.token_rate(streams):,.0f} token/s")
        return run_step(server, settings, streams, processor=processors.client)

    with Server.run(settings, processors.server) as server:
        return Calibration(settings, processors, tuple(run_until_full(settings.streams, measured)))


def run_until_full(streams: Iterable[int], measured: Callable[[int], Step]) -> list[Step]:
    """The steps up to the first that is not clean.

    Such a step is measured a second time, and what counts is that: other work of the machine may
    have spoilt the first.
    """
    steps: list[Step] = []
    for number in streams:
        step = measured(number)
        if not step.is_clean:
            step = measured(number)
        steps.append(step)
        if not step.is_clean:
            break
    return steps
