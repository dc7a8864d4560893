from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_npuperf.metrics import Sample, Summary, summarize, turn_stages
from pytest_npuperf.trace import UNKNOWN, Trace

# TTFT 200, E2EL 240, decode 40, TPOT 40 / 2 = 20, gaps 10 and 20 ms.
ANSWER = {"sent": 0, "chunks": [200, 210, 230], "end": 240, "input_tokens": 100, "output_tokens": 3}
# TTFT 100, E2EL 110, decode 10 ms, no TPOT, no gap; sent 10 ms late.
ONE_TOKEN = {"scheduled": 40, "sent": 50, "chunks": [150], "end": 160, "input_tokens": 50, "output_tokens": 1}
# In flight for 500 ms.
FAILED = {"sent": 100, "chunks": [300, 310], "end": 600, "input_tokens": 70, "error": "timeout_total"}
# TTFT 50, E2EL 90, decode 40, TPOT 40 / 4 = 10, gaps 10, 10 and 10 ms: the fifth token came without text.
MORE_TOKENS = {
    "sent": 260,
    "chunks": [310, 320, 330, 340],
    "end": 350,
    "input_tokens": 150,
    "output_tokens": 5,
}


@pytest.fixture
def summary(build_trace: Callable[..., Trace]) -> Summary:
    return summarize(build_trace(ANSWER, ONE_TOKEN, FAILED, MORE_TOKENS), max_concurrency=4)


def sorted_values(sample: Sample) -> list[float]:
    return sorted(sample.values.tolist())


def test_latencies_cover_the_successful_requests(summary: Summary) -> None:
    assert sorted_values(summary.ttft) == [0.050, 0.100, 0.200]
    assert sorted_values(summary.e2el) == [0.090, 0.110, 0.240]


def test_tpot_covers_the_successful_requests_of_two_tokens_and_more(summary: Summary) -> None:
    assert sorted_values(summary.tpot) == pytest.approx([0.010, 0.020])


def test_itl_pools_the_gaps_between_chunks_and_counts_the_requests_that_gave_any(summary: Summary) -> None:
    assert sorted_values(summary.itl) == [0.010, 0.010, 0.010, 0.010, 0.020]
    assert summary.itl_requests == 2


def test_token_rows_cover_the_successful_requests(summary: Summary) -> None:
    assert sorted_values(summary.input_tokens) == [50, 100, 150]
    assert sorted_values(summary.output_tokens) == [1, 3, 5]
    assert sorted_values(summary.request_output_token_throughput) == pytest.approx(
        [1 / 0.110, 12.5, 5 / 0.090]
    )


def test_failed_requests_are_requests(summary: Summary) -> None:
    assert summary.total_requests == 4
    assert summary.success_requests == 3
    assert summary.failed_requests == 1
    assert summary.failure_rate == 0.25
    assert summary.errors == {"timeout_total": 1}


def test_benchmark_duration_runs_to_the_last_end_failed_requests_included(summary: Summary) -> None:
    assert summary.benchmark_duration == 0.600


def test_benchmark_duration_begins_with_the_first_request_sent_even_if_it_failed(
    build_trace: Callable[..., Trace],
) -> None:
    trace = build_trace(
        {"sent": 10, "end": 20, "error": "connect"}, {"sent": 100, "chunks": [150], "end": 160}
    )

    assert summarize(trace, max_concurrency=1).benchmark_duration == 0.150


def test_concurrency_is_the_time_of_all_requests_over_the_duration(summary: Summary) -> None:
    assert summary.concurrency == pytest.approx((0.240 + 0.110 + 0.500 + 0.090) / 0.600)


def test_max_concurrency_is_the_configured_bound(summary: Summary) -> None:
    assert summary.max_concurrency == 4


def test_request_throughput_counts_successful_requests(summary: Summary) -> None:
    assert summary.request_throughput == pytest.approx(3 / 0.600)


def test_token_totals_cover_the_successful_requests(summary: Summary) -> None:
    assert summary.total_input_tokens == 300
    assert summary.total_output_tokens == 9


def test_token_throughputs_are_totals_over_the_duration(summary: Summary) -> None:
    assert summary.input_token_throughput == pytest.approx(500)
    assert summary.output_token_throughput == pytest.approx(15)
    assert summary.total_token_throughput == pytest.approx(515)


def test_prefill_token_throughput_is_input_over_the_sum_of_ttft(summary: Summary) -> None:
    assert summary.prefill_token_throughput == pytest.approx(300 / 0.350)


def test_schedule_delay_covers_all_requests_sent(summary: Summary) -> None:
    assert sorted_values(summary.schedule_delay) == [0, 0, 0, 0.010]


