"""Several measurements as one: what adds up, and what does not mix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from pytest_npuperf.metrics import (
    ClientHealth,
    Steady,
    Summary,
    concurrency_steps,
    pooled_health,
    pooled_rows,
    pooled_steady,
    pooled_trace,
    pooled_turn_stages,
    request_values,
    steady_stage,
    summarize,
    summarize_steady,
)
from pytest_npuperf.trace import UNKNOWN, Trace

BuildTrace = Callable[..., Trace]


def answer(sent: float, length: float, **more: Any) -> dict[str, Any]:
    chunks = [sent + length / 2, sent + length]
    return {"sent": sent, "chunks": chunks, "end": sent + length, "output_tokens": 10} | more


def closed_loop(build_trace: BuildTrace, rounds: int, *, length: float, begin: float = 0) -> Trace:
    """Two clients, the second of which begins 10 ms after the first."""
    return build_trace(
        *(answer(begin + 10 * c + length * r, length) for r in range(rounds) for c in range(2))
    )


@pytest.fixture
def first(build_trace: BuildTrace) -> Trace:
    return build_trace(
        answer(1000, 100), answer(1020, 200, input_tokens=7), {"sent": 1030, "end": 1050, "error": "connect"}
    )


@pytest.fixture
def second(build_trace: BuildTrace) -> Trace:
    return build_trace(answer(9000, 300, scheduled=8990, lags=[5, 6]), answer(9500, 50, input_tokens=3))


def summary(trace: Trace) -> Summary:
    return summarize(trace, max_concurrency=2)


def test_a_load_begins_where_the_one_before_it_has_ended(first: Trace, second: Trace) -> None:
    pooled = pooled_trace([first, second])
    assert (pooled.t_sent / 1e6).tolist() == [1000, 1020, 1030, 1220, 1720]
    assert (pooled.t_end / 1e6).tolist() == [1100, 1220, 1050, 1520, 1770]
    assert (pooled.chunks(3) / 1e6).tolist() == [1370, 1520]
    assert (pooled.t_scheduled / 1e6).tolist() == [1000, 1020, 1030, 1210, 1720]


def test_a_third_load_follows_the_second(first: Trace, second: Trace) -> None:
    pooled = pooled_trace([first, second, first])
    assert (pooled.t_sent[5:] / 1e6).tolist() == [1770, 1790, 1800]


def test_moments_that_never_came_stay_unknown(first: Trace, second: Trace) -> None:
    pooled = pooled_trace([second, first])
    assert pooled.error[4] == "connect"
    assert (pooled.t_first[4], pooled.t_last[4]) == (UNKNOWN, UNKNOWN)
    assert len(pooled.chunks(4)) == 0


def test_requests_keep_all_their_values(first: Trace, second: Trace) -> None:
    pooled = request_values(pooled_trace([first, second]))
    for field in fields(pooled):
        if field.name != "start_time":
            parts = [getattr(request_values(trace), field.name) for trace in (first, second)]
            np.testing.assert_array_equal(getattr(pooled, field.name), np.concatenate(parts))


def test_every_column_has_the_rows_of_all(first: Trace, second: Trace) -> None:
    pooled = pooled_trace([first, second])
    lengths = {field.name: len(getattr(pooled, field.name)) for field in fields(Trace)}
    of_chunks = {name for name in lengths if name.startswith("chunk_") and name != "chunk_offsets"}
    assert {name: n for name, n in lengths.items() if n != 5} == {
        "chunk_offsets": 6,
        **dict.fromkeys(of_chunks, 8),
    }
    assert pooled.request_id == first.request_id + second.request_id
    assert pooled.chunk_lag.tolist() == [UNKNOWN] * 4 + [5, 6, UNKNOWN, UNKNOWN]
    assert pooled.chunk_offsets.tolist() == [0, 2, 4, 4, 6, 8]


def test_a_row_is_found_again(first: Trace, second: Trace) -> None:
    pooled = pooled_trace([first, second])
    rows = pooled_rows([first, second], [np.array([1]), np.array([0, 1])])
    assert rows.tolist() == [1, 3, 4]
    assert pooled.select(rows).input_tokens.tolist() == [7, 10, 3]


def test_durations_add_up_and_throughputs_are_of_both_loads(first: Trace, second: Trace) -> None:
    pooled = summary(pooled_trace([first, second]))
    assert pooled.benchmark_duration == pytest.approx(0.220 + 0.550)
    assert (pooled.total_requests, pooled.failed_requests) == (5, 1)
    assert pooled.request_throughput == pytest.approx(4 / 0.770)
    assert pooled.output_token_throughput == pytest.approx(40 / 0.770)
    assert pooled.concurrency == pytest.approx((0.1 + 0.2 + 0.02 + 0.3 + 0.05) / 0.770)


def test_never_more_requests_are_in_flight_than_in_one_load(build_trace: BuildTrace) -> None:
    trace = closed_loop(build_trace, 20, length=100)
    pooled = pooled_trace([trace, trace])
    assert concurrency_steps(pooled.t_sent, pooled.t_end)[1].max() == 2


def test_a_load_that_sent_nothing_takes_no_time(first: Trace, build_trace: BuildTrace) -> None:
    for pooled in (pooled_trace([build_trace(), first]), pooled_trace([first, build_trace()])):
        assert pooled.t_sent.tolist() == first.t_sent.tolist()
        assert pooled.chunk_offsets.tolist() == first.chunk_offsets.tolist()
    assert len(pooled_trace([build_trace(), build_trace()])) == 0


def steady_of(trace: Trace) -> tuple[Steady, Summary]:
    found = steady_stage(trace, max_concurrency=2, open_loop=False)
    assert isinstance(found, Steady)
    return found, summarize_steady(trace, found, max_concurrency=2)


def test_the_steady_stages_of_two_loads_are_those_of_their_windows(build_trace: BuildTrace) -> None:
    fast, slow = (
        closed_loop(build_trace, 20, length=100),
        closed_loop(build_trace, 20, length=200, begin=7000),
    )
    (fast_steady, fast_stage), (slow_steady, slow_stage) = steady_of(fast), steady_of(slow)
    trace = pooled_trace([fast, slow])
    rows = pooled_rows([fast, slow], [fast_steady.rows, slow_steady.rows])

    pooled = pooled_steady([fast_stage, slow_stage], trace.select(rows))

    assert fast_stage.request_throughput == pytest.approx(20)
    assert slow_stage.request_throughput == pytest.approx(10)
    windows = 1.990 + 3.990
    assert pooled.stage == "steady"
    assert pooled.benchmark_duration == pytest.approx(windows)
    assert pooled.request_throughput == pytest.approx((20 * 1.990 + 10 * 3.990) / windows)
    assert pooled.output_token_throughput == pytest.approx((200 * 1.990 + 100 * 3.990) / windows)
    assert pooled.concurrency == pytest.approx(2)
    assert pooled.max_concurrency == 2
    assert pooled.e2el.n == pooled.success_requests == len(fast_steady.rows) + len(slow_steady.rows)
    assert sorted(set(pooled.e2el.values.round(3))) == [0.1, 0.2]


def test_a_throughput_that_one_stage_lacks_is_unknown_of_all(build_trace: BuildTrace) -> None:
    trace = closed_loop(build_trace, 20, length=100)
    found, stage = steady_of(trace)
    unknown = replace(stage, input_token_throughput=None)
    pooled = pooled_steady([stage, unknown], trace.select(found.rows))
    assert pooled.input_token_throughput is None
    assert pooled.output_token_throughput == pytest.approx(200)


def test_what_follows_the_last_first_turn_is_no_time_of_the_first_turns(build_trace: BuildTrace) -> None:
    conversation = [answer(0, 100, turn=0), answer(5000, 300, turn=1)]
    traces = [build_trace(*conversation), build_trace(*conversation)]

    firsts, seconds = pooled_turn_stages(traces, max_concurrency=1)

    assert (firsts.stage, seconds.stage) == ("turn 1", "turn 2")
    assert firsts.benchmark_duration == pytest.approx(0.2)
    assert seconds.benchmark_duration == pytest.approx(0.6)
    assert firsts.output_token_throughput == pytest.approx(20 / 0.2)
    assert firsts.total_requests == seconds.total_requests == 2


def test_a_turn_that_only_one_load_came_to_is_a_stage(build_trace: BuildTrace) -> None:
    traces = [
        build_trace(answer(0, 100, turn=0)),
        build_trace(answer(0, 100, turn=0), answer(200, 100, turn=1)),
    ]
    stages = pooled_turn_stages(traces, max_concurrency=1)
    assert [(stage.stage, stage.total_requests) for stage in stages] == [("turn 1", 2), ("turn 2", 1)]


def test_conversations_are_numbered_on_from_those_of_the_load_before(
    build_trace: BuildTrace, first: Trace
) -> None:
    one = build_trace(*(answer(0, 100, turn=0, conversation=number) for number in (2, 3, UNKNOWN, 2)))
    other = build_trace(*(answer(0, 100, turn=0, conversation=number) for number in (5, 0, 5)))

    pooled = pooled_trace([one, first, other, one])

    assert pooled.conversation.tolist() == [2, 3, -1, 2, -1, -1, -1, 9, 4, 9, 10, 11, -1, 10]


def test_conversations_that_were_pooled_before_keep_their_numbers(build_trace: BuildTrace) -> None:
    one = build_trace(*(answer(0, 100, turn=0, conversation=number) for number in (2, 4, 3)))
    pooled = pooled_trace([one, one])
    again = pooled_trace([pooled.select(np.arange(3)), pooled.select(np.arange(3, 6))])
    assert again.conversation.tolist() == pooled.conversation.tolist() == [2, 4, 3, 5, 7, 6]


def test_without_conversations_there_are_no_turns(first: Trace, second: Trace) -> None:
    assert pooled_turn_stages([first, second], max_concurrency=1) == ()


def test_the_client_is_as_fit_as_in_its_worst_measurement(healthy: ClientHealth) -> None:
    late = replace(healthy, state="suspect", reasons=("it was late", "it was busy"), late_share=0.06)
    busy = replace(healthy, state="suspect", reasons=("it was busy",), cpu_share=0.95, late_share=0.01)

    pooled = pooled_health([healthy, late, busy])

    assert (pooled.state, pooled.reasons) == ("suspect", ("it was late", "it was busy"))
    assert (pooled.late_share, pooled.cpu_share) == (0.06, 0.95)
    assert pooled.rate_shortfall is None
    assert pooled_health([late, replace(healthy, state="invalid")]).state == "invalid"


def test_a_share_that_is_known_of_one_measurement_is_reported(healthy: ClientHealth) -> None:
    assert pooled_health([healthy, replace(healthy, run_delay_share=0.02)]).run_delay_share == 0.02


def test_the_rates_are_those_of_the_measurement_that_fell_behind(healthy: ClientHealth) -> None:
    kept = replace(healthy, asked_rate=9.0, achieved_rate=9.0)
    behind = replace(healthy, asked_rate=10.0, achieved_rate=9.5, rate_shortfall=0.05)
    for healths in ([kept, behind], [behind, kept]):
        pooled = pooled_health(healths)
        assert (pooled.asked_rate, pooled.achieved_rate, pooled.rate_shortfall) == (10.0, 9.5, 0.05)


def test_one_measurement_is_itself(first: Trace, healthy: ClientHealth) -> None:
    assert pooled_health([healthy]) == healthy
    pooled = pooled_trace([first])
    for field in fields(Trace):
        np.testing.assert_array_equal(getattr(pooled, field.name), getattr(first, field.name))
