"""What the commands say of arguments that are wrong, whatever is in them."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from pytest_npuperf.cli import main
from pytest_npuperf.result import CaseResult
from tests.unit.report.hostile import HOSTILE, assert_is_shown_safely

Cases = Callable[..., CaseResult]
Reports = Callable[..., str]

every_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


def as_argument(text: str) -> str:
    """The text as a command may get it: bytes without NUL, most of them UTF-8."""
    errors = "surrogateescape" if "\udcff" in text else "replace"
    return os.fsdecode(text.encode("utf-8", errors).replace(b"\0", b""))


@every_text
@pytest.mark.parametrize(
    "command",
    [
        ("judge", "{}"),
        ("judge", "report", "--case", "{}"),
        ("judge", "report", "--slo", "{}"),
        ("judge", "report", "--baseline", "{}"),
        ("compare", "{}", "report"),
        ("compare", "report", "report", "--between", "{}"),
        ("noise", "3", "--name", "{}", "--", "-k"),
        ("report", "{}"),
        ("report", "report", "--output", "{}/x"),
        ("view", "{}"),
    ],
    ids=" ".join,
)
def test_what_is_wrong_with_an_argument(
    text: str,
    command: tuple[str, ...],
    make_case: Cases,
    save_report: Reports,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save_report("report", make_case())
    argument = as_argument(f"no/{text[:200]}")
    with pytest.raises(SystemExit) as ended:
        main([word.replace("{}", argument) for word in command])
    assert ended.value.code == 2
    assert_is_shown_safely(capsys.readouterr().err)
