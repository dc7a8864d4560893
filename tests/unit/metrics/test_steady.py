from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pytest_npuperf.metrics import NoSteady, Steady, steady_stage, summarize, summarize_steady
from pytest_npuperf.trace import Trace

BuildTrace = Callable[..., Trace]


def closed_loop(build_trace: BuildTrace, clients: int, rounds: int, *, length: float = 100) -> Trace:
    """Clients that begin 10 ms after each other and then never pause."""
    return build_trace(*(answer(10 * c + length * r, length) for r in range(rounds) for c in range(clients)))


def open_loop(build_trace: BuildTrace, latencies: list[float], **fields: Any) -> Trace:
    """Requests due every 20 ms."""
    return build_trace(*(answer(20 * i, latency, **fields) for i, latency in enumerate(latencies)))


def answer(sent: float, length: float, **fields: Any) -> dict[str, Any]:
    plain = {"sent": sent, "chunks": [sent + length / 2], "end": sent + length, "output_tokens": 10}
    return plain | fields


def reason(found: Steady | NoSteady) -> str:
    assert isinstance(found, NoSteady)
    return found.reason


def steady(found: Steady | NoSteady) -> Steady:
    assert isinstance(found, Steady), found
    return found


def test_a_closed_loop_is_steady_from_the_first_to_the_last_moment_of_full_concurrency(
    build_trace: BuildTrace,
) -> None:
    trace = closed_loop(build_trace, clients=4, rounds=10)

    found = steady(steady_stage(trace, max_concurrency=4, open_loop=False))

    assert found.window == (0.030, 1.0)  # the last client starts at 30 ms, the first one ends at 1,000 ms
    sent, end = trace.t_sent[found.rows] / 1e6, trace.t_end[found.rows] / 1e6
    assert (sent.min(), end.max()) == (30, 1000)
    assert len(found.rows) == 4 * 10 - 3 - 3


def test_one_client_is_steady_all_the_time(build_trace: BuildTrace) -> None:
    trace = closed_loop(build_trace, clients=1, rounds=12)

    found = steady(steady_stage(trace, max_concurrency=1, open_loop=False))

    assert (found.window, len(found.rows)) == ((0.0, 1.2), 12)


def test_the_window_counts_from_the_first_request_sent(build_trace: BuildTrace) -> None:
    rows = [answer(5000, 100), *(answer(5100 + 50 * i, 100) for i in range(40))]

    found = steady(steady_stage(build_trace(*rows), max_concurrency=2, open_loop=False))

    assert found.window == (0.15, 2.1)


def test_a_load_that_never_reached_its_concurrency_has_no_steady_stage(build_trace: BuildTrace) -> None:
    found = steady_stage(closed_loop(build_trace, clients=3, rounds=10), max_concurrency=4, open_loop=False)

    assert reason(found) == (
        "at most 3 requests were in flight at once, never 4: "
        "too few were sent, or their clients paused in between"
    )


def test_few_requests_make_no_steady_stage(build_trace: BuildTrace) -> None:
    found = steady_stage(closed_loop(build_trace, clients=4, rounds=3), max_concurrency=4, open_loop=False)

    assert reason(found) == (
        "6 successful requests lie within the 0.27 s in which the load was steady, 10 are needed: send more"
    )


def test_failed_requests_are_none_of_those_that_are_needed(build_trace: BuildTrace) -> None:
    rows = [answer(100 * i, 100, error="http_status" if i % 2 else "") for i in range(18)]

    found = steady_stage(build_trace(*rows), max_concurrency=1, open_loop=False)

    assert reason(found).startswith("9 successful requests lie within ")


def test_a_window_too_short_for_the_longest_request_is_none(build_trace: BuildTrace) -> None:
    long = answer(0, 1050)
    trace = build_trace(long, *(answer(10 + 100 * i, 100) for i in range(20)))

    found = steady_stage(trace, max_concurrency=2, open_loop=False)

    assert reason(found) == (
        "the load was steady for 1.04 s, less than 3 times its longest request (1.05 s): send more"
    )


@pytest.mark.parametrize("open_loop", [True, False])
def test_without_a_success_there_is_no_steady_stage(build_trace: BuildTrace, open_loop: bool) -> None:
    trace = build_trace(*(answer(i, 1, error="connect") for i in range(200)))

    assert reason(steady_stage(trace, max_concurrency=1, open_loop=open_loop)) == "no request was successful"


def jitter(n: int) -> list[float]:
    return [float(noise) for noise in np.random.default_rng(5).normal(0, 3, n)]


def test_an_open_loop_is_steady_from_where_its_latency_settled_to_its_last_arrival(
    build_trace: BuildTrace,
) -> None:
    slow_start = [400 - 6 * i for i in range(50)]
    latencies = [base + noise for base, noise in zip(slow_start + [100] * 250, jitter(300), strict=True)]

    found = steady(steady_stage(open_loop(build_trace, latencies), max_concurrency=None, open_loop=True))

    start, end = found.window
    assert 0.8 <= start <= 1.1  # request 50 is due at 1 s
    assert end == pytest.approx(299 * 0.020)
    assert len(found.rows) == pytest.approx(250 - 5, abs=12)  # those under way at the end are left out


