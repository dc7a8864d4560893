from __future__ import annotations

from pathlib import Path

import pytest

from pytest_npuperf.adapter.log import hide, tail, tail_text, with_last_line


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "deploy.log"


def test_tail_is_the_last_lines_without_blank_ones(log: Path) -> None:
    log.write_text("".join(f"line {number}\n\n" for number in range(100)))
    assert tail(log) == [f"line {number}" for number in range(60, 100)]


def test_a_huge_log_is_read_from_its_end_only(log: Path) -> None:
    log.write_text("x" * 1_000_000 + "\nthe end\n")
    assert tail(log, 2) == ["x" * (64 * 1024 - 9), "the end"]


def test_a_log_that_is_not_there_is_empty(log: Path) -> None:
    assert tail(log) == []
    assert with_last_line("waiting", log) == "waiting"
    assert tail_text(log) == f"{log} is empty."


def test_a_progress_bar_shows_its_last_state(log: Path) -> None:
    log.write_bytes(b"start\r\n\x1b[32mLoading\x1b[0m:  10 %\rLoading:  20 %")
    assert tail(log) == ["start", "Loading:  20 %"]


def test_bytes_that_are_not_utf8_do_not_stop_the_tail(log: Path) -> None:
    log.write_bytes(b"caf\xe9\n")
    assert tail(log) == ["caf\ufffd"]


def test_the_last_line_is_cut_to_a_width(log: Path) -> None:
    log.write_text("first\n" + "y" * 500 + "\n\n")
    assert with_last_line("waiting: 3 s", log) == f"waiting: 3 s, last log line: {'y' * 120}"


def test_the_tail_as_text_names_the_log(log: Path) -> None:
    log.write_text("a\nb\n")
    assert tail_text(log) == f"The last lines of {log}:\n  a\n  b"


def test_a_secret_is_hidden_wherever_it_stands() -> None:
    assert hide("key=abc, again abc", "abc") == "key=***, again ***"
    assert hide("key=abc", None) == "key=abc"
