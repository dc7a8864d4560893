from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.testing import assert_array_equal

from pytest_npuperf.metrics import request_values
from pytest_npuperf.trace import UNKNOWN, Trace

NAN = np.nan


def test_values_of_an_answer_with_a_decode_phase(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace(
        {"sent": 1000, "chunks": [1200, 1210, 1230], "end": 1240, "input_tokens": 100, "output_tokens": 3}
    )

    values = request_values(trace)

    assert values.ttft == [0.200]
    assert values.e2el == [0.240]
    assert values.decode == [0.040]  # t_end - (t_sent + TTFT), not t_last - t_first
    assert values.tpot == [0.020]  # 40 ms / (3 - 1)
    assert values.input_tokens == [100]
    assert values.output_tokens == [3]
    assert values.output_token_throughput == [12.5]  # 3 / 0.240 s


def test_tpot_divides_by_tokens_not_by_chunks(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace({"sent": 0, "chunks": [100, 150], "end": 180, "output_tokens": 9})

    assert request_values(trace).tpot == [0.010]  # 80 ms / (9 - 1)


def test_one_token_answer_has_no_tpot_but_all_else(build_trace: Callable[..., Trace]) -> None:
    values = request_values(build_trace({"sent": 0, "chunks": [100], "end": 125, "output_tokens": 1}))

    assert_array_equal(values.tpot, [NAN])
    assert values.ttft == [0.100]
    assert values.e2el == [0.125]
    assert values.output_token_throughput == [8]


def test_start_time_counts_from_the_first_request_sent(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace({"sent": 500, "end": 900}, {"sent": 650, "end": 700})

    assert_array_equal(request_values(trace).start_time, [0, 0.150])
    assert_array_equal(request_values(trace.select(np.array([1, 0]))).start_time, [0.150, 0])


def test_schedule_delay_is_from_the_schedule_to_the_sending(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace({"scheduled": 40, "sent": 50, "end": 60}, {"scheduled": 70, "sent": 70, "end": 80})

    assert_array_equal(request_values(trace).schedule_delay, [0.010, 0])


def test_latency_from_schedule_has_the_wait_in_it(build_trace: Callable[..., Trace]) -> None:
    values = request_values(build_trace({"scheduled": 40, "sent": 50, "chunks": [70], "end": 80}))

    assert_array_equal(values.ttft_scheduled, [0.030])
    assert_array_equal(values.e2el_scheduled, [0.040])


def test_failed_request_has_values_as_far_as_it_got(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace(
        {
            "sent": 0,
            "end": 500,
            "error": "timeout_first_chunk",
            "input_tokens": UNKNOWN,
            "output_tokens": UNKNOWN,
        },
        {"sent": 0, "chunks": [100, 110], "end": 500, "error": "truncated", "input_tokens": UNKNOWN},
    )

    values = request_values(trace)

    assert_array_equal(values.ttft, [NAN, 0.100])
    assert_array_equal(values.e2el, [0.500, 0.500])
    assert_array_equal(values.decode, [NAN, 0.400])
    assert_array_equal(values.input_tokens, [NAN, NAN])
    assert_array_equal(values.output_token_throughput, [NAN, 4])


def test_response_that_ends_as_it_begins_has_no_throughput(build_trace: Callable[..., Trace]) -> None:
    assert_array_equal(request_values(build_trace({"sent": 5, "end": 5})).output_token_throughput, [NAN])


def test_nanoseconds_become_the_nearest_seconds(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace({"sent": 0, "chunks": [9], "end": 11})

    values = request_values(trace)

    assert values.ttft == [0.009]
    assert values.e2el == [0.011]


def test_empty_trace_has_no_values(build_trace: Callable[..., Trace]) -> None:
    values = request_values(build_trace())

    assert len(values.start_time) == len(values.ttft) == len(values.tpot) == 0