def test_an_open_loop_of_conversations_is_steady_until_the_last_one_begins(build_trace: BuildTrace) -> None:
    firsts = [answer(20 * i, 100, turn=0) for i in range(200)]
    seconds = [answer(20 * i + 500, 100, turn=1) for i in range(200)]
    rows = sorted(firsts + seconds, key=lambda row: row["sent"])

    found = steady(steady_stage(build_trace(*rows), max_concurrency=None, open_loop=True))

    assert found.window[1] == pytest.approx(199 * 0.020)


def test_a_queue_that_grows_makes_no_steady_stage(build_trace: BuildTrace) -> None:
    latencies = [100 + i + noise for i, noise in enumerate(jitter(300))]

    found = steady_stage(open_loop(build_trace, latencies), max_concurrency=None, open_loop=True)

    assert reason(found) == (
        "half of the load was not enough for latency to settle: measure longer, or send less"
    )


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        (
            [100, 100, 100, 100, 100, 115, 130],
            "latency grew by 28% of its mean .*: the server did not keep up, or the load was too short .*",
        ),
        (
            [200, 200, 200, 200, 200, 150, 100],
            "latency fell by [0-9]+% of its mean .*: warm up or measure longer",
        ),
    ],
    ids=["grows", "falls"],
)
def test_latency_that_drifts_slowly_is_told(build_trace: BuildTrace, levels: list[int], told: str) -> None:
    drift = np.repeat(levels, 50).tolist()
    latencies = [base + 4 * noise for base, noise in zip(drift, jitter(350), strict=True)]

    found = steady_stage(open_loop(build_trace, latencies), max_concurrency=None, open_loop=True)

    assert re.fullmatch(told, reason(found))


def test_waiting_for_a_slot_counts_as_latency_of_an_open_loop(build_trace: BuildTrace) -> None:
    # due every 10 ms, but only one every 20 ms gets a slot: E2EL itself is always 100 ms
    trace = build_trace(*(answer(20 * i, 100, scheduled=10 * i) for i in range(300)))

    assert isinstance(steady_stage(trace, max_concurrency=5, open_loop=True), NoSteady)
    assert isinstance(steady_stage(trace, max_concurrency=5, open_loop=False), Steady)


def test_too_few_arrivals_do_not_tell(build_trace: BuildTrace) -> None:
    found = steady_stage(open_loop(build_trace, [100.0] * 99), max_concurrency=None, open_loop=True)

    assert reason(found) == (
        "99 successful requests do not tell whether latency has settled, 100 do: send more"
    )


def test_a_bound_that_nobody_knows_is_none_to_be_reached(build_trace: BuildTrace) -> None:
    found = steady_stage(open_loop(build_trace, [100.0] * 20), max_concurrency=None, open_loop=False)

    assert reason(found).startswith("20 successful requests do not tell")


def test_throughput_of_the_steady_stage_is_the_window_s_own(build_trace: BuildTrace) -> None:
    # 4 clients, 100 ms an answer of 10 tokens: 40 req/s and 400 token/s, whatever is cut off at the edges
    trace = closed_loop(build_trace, clients=4, rounds=10)
    found = steady(steady_stage(trace, max_concurrency=4, open_loop=False))

    summary = summarize_steady(trace, found, max_concurrency=4)
    cut = summarize(trace.select(found.rows), max_concurrency=4)

    assert summary.stage == "steady"
    assert summary.benchmark_duration == pytest.approx(0.970)
    assert summary.concurrency == pytest.approx(4)
    assert summary.request_throughput == pytest.approx(40)
    assert summary.output_token_throughput == pytest.approx(400)
    assert summary.input_token_throughput == pytest.approx(400)
    assert summary.total_token_throughput == pytest.approx(800)
    assert cut.output_token_throughput == pytest.approx(340 / 0.970)
    assert (summary.success_requests, summary.ttft.n) == (34, 34)


def test_only_successful_requests_are_throughput_of_the_steady_stage(build_trace: BuildTrace) -> None:
    rows = [answer(100 * i, 100, error="http_status" if i % 2 else "") for i in range(40)]
    trace = build_trace(*rows)

    summary = summarize_steady(
        trace, steady(steady_stage(trace, max_concurrency=1, open_loop=False)), max_concurrency=1
    )

    assert summary.request_throughput == pytest.approx(5)
    assert summary.concurrency == pytest.approx(1)
    assert summary.failed_requests == 20


def test_unknown_input_lengths_leave_the_steady_throughput_unknown(build_trace: BuildTrace) -> None:
    trace = build_trace(*(answer(100 * i, 100, input_tokens=-1 if i == 5 else 10) for i in range(20)))
    found = steady(steady_stage(trace, max_concurrency=1, open_loop=False))

    summary = summarize_steady(trace, found, max_concurrency=1)

    assert (summary.input_token_throughput, summary.total_token_throughput) == (None, None)
    assert summary.output_token_throughput == pytest.approx(100)
