from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from pytest_npuperf.metrics import HEALTH_LIMITS, ClientHealth, client_health, reached_limits
from pytest_npuperf.trace import UNKNOWN, ClientUsage, Trace

BuildTrace = Callable[..., Trace]

SECOND = 1_000_000_000
REQUESTS = 200
CHUNKS = 20


def usage(*, wall_time: int = SECOND, cpu_time: int = SECOND // 10, run_delay: int = 0) -> ClientUsage:
    return ClientUsage(wall_time=wall_time, cpu_time=cpu_time, run_delay=run_delay)


@pytest.fixture(scope="session")
def health_of(build_trace: BuildTrace) -> Callable[..., ClientHealth]:
    """Judges a client of 200 requests of 100 ms and 20 chunks in a read each, some of them different."""

    def judge(used: ClientUsage | None = None, *, different: int = 0, **fields: Any) -> ClientHealth:
        plain: dict[str, Any] = {
            "sent": 10,
            "chunks": [60 + 2 * i for i in range(CHUNKS)],
            "end": 110,
            "lags": [1000] * CHUNKS,
        }
        rows = [plain | fields] * different + [plain] * (REQUESTS - different)
        return client_health(build_trace(*rows), used or usage())

    return judge


def test_a_client_that_kept_up_is_ok(health_of: Callable[..., ClientHealth]) -> None:
    health = health_of()

    assert (health.state, health.reasons) == ("ok", ())
    assert (health.crowded_reads, health.crowded_first, health.unstamped_reads) == (0, 0, 0)
    assert (health.late_share, health.run_delay_share, health.cpu_share) == (0, 0, 0.1)


CROWDED = "of the reads held several chunks that a prompt client would have told apart"
FIRST = "of the first chunks shared a read with others that a prompt client would have told apart"
LATE = "of the load's time went by between a request being due and being sent"
UNSTAMPED = "of the reads came without a kernel stamp"


@pytest.mark.parametrize(
    ("different", "fields", "state", "reason"),
    [
        (7, {"crowded_reads": 1}, "ok", ""),
        (8, {"crowded_reads": 1}, "suspect", f"0.2% {CROWDED}"),
        (39, {"crowded_reads": 1}, "suspect", f"1.0% {CROWDED}"),
        (40, {"crowded_reads": 1}, "invalid", f"1.0% {CROWDED}"),
        (1, {"crowded_first": True}, "ok", ""),
        (2, {"crowded_first": True}, "suspect", f"1.0% {FIRST}"),
        (9, {"crowded_first": True}, "suspect", f"4.5% {FIRST}"),
        (10, {"crowded_first": True}, "invalid", f"5.0% {FIRST}"),
        (200, {"scheduled": 9.0}, "ok", ""),  # 1 ms is the machine's
        (200, {"scheduled": 4.0}, "ok", ""),
        (200, {"scheduled": 3.0}, "suspect", f"5.6% {LATE}"),
        (200, {"scheduled": -15.0}, "suspect", f"19.2% {LATE}"),
        (200, {"scheduled": -17.0}, "invalid", f"20.5% {LATE}"),
        (1, {"lags": [UNKNOWN] * CHUNKS}, "ok", ""),
        (2, {"lags": [UNKNOWN] * CHUNKS}, "suspect", f"1.0% {UNSTAMPED}"),
        (200, {"lags": [UNKNOWN] * CHUNKS}, "suspect", f"100.0% {UNSTAMPED}"),
    ],
)
def test_what_the_trace_says_of_the_client_is_bounded(
    health_of: Callable[..., ClientHealth], different: int, fields: dict[str, Any], state: str, reason: str
) -> None:
    health = health_of(different=different, **fields)

    assert (health.state, "; ".join(health.reasons)) == (state, reason)


DELAYED = "of the time the load generator was ready to run but had no processor"
BUSY = "of a processor was used by the load generator"


@pytest.mark.parametrize(
    ("used", "state", "reason"),
    [
        (usage(run_delay=SECOND * 24 // 100), "ok", ""),
        (usage(run_delay=SECOND * 25 // 100), "suspect", f"25.0% {DELAYED}"),
        (usage(run_delay=SECOND * 49 // 100), "suspect", f"49.0% {DELAYED}"),
        (usage(run_delay=SECOND * 50 // 100), "invalid", f"50.0% {DELAYED}"),
        (usage(cpu_time=SECOND * 89 // 100), "ok", ""),
        (usage(cpu_time=SECOND * 90 // 100), "suspect", f"90.0% {BUSY}"),
        (usage(cpu_time=SECOND * 97 // 100), "suspect", f"97.0% {BUSY}"),
        (usage(cpu_time=SECOND * 98 // 100), "invalid", f"98.0% {BUSY}"),
    ],
)
def test_what_the_client_used_is_bounded(
    health_of: Callable[..., ClientHealth], used: ClientUsage, state: str, reason: str
) -> None:
    health = health_of(used)

    assert (health.state, "; ".join(health.reasons)) == (state, reason)


def test_the_worst_figure_decides_and_every_reason_is_given(health_of: Callable[..., ClientHealth]) -> None:
    health = health_of(usage(cpu_time=SECOND * 99 // 100), different=8, crowded_reads=1)

    assert health.state == "invalid"
    assert health.reasons == (f"0.2% {CROWDED}", f"99.0% {BUSY}")


def test_a_few_crowded_reads_of_a_short_load_make_it_no_more_than_suspect(build_trace: BuildTrace) -> None:
    short = build_trace({"sent": 0, "chunks": [1, 2], "end": 3, "crowded_reads": 1, "crowded_first": True})

    health = client_health(short, usage())

    assert (health.state, health.crowded_reads, health.crowded_first) == ("suspect", 0.5, 1)


def test_a_request_that_was_sent_early_does_not_make_up_for_a_late_one(build_trace: BuildTrace) -> None:
    trace = build_trace({"sent": 0, "end": 100, "scheduled": 100}, {"sent": 0, "end": 100, "scheduled": -101})

    assert client_health(trace, usage()).late_share == pytest.approx(100 / 301)


def test_a_load_too_short_for_it_says_nothing_of_the_processor(build_trace: BuildTrace) -> None:
    failed = build_trace({"sent": 0, "end": 0.3, "scheduled": -0.1, "error": "http_status"})

    health = client_health(failed, usage(wall_time=500_000, cpu_time=500_000, run_delay=400_000))

    assert (health.state, health.cpu_share, health.run_delay_share) == ("ok", None, None)


def test_a_system_that_does_not_tell_the_run_delay_leaves_it_unknown(
    health_of: Callable[..., ClientHealth],
) -> None:
    assert health_of(usage(run_delay=UNKNOWN)).run_delay_share is None


def test_of_an_empty_trace_nothing_is_known(build_trace: BuildTrace) -> None:
    health = client_health(build_trace(), usage(wall_time=0, cpu_time=0, run_delay=UNKNOWN))

    assert (health.state, health.reasons) == ("ok", ())
    shares = (health.crowded_reads, health.crowded_first, health.late_share, health.unstamped_reads)
    assert shares == (None,) * 4
    assert (health.run_delay_share, health.cpu_share) == (None, None)


def arrivals(build_trace: BuildTrace, gap: float, *, requests: int = 201, late: float = 0.0) -> Trace:
    """Requests due every ``gap`` ms, each sent later by the share ``late`` of the time since the first."""
    return build_trace(
        *(
            {
                "scheduled": i * gap,
                "sent": i * gap * (1 + late),
                "chunks": [],
                "end": i * gap * (1 + late) + 1e6,
            }
            for i in range(requests)
        )
    )


def test_rates_are_those_of_the_moments_requests_were_due_and_sent(build_trace: BuildTrace) -> None:
    health = client_health(arrivals(build_trace, 10, late=0.01), usage(), scheduled=True)

    assert health.asked_rate == pytest.approx(100)
    assert health.achieved_rate == pytest.approx(100 / 1.01)
    assert health.rate_shortfall == pytest.approx(0.01 / 1.01)
    assert health.state == "ok"


@pytest.mark.parametrize(("late", "state", "share"), [(0.021, "suspect", "2.1%"), (0.12, "invalid", "10.7%")])
def test_a_rate_that_was_not_achieved_is_the_client_s_fault(
    build_trace: BuildTrace, late: float, state: str, share: str
) -> None:
    health = client_health(arrivals(build_trace, 10, late=late), usage(), scheduled=True)

    assert health.state == state
    assert health.reasons == (f"{share} of the arrival rate asked for was not achieved",)


def test_waiting_for_one_of_a_bounded_number_of_clients_is_not_its_fault(build_trace: BuildTrace) -> None:
    trace = arrivals(build_trace, 10, late=1.0)

    health = client_health(trace, usage(), scheduled=True, bounded=True)

    assert (health.state, health.late_share, health.rate_shortfall) == ("ok", None, None)
    assert health.asked_rate == pytest.approx(100)
    assert health.achieved_rate == pytest.approx(50)


def test_arrivals_within_a_second_say_nothing_of_a_rate(build_trace: BuildTrace) -> None:
    trace = arrivals(build_trace, 1, late=0.5, requests=1000)

    assert client_health(trace, usage(), scheduled=True).rate_shortfall is None


def test_a_closed_loop_asks_for_no_rate(build_trace: BuildTrace) -> None:
    health = client_health(arrivals(build_trace, 10), usage())

    assert (health.asked_rate, health.achieved_rate, health.rate_shortfall) == (None, None, None)


@pytest.mark.parametrize("requests", [0, 1])
def test_fewer_than_two_arrivals_have_no_rate(build_trace: BuildTrace, requests: int) -> None:
    health = client_health(arrivals(build_trace, 10, requests=requests), usage(), scheduled=True)

    assert (health.asked_rate, health.achieved_rate, health.rate_shortfall) == (None, None, None)


def test_every_share_of_the_client_has_a_limit() -> None:
    shares = {field.name for field in fields(ClientHealth)}
    assert set(HEALTH_LIMITS) == shares - {"state", "reasons", "asked_rate", "achieved_rate"}


def test_the_shares_that_reached_a_limit_are_known_with_what_they_make_of_the_client(
    build_trace: BuildTrace,
) -> None:
    crowded = {"sent": 0, "chunks": [5, 6], "end": 9, "lags": [1, 1], "crowded_reads": 1}
    busy = usage(cpu_time=SECOND * 99 // 100, run_delay=SECOND * 3 // 10)
    few, many = (build_trace(*[crowded] * count) for count in (9, 10))
    reached = {"run_delay_share": "suspect", "cpu_share": "invalid"}
    assert reached_limits(client_health(few, busy), few) == {"crowded_reads": "suspect"} | reached
    assert reached_limits(client_health(many, busy), many) == {"crowded_reads": "invalid"} | reached


def test_no_share_is_graver_than_the_client(build_trace: BuildTrace) -> None:
    trace = build_trace(*[{"sent": 0, "chunks": [5], "end": 9, "lags": [1], "crowded_reads": 1}] * 9)
    health = client_health(trace, usage())
    pooled = build_trace(*[{"sent": 0, "chunks": [5], "end": 9, "lags": [1], "crowded_reads": 1}] * 18)
    assert reached_limits(health, pooled) == {"crowded_reads": "suspect"}
