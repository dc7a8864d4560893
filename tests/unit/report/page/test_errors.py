from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pytest_npuperf.report.page.errors import ERROR_WORDS, errors_table
from pytest_npuperf.result import CaseResult
from pytest_npuperf.trace import Trace
from pytest_npuperf.wire import failures


def test_every_kind_of_failure_has_words() -> None:
    kinds = {getattr(failures, name) for name in failures.__all__}
    assert set(ERROR_WORDS) == kinds - {failures.CANCELLED}


def test_errors_stand_by_kind_with_words_and_the_first_of_each(
    make_result: Callable[..., CaseResult],
    build_trace: Callable[..., Trace],
    read_html: Callable[[str], Any],
) -> None:
    errors = ["", "strange", "http_status", "http_status"]
    trace = build_trace(*({"sent": 0, "chunks": [5], "end": 9, "error": error} for error in errors))
    trace = replace(trace, error_text=("", "after 5 s", "<b>busy</b>", "later"))
    table = errors_table(make_result("chat", trace))
    assert table is not None
    cells = [tag.text for tag in read_html(table) if tag.name in ("th", "td")]
    assert cells[5:] == [
        *("http_status", "HTTP status", "2", "50.0%", "<b>busy</b>"),
        *("strange", "", "1", "25.0%", "after 5 s"),
    ]


def test_without_an_error_there_is_no_table(
    make_result: Callable[..., CaseResult], load_trace: Callable[..., Trace]
) -> None:
    assert errors_table(make_result("chat", load_trace(2))) is None
