from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pytest_npuperf.metrics import Summary, summarize
from pytest_npuperf.report import common_table, performance_table
from pytest_npuperf.report.tables import MORE_COLUMNS, STATISTICS, common_metrics
from pytest_npuperf.slo import StageRun, run_of_stage
from pytest_npuperf.trace import Trace

# The platform specification's example, cell for cell; the figures contradict each other there, too.
# Its table has one slip of the pen, "50 .0551 ms", written here without the space.
SPECIFIED_PERFORMANCE = """\
│ Performance Parameters │ Stage │ Average │ Min │ Max │ Median │ P75 │ P90 │ P99 │ N │
│ E2EL │ total │ 2048.2945 ms │ 1729.7498 ms │ 3450.96 ms │ 2491.8789 ms │ 2750.85 ms │ 3184.9186 ms │ 3424.4354 ms │ 8 │
│ TTFT │ total │ 50.332 ms │ 50.6244 ms │ 52.0585 ms │ 50.3237 ms │ 50.5872 ms │ 50.7566 ms │ 50.0551 ms │ 8 │
│ TPOT │ total │ 10.6965 ms │ 10.061 ms │ 10.8805 ms │ 10.7495 ms │ 10.7818 ms │ 10.808 ms │ 10.8582 ms │ 8 │
│ ITL │ total │ 10.6965 ms │ 7.3583 ms │ 13.7707 ms │ 10.7513 ms │ 10.8009 ms │ 10.8358 ms │ 10.9322 ms │ 8 │
│ InputTokens │ total │ 1512.5 │ 1481.0 │ 1566.0 │ 1511.5 │ 1520.25 │ 1536.6 │ 1563.06 │ 8 │
│ OutputTokens │ total │ 287.375 │ 200.0 │ 407.0 │ 280.0 │ 322.75 │ 374.8 │ 403.78 │ 8 │
│ OutputTokenThroughput │ total │ 115.9216 token/s │ 107.6555 token/s │ 116.5352 token/s │ 117.6448 token/s │ 118.2426 token/s │ 118.3765 token/s │ 118.6388 token/s │ 8 │
""".splitlines()  # noqa: E501
SPECIFIED_COMMON = """\
│ Common Metric │ Stage │ Value │
│ Benchmark Duration │ total │ 19897.8505 ms │
│ Total Requests │ total │ 8 │
│ Failed Requests │ total │ 0 │
│ Success Requests │ total │ 8 │
│ Concurrency │ total │ 0.9972 │
│ Max Concurrency │ total │ 1 │
│ Request Throughput │ total │ 0.4021 req/s │
│ Total Input Tokens │ total │ 12100 │
│ Prefill Token Throughput │ total │ 17014.3123 token/s │
│ Total generated tokens │ total │ 2299 │
│ Input Token Throughput │ total │ 608.7438 token/s │
│ Output Token Throughput │ total │ 115.7835 token/s │
│ Total Token Throughput │ total │ 723.5273 token/s │
""".splitlines()


@dataclass
class _Specified:
    """A sample with the statistics of a row of the specification."""

    figures: list[float]
    n: int = 8

    def statistic(self, name: str) -> float:
        return self.figures[STATISTICS.index(name)]


def _sample(row: str) -> Any:
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    return _Specified([float(cell.split()[0]) * (1e-3 if cell.endswith("ms") else 1) for cell in cells[2:-1]])


@pytest.fixture
def specified() -> Summary:
    """The summary behind the specification's example."""
    e2el, ttft, tpot, itl, input_tokens, output_tokens, rates = map(_sample, SPECIFIED_PERFORMANCE[1:])
    return Summary(
        stage="total",
        e2el=e2el,
        ttft=ttft,
        tpot=tpot,
        itl=itl,
        itl_requests=8,
        itl_per_token=itl,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        request_output_token_throughput=rates,
        ttft_scheduled=ttft,
        e2el_scheduled=e2el,
        schedule_delay=ttft,
        receive_lag=ttft,
        benchmark_duration=19.8978505,
        total_requests=8,
        failed_requests=0,
        success_requests=8,
        cancelled_requests=0,
        concurrency=0.99717,
        max_concurrency=1,
        request_throughput=0.40207,
        total_input_tokens=12100,
        prefill_token_throughput=17014.31234,
        total_output_tokens=2299,
        input_token_throughput=608.74384,
        output_token_throughput=115.78347,
        total_token_throughput=723.52731,
        cached_tokens=None,
        cache_hit_rate=None,
        missed_output_length=None,
        input_length_error=None,
        tokens_estimated=False,
        errors={},
    )


def _rows(table: str) -> list[str]:
    """The lines with cells, runs of spaces as one."""
    return [re.sub(" +", " ", line) for line in table.splitlines() if line.startswith("│")]


def test_performance_table_is_the_specification_s_to_the_letter(specified: Summary) -> None:
    assert _rows(performance_table([specified])) == SPECIFIED_PERFORMANCE


