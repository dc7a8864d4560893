"""Text from outside in what the commands print."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_npuperf.cli import main
from pytest_npuperf.commands.output import GREEN, warn, write_lines
from pytest_npuperf.commands.view import serving
from pytest_npuperf.errors import NpuperfError
from pytest_npuperf.metrics import ClientHealth
from pytest_npuperf.result import CaseResult
from pytest_npuperf.text import encodable, printable
from pytest_npuperf.trace import Trace
from tests.unit.report.hostile import HOSTILE, assert_is_shown_safely

Cases = Callable[..., CaseResult]
Reports = Callable[..., str]

every_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


@pytest.fixture
def save(
    make_case: Cases, make_load: Callable[..., Trace], save_report: Reports, healthy: ClientHealth
) -> Callable[[str, str], str]:
    """Writes a report that has a text wherever one is read back, and returns its folder."""

    def write(folder: str, text: str) -> str:
        trace = make_load(30)
        result = make_case(
            "ttft.p99 < 1 s",
            name=text,
            nodeid=text,
            settings={"name": text, text: text},
            trace=replace(
                trace,
                error=("",) * 29 + (text,),
                error_text=(text,) * 30,
                model=(text,) * 30,
                finish_reason=(text,) * 30,
            ),
            aborted=text,
            not_measured=text,
            no_steady=text,
            prompts_hash=text,
            health=replace(healthy, state="suspect", reasons=(text,)),
            asked_models=("asked",),
        )
        (verdict,) = result.verdicts
        result.verdicts[0] = replace(verdict, reason=text, mismatches=(text,))
        environment = {"git": {"commit": text}, "machine": {"architecture": text + folder}}
        return save_report(folder, result, environment=environment, server={"model": text + folder})

    return write


@every_text
def test_judge_and_compare(
    text: str, save: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = save("a", text), save("b", text)
    assert main(["judge", a]) == 1
    judged = capsys.readouterr().out
    assert judged.startswith(f"{printable(encodable(text))}\n")
    assert main(["compare", a, b]) == 0
    compared = capsys.readouterr().out
    assert "not like with like" in compared
    for output in (judged, compared):
        assert_is_shown_safely(output)
        assert printable(f"ABORTED: {encodable(text)}") in output


@every_text
def test_report(text: str, save: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]) -> None:
    save("reports/a", text)
    Path("reports", "b").mkdir()
    Path("reports", "b", "summary.json").write_text(encodable(text), encoding="utf-8")
    assert main(["report", "reports"]) == 0
    captured = capsys.readouterr()
    assert "left out" in captured.err
    assert_is_shown_safely(captured.out)
    assert_is_shown_safely(captured.err)


@every_text
def test_view(text: str) -> None:
    with pytest.raises(NpuperfError) as refused:
        serving(Path(text[:200]))
    assert_is_shown_safely(str(refused.value))


@every_text
def test_a_line_is_one_line_in_colour_too(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_lines([text])
    write_lines([text], GREEN)
    warn(text)
    captured = capsys.readouterr()
    plain, coloured, end = captured.out.split("\n")
    assert_is_shown_safely(plain)
    assert (coloured, end) == (f"\x1b[32m{plain}\x1b[0m", "")
    assert captured.err == f"npuperf: {printable(text)}\n"