def test_receive_lag_covers_the_chunks_with_a_kernel_stamp(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace(
        {"sent": 0, "chunks": [10, 20], "end": 30, "lags": [20_000, UNKNOWN]},
        {"sent": 0, "chunks": [10], "end": 30, "lags": [50_000], "error": "truncated"},
    )

    assert sorted_values(summarize(trace, max_concurrency=1).receive_lag) == [20e-6, 50e-6]


def test_receive_lag_without_kernel_stamps_is_unknown_not_0(summary: Summary) -> None:
    assert summary.receive_lag.n == 0


def test_stage_is_total_unless_named(build_trace: Callable[..., Trace]) -> None:
    assert summarize(build_trace(ANSWER), max_concurrency=1).stage == "total"
    assert summarize(build_trace(ANSWER), max_concurrency=1, stage="steady").stage == "steady"


@pytest.mark.parametrize(("estimated", "error", "expected"), [(True, "", True), (True, "truncated", False)])
def test_tokens_are_estimated_where_a_successful_request_estimated_them(
    build_trace: Callable[..., Trace], estimated: bool, error: str, expected: bool
) -> None:
    trace = build_trace(ANSWER, {**ONE_TOKEN, "estimated": estimated, "error": error})

    assert summarize(trace, max_concurrency=1).tokens_estimated is expected


def test_unknown_input_length_leaves_the_row_smaller_and_the_total_unknown(
    build_trace: Callable[..., Trace],
) -> None:
    summary = summarize(build_trace(ANSWER, {**ONE_TOKEN, "input_tokens": UNKNOWN}), max_concurrency=1)

    assert summary.input_tokens.values.tolist() == [100]
    assert summary.total_input_tokens is None
    assert summary.prefill_token_throughput is None
    assert summary.input_token_throughput is None
    assert summary.total_token_throughput is None
    assert summary.total_output_tokens == 4


def test_unknown_input_length_of_a_failed_request_does_not_matter(build_trace: Callable[..., Trace]) -> None:
    summary = summarize(build_trace(ANSWER, {**FAILED, "input_tokens": UNKNOWN}), max_concurrency=1)

    assert summary.total_input_tokens == 100


def test_only_one_token_answers_leave_tpot_and_itl_empty(build_trace: Callable[..., Trace]) -> None:
    summary = summarize(build_trace(ONE_TOKEN), max_concurrency=1)

    assert summary.tpot.n == summary.itl.n == summary.itl_requests == 0
    assert summary.ttft.n == 1


def test_no_success_leaves_the_samples_empty_and_counts_what_was_not_achieved(
    build_trace: Callable[..., Trace],
) -> None:
    summary = summarize(build_trace(FAILED), max_concurrency=1)

    for sample in (summary.e2el, summary.ttft, summary.tpot, summary.itl, summary.output_tokens):
        assert sample.n == 0
        assert sample.avg is None
    assert summary.prefill_token_throughput is None
    assert summary.failure_rate == 1
    assert summary.benchmark_duration == 0.500
    assert summary.concurrency == 1
    assert summary.request_throughput == 0


def test_nothing_sent_leaves_every_figure_none_but_the_counts(build_trace: Callable[..., Trace]) -> None:
    summary = summarize(build_trace(), max_concurrency=None)

    assert summary.total_requests == summary.failed_requests == summary.success_requests == 0
    assert summary.total_input_tokens == summary.total_output_tokens == 0
    assert summary.benchmark_duration is None
    assert summary.concurrency is None
    assert summary.request_throughput is None
    assert summary.output_token_throughput is None
    assert summary.failure_rate is None
    assert summary.ttft.avg is None


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    sent = draw(st.integers(0, 1000))
    gaps = draw(st.lists(st.integers(1, 50), max_size=5))
    chunks = (sent + np.cumsum(gaps)).tolist()
    end = (chunks[-1] if chunks else sent) + draw(st.integers(1, 50))
    failed = draw(st.booleans()) or not chunks
    return {"sent": sent, "chunks": chunks, "end": end, "error": "truncated" if failed else ""}


@given(st.lists(requests(), min_size=1))
def test_figures_of_any_load_agree_with_each_other(
    build_trace: Callable[..., Trace], rows: list[dict[str, Any]]
) -> None:
    summary = summarize(build_trace(*rows), max_concurrency=None)

    assert summary.success_requests + summary.failed_requests == summary.total_requests == len(rows)
    assert sum(summary.errors.values()) == summary.failed_requests
    assert summary.ttft.n == summary.e2el.n == summary.output_tokens.n == summary.success_requests
    assert summary.tpot.n == summary.itl_requests  # a chunk is a token here
    assert summary.concurrency is not None
    assert 0 < summary.concurrency <= len(rows) + 1e-9
    if summary.itl.n:
        assert summary.itl.avg is not None
        assert summary.benchmark_duration is not None
        assert summary.itl.avg * summary.itl.n <= summary.benchmark_duration * summary.concurrency + 1e-9


@given(st.lists(requests(), min_size=1), st.randoms())
def test_summary_does_not_depend_on_the_order_of_rows(
    build_trace: Callable[..., Trace], rows: list[dict[str, Any]], random: Any
) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    trace = build_trace(*rows)

    one, other = (
        summarize(rows, max_concurrency=None)
        for rows in (trace, trace.select(np.array(order, dtype=np.int64)))
    )

    assert one.total_output_tokens == other.total_output_tokens
    assert one.benchmark_duration == other.benchmark_duration
    assert one.concurrency == pytest.approx(other.concurrency)
    assert sorted_values(one.itl) == sorted_values(other.itl)
    assert one.errors == other.errors


def test_latency_from_schedule_covers_the_successful_requests(summary: Summary) -> None:
    assert sorted_values(summary.ttft_scheduled) == [0.050, 0.110, 0.200]
    assert sorted_values(summary.e2el_scheduled) == [0.090, 0.120, 0.240]


def test_a_cancelled_request_is_neither_failed_nor_successful(build_trace: Callable[..., Trace]) -> None:
    cancelled = {**FAILED, "error": "cancelled", "cached_tokens": 70, "asked_output_tokens": 9}

    summary = summarize(build_trace(ANSWER, cancelled, FAILED), max_concurrency=2)

    assert (summary.total_requests, summary.success_requests) == (3, 1)
    assert (summary.failed_requests, summary.cancelled_requests) == (1, 1)
    assert summary.failure_rate == pytest.approx(1 / 3)
    assert summary.errors == {"timeout_total": 1}
    assert summary.concurrency == pytest.approx((0.240 + 2 * 0.500) / 0.600)
    assert (summary.ttft.n, summary.cached_tokens, summary.missed_output_length) == (1, None, None)


def test_an_answer_that_does_not_speak_of_the_cache_beside_one_that_does_had_nothing_cached(
    build_trace: Callable[..., Trace],
) -> None:
    summary = summarize(build_trace({**ANSWER, "cached_tokens": 60}, ONE_TOKEN), max_concurrency=1)

    assert summary.cached_tokens == 60
    assert summary.cache_hit_rate == pytest.approx(60 / 150)


def test_the_cache_of_a_server_that_never_speaks_of_it_is_unknown_not_0(summary: Summary) -> None:
    assert (summary.cached_tokens, summary.cache_hit_rate) == (None, None)


def test_cached_tokens_without_input_tokens_are_no_rate(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace({**ANSWER, "input_tokens": UNKNOWN, "cached_tokens": 60})

    assert summarize(trace, max_concurrency=1).cache_hit_rate is None


def test_missed_output_length_is_the_share_of_the_exact_lengths_asked_for(
    build_trace: Callable[..., Trace],
) -> None:
    asked = {"asked_output_tokens": 3}
    shorter, longer = {**asked, "output_tokens": 2}, {**asked, "output_tokens": 4}
    guessed = {**asked, "output_tokens": 9, "estimated": True}
    rows = (ANSWER | asked, ANSWER | asked, ANSWER | shorter, ANSWER | longer, ANSWER | guessed, ONE_TOKEN)

    assert summarize(build_trace(*rows), max_concurrency=1).missed_output_length == 0.5


def test_input_length_error_is_the_mean_distance_in_shares_of_the_asked_length(
    build_trace: Callable[..., Trace],
) -> None:
    rows = ({**ANSWER, "asked_input_tokens": 80}, {**ANSWER, "asked_input_tokens": 200}, ONE_TOKEN)

    error = summarize(build_trace(*rows), max_concurrency=1).input_length_error

    assert error == pytest.approx((20 / 80 + 100 / 200) / 2)


def test_lengths_that_nobody_asked_for_are_not_missed(summary: Summary) -> None:
    assert (summary.missed_output_length, summary.input_length_error) == (None, None)


def test_each_turn_of_the_conversations_is_a_stage(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace(
        {**ANSWER, "turn": 0}, {**MORE_TOKENS, "turn": 1}, {**ONE_TOKEN, "turn": 0}, {**FAILED, "turn": 2}
    )

    stages = turn_stages(trace, max_concurrency=2)

    assert [stage.stage for stage in stages] == ["turn 1", "turn 2", "turn 3"]
    assert [stage.success_requests for stage in stages] == [2, 1, 0]
    assert sorted_values(stages[0].ttft) == [0.100, 0.200]
    assert stages[1].benchmark_duration == pytest.approx(0.090)
    assert [stage.max_concurrency for stage in stages] == [2, 2, 2]


def test_without_conversations_there_are_no_turns(build_trace: Callable[..., Trace]) -> None:
    assert turn_stages(build_trace(ANSWER), max_concurrency=1) == ()
