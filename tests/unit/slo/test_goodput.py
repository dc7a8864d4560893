from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_npuperf.slo import Evidence, Verdict, judge, parse_budget
from pytest_npuperf.slo.intervals import wilson_interval
from pytest_npuperf.trace import UNKNOWN, Trace

# TTFT 100, 200 and 300 ms; TPOT 10 and 30 ms, and none of the answer of one token; 100 tokens in a prompt.
FAST = {"sent": 0, "chunks": [100, 110], "end": 110, "input_tokens": 100}
SLOW = {"sent": 0, "chunks": [200, 230], "end": 230, "input_tokens": 100}
ONE_TOKEN = {"sent": 0, "chunks": [300], "end": 310, "input_tokens": 100}
FAILED = {"sent": 0, "end": 500, "error": "timeout_total"}
CANCELLED = {"sent": 0, "end": 500, "error": "cancelled"}

Judged = Callable[..., Verdict]


@pytest.fixture
def judged(build_trace: Callable[..., Trace], evidence_of: Callable[..., Evidence]) -> Judged:
    """The verdict of a budget on requests."""

    def judged(expression: str, *requests: dict[str, object]) -> Verdict:
        (verdict,) = judge([parse_budget(expression)], evidence_of(build_trace(*requests)))
        return verdict

    return judged


@pytest.mark.parametrize(
    ("bounds", "share"),
    [
        ("ttft <= 100 ms", 1 / 3),
        ("ttft < 100 ms", 0),
        ("ttft < 250 ms, e2el < 200 ms", 1 / 3),
        ("ttft < 250 ms, e2el < 1 s", 2 / 3),
        ("output_tokens >= 2", 2 / 3),
        ("request_output_token_throughput > 10 token/s", 1 / 3),
        ("ttft_scheduled < 1 s, e2el_scheduled < 1 s, input_tokens == 100", 1),
    ],
)
def test_a_request_is_good_that_meets_all_bounds(judged: Judged, bounds: str, share: float) -> None:
    verdict = judged(f"goodput({bounds}) >= 50 %", FAST, SLOW, ONE_TOKEN)

    assert (verdict.measured, verdict.n) == (pytest.approx(share), 3)
    assert verdict.outcome == ("pass" if share >= 0.5 else "fail")


def test_a_failed_request_is_not_good_and_a_cancelled_one_is_not_asked(judged: Judged) -> None:
    verdict = judged("goodput(ttft < 1 s) >= 60 %", FAST, SLOW, FAILED, CANCELLED)

    assert (verdict.measured, verdict.n) == (pytest.approx(2 / 3), 3)


def test_a_bound_on_tpot_does_not_apply_to_an_answer_of_one_token(judged: Judged) -> None:
    assert judged("goodput(tpot < 20 ms) >= 60 %", FAST, SLOW, ONE_TOKEN).measured == pytest.approx(2 / 3)


@pytest.mark.parametrize("bound", ["tpot < 1 s", "output_tokens < 9", "output_tokens > 0"])
def test_a_value_that_is_unknown_meets_no_bound(judged: Judged, bound: str) -> None:
    unknown = {**SLOW, "output_tokens": UNKNOWN}

    assert judged(f"goodput({bound}) >= 50 %", FAST, unknown).measured == pytest.approx(1 / 2)


def test_a_value_that_no_request_has_is_nothing_to_pass_on(judged: Judged) -> None:
    verdict = judged("goodput(tpot < 1 s) >= 0 %", ONE_TOKEN, ONE_TOKEN)

    assert (verdict.measured, verdict.n, verdict.outcome) == (None, 2, "fail")
    assert verdict.reason == "no request has a tpot"


def test_where_all_failed_none_is_good(judged: Judged) -> None:
    verdict = judged("goodput(ttft < 1 s) >= 1 %", FAILED, FAILED)

    assert (verdict.measured, verdict.outcome) == (0, "fail")


@pytest.mark.parametrize("metric", ["goodput", "goodput_rate"])
@pytest.mark.parametrize("requests", [(), (CANCELLED,)], ids=["none", "cancelled"])
def test_without_a_request_there_is_no_goodput(
    judged: Judged, metric: str, requests: tuple[dict[str, object], ...]
) -> None:
    verdict = judged(f"{metric}(ttft < 1 s) >= 0", *requests)

    assert (verdict.measured, verdict.n, verdict.outcome) == (None, 0, "fail")


def test_the_delay_of_a_request_that_failed_is_not_that_of_another(judged: Judged) -> None:
    requests = (FAILED, {**FAST, "sent": 1.1, "scheduled": 1}, {**SLOW, "sent": 9, "scheduled": 1})

    verdict = judged("goodput(schedule_delay <= 0.1 ms) >= 1 %", *requests)

    assert verdict.measured == pytest.approx(1 / 3)


def test_its_interval_is_wilsons(judged: Judged) -> None:
    verdict = judged("goodput(ttft < 150 ms) >= 85 %", *[FAST] * 90, *[SLOW] * 10)

    assert (verdict.low, verdict.high) == wilson_interval(90, 100)
    assert (verdict.outcome, verdict.close, verdict.needed_n) == ("pass", True, None)


def test_a_rate_counts_good_requests_by_the_benchmark_duration(judged: Judged) -> None:
    verdict = judged("goodput_rate(ttft < 150 ms) >= 100 req/s", *[FAST] * 90, FAILED, *[SLOW] * 9)
    low, high = wilson_interval(90, 100)

    assert verdict.measured == pytest.approx(90 / 0.5)
    assert (verdict.low, verdict.high) == (pytest.approx(low * 200), pytest.approx(high * 200))


def test_a_rate_where_all_failed_is_zero(judged: Judged) -> None:
    verdict = judged("goodput_rate(ttft < 1 s) >= 1 req/s", *[FAILED] * 10)

    assert (verdict.measured, verdict.low) == (0, 0)
    assert verdict.high == pytest.approx(wilson_interval(0, 10)[1] * 10 / 0.5)


def test_where_every_request_is_good_the_rate_is_the_request_throughput(judged: Judged) -> None:
    requests = [FAST, SLOW, ONE_TOKEN]

    rate = judged("goodput_rate(ttft < 1 s) >= 1 req/s", *requests).measured

    assert rate == pytest.approx(judged("request_throughput >= 1 req/s", *requests).measured)
