from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pytest_npuperf.cli import main
from pytest_npuperf.commands import noise
from pytest_npuperf.result import CaseResult
from pytest_npuperf.trace import Trace

Cases = Callable[..., CaseResult]
Loads = Callable[..., Trace]


class Runs:
    """Stands for the runs of pytest: what they were given; each does ``act`` and ends with the next code."""

    def __init__(self, act: Callable[[int], object], codes: Sequence[int]) -> None:
        self.given: list[list[str]] = []
        self._act = act
        self._codes = list(codes)

    def __call__(self, arguments: Sequence[str]) -> int:
        self.given.append(list(arguments))
        self._act(len(self.given))
        return self._codes.pop(0)


@pytest.fixture
def stand_in(
    make_case: Cases,
    make_load: Loads,
    save_runs: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Runs]:
    """Puts runs in the place of pytest's, with the given exit codes; each saves two cases, ``extra`` once."""

    def put(*codes: int, name: str = "noise", saves: bool = True) -> Runs:
        def save(number: int) -> None:
            if not saves:
                return
            save_runs(name, make_case(trace=make_load(seed=number), started=f"2026-03-{number:02}"))
            if number == 1:
                save_runs(name, make_case(name="extra"))

        runs = Runs(save, codes)
        monkeypatch.setattr(noise, "_pytest", runs)
        return runs

    return put


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says that comes to nothing."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_the_floor_of_each_case_is_shown_and_how_to_name_it(
    stand_in: Callable[..., Runs], capsys: pytest.CaptureFixture[str]
) -> None:
    runs = stand_in(0, 1, 0, name="quiet")

    assert main(["noise", "3", "--name", "quiet", "--", "tests", "-k", "chat"]) == 0
    assert runs.given == [["tests", "-k", "chat", "--npuperf-save-baseline=quiet"]] * 3
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [f"npuperf: run {number} of 3" for number in (1, 2, 3)]
    lines = captured.out.splitlines()
    assert "chat: 3 runs" in lines
    (row,) = [line.split() for line in lines if line.startswith("ttft.avg ")]
    assert float(row[1]) == pytest.approx(200, rel=0.05)
    assert 0 < float(row[3].removesuffix("%")) < 10
    assert ["failure_rate", "0.0", "%", "-"] in [line.split() for line in lines]
    assert "extra: 1 of 3 runs that a noise floor needs" in lines
    assert lines[-1] == "A budget names it so: ttft.p99 <= baseline(quiet) + max(5 %, noise)"


def test_a_run_that_measured_nothing_ends_it(
    stand_in: Callable[..., Runs], capsys: pytest.CaptureFixture[str]
) -> None:
    runs = stand_in(0, 4, 0)

    error = refused(capsys, "noise", "3", "--", "--nonsense")
    assert "run 2 of 3 measured nothing: pytest ended with exit code 4" in error
    assert len(runs.given) == 2


def test_a_run_that_saved_nothing_ends_it(
    stand_in: Callable[..., Runs], capsys: pytest.CaptureFixture[str]
) -> None:
    runs = stand_in(1, 1, 1, saves=False)

    assert "run 1 of 3 saved nothing in the baseline 'noise'" in refused(capsys, "noise", "3")
    assert len(runs.given) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["2"], "2 runs do not show how runs differ by chance: measure 3 at least"),
        (["3", "--name", "a b"], "'a b' is no name for a baseline"),
        (["3", "--name", "./kept/main"], "--name './kept/main' is a path"),
        (["many"], "invalid int value: 'many'"),
    ],
)
def test_wrong_arguments_run_nothing(
    stand_in: Callable[..., Runs], capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    runs = stand_in()

    assert said in refused(capsys, "noise", *arguments)
    assert runs.given == []


@pytest.mark.parametrize("argument", ["below/test_it.py::test_one", "below", "--rootdir=below", "-v"])
def test_the_baseline_is_looked_for_where_pytest_may_have_its_root(here: Path, argument: str) -> None:
    (here / "below").mkdir()
    (here / "below" / "test_it.py").touch()
    folders = noise._folders("noise", [argument])

    below = here / "below" / ".npuperf" / "baselines" / "noise"
    assert folders[0] == here / ".npuperf" / "baselines" / "noise"
    assert (below in folders) is (argument != "-v")
    assert here.parent / ".npuperf" / "baselines" / "noise" in folders