def test_common_table_is_the_specification_s_to_the_letter(specified: Summary) -> None:
    assert _rows(common_table([specified])) == SPECIFIED_COMMON


def test_tables_have_the_double_ruled_grid(specified: Summary) -> None:
    lines = common_table([specified]).splitlines()
    assert lines[0] == "╒══════════════════════════╤═════════╤════════════════════╕"
    assert lines[2] == "╞══════════════════════════╪═════════╪════════════════════╡"
    assert lines[4] == "├──────────────────────────┼─────────┼────────────────────┤"
    assert lines[-1] == "╘══════════════════════════╧═════════╧════════════════════╛"


def test_columns_can_be_chosen(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace(*({"sent": 0, "chunks": [ttft], "end": ttft} for ttft in (10, 20, 30)))
    rows = _rows(
        performance_table([summarize(trace, max_concurrency=None)], ["P99.9", "Average", "Max", "P5"])
    )
    assert rows[0] == "│ Performance Parameters │ Stage │ P99.9 │ Average │ Max │ P5 │ N │"
    assert rows[2] == "│ TTFT │ total │ 29.98 ms │ 20.0 ms │ 30.0 ms │ 11.0 ms │ 3 │"


@pytest.mark.parametrize(("n", "marked"), [(298, ["P99", "P99.9"]), (299, ["P99.9"]), (2995, [])])
def test_percentiles_that_rest_on_too_few_requests_are_marked(
    build_trace: Callable[..., Trace], n: int, marked: list[str]
) -> None:
    trace = build_trace(*([{"sent": 0, "chunks": [10], "end": 10}] * n))
    ttft = dict(zip(["Row", "Stage", *MORE_COLUMNS, "N"], _marked_row(trace, "TTFT"), strict=True))
    assert [column for column, cell in ttft.items() if cell.endswith("*")] == marked
    assert ttft["P99.9"].rstrip("*") == "10.0 ms"


def test_gaps_of_many_requests_support_what_few_requests_do_not(build_trace: Callable[..., Trace]) -> None:
    answer = {"sent": 0, "chunks": list(range(10, 510)), "end": 510}
    few, enough = (_marked_row(build_trace(*([answer] * n)), "ITL") for n in (49, 50))
    assert few[-2:] == ["1.0 ms*", "49"]
    assert enough[-2:] == ["1.0 ms", "50"]


def test_what_has_no_value_has_no_mark(build_trace: Callable[..., Trace]) -> None:
    assert set(_marked_row(build_trace(), "TTFT")[2:-1]) == {"-"}


def _marked_row(trace: Trace, name: str) -> list[str]:
    """The cells of one parameter with all columns and marks."""
    summary = summarize(trace, max_concurrency=None)
    runs: dict[str, StageRun] = {"total": run_of_stage(trace, summary)}
    table = performance_table([summary], MORE_COLUMNS, runs)
    (row,) = [row for row in _rows(table) if row.startswith(f"│ {name} ")]
    return [cell.strip() for cell in row.strip("│").split("│")]


def test_n_of_itl_counts_requests_and_n_of_tpot_those_with_a_decode_phase(two_good_one_failed: Trace) -> None:
    table = performance_table([summarize(two_good_one_failed, max_concurrency=None)])
    assert {row.split()[1]: row.split()[-2] for row in _rows(table)[1:]} == {
        "E2EL": "2",
        "TTFT": "2",
        "TPOT": "1",
        "ITL": "1",
        "InputTokens": "2",
        "OutputTokens": "2",
        "OutputTokenThroughput": "2",
    }


def test_empty_samples_and_figures_are_dashes(build_trace: Callable[..., Trace]) -> None:
    summary = summarize(build_trace(), max_concurrency=None)
    assert _rows(performance_table([summary]))[1] == "│ E2EL │ total │ - │ - │ - │ - │ - │ - │ - │ 0 │"
    common = _rows(common_table([summary]))
    assert "│ Benchmark Duration │ total │ - │" in common
    assert "│ Max Concurrency │ total │ - │" in common
    assert "│ Total Requests │ total │ 0 │" in common


def test_a_second_stage_has_its_row_below_the_first(specified: Summary) -> None:
    table = common_table([specified, replace(specified, stage="steady", total_requests=5)])
    rows = _rows(table)
    at = rows.index("│ Total Requests │ total │ 8 │")
    assert rows[at + 1] == "│ Total Requests │ steady │ 5 │"


def test_common_metrics_are_text_with_a_unit_and_numbers_without(specified: Summary) -> None:
    metrics = common_metrics([replace(specified, max_concurrency=None)])
    assert list(metrics) == [row.split("│")[1].strip() for row in SPECIFIED_COMMON[1:]]
    assert metrics["Benchmark Duration"] == {"total": "19897.8505 ms"}
    assert metrics["Concurrency"] == {"total": 0.9972}
    assert metrics["Total generated tokens"] == {"total": 2299}
    assert metrics["Max Concurrency"] == {"total": None}
