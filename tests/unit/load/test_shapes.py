"""When requests go out, and what becomes of them on purpose; against a simulator."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import numpy as np
import pytest

from pytest_npuperf.load.plan import LoadPlan, PlannedRequest
from pytest_npuperf.load.run import LoadRun
from pytest_npuperf.trace import CANCELLED, Trace

Serving = Callable[..., AbstractContextManager[str]]
Simulate = Callable[..., Any]
MakePlan = Callable[..., LoadPlan]
MakeRequest = Callable[..., PlannedRequest]
StartLoad = Callable[..., LoadRun]
WaitFor = Callable[[Callable[[], object]], None]

MS = 1_000_000


def finished(run: LoadRun) -> Trace:
    run.wait(0.01)
    return run.trace()


def numbers(trace: Trace) -> list[int]:
    return sorted(int(request_id.rpartition("-")[2]) for request_id in trace.request_id)


def scheduled(make_request: MakeRequest, n: int, gap_ms: int) -> list[PlannedRequest]:
    return [make_request(f"say {i}", offset=i * gap_ms * MS) for i in range(n)]


def test_requests_of_an_open_loop_go_out_when_they_are_due(
    simulate: Simulate, make_plan: MakePlan, make_request: MakeRequest, start_load: StartLoad
) -> None:
    plan = make_plan(simulate(ttft=0.3).url, requests=20, concurrency=None, scheduled=True)

    trace = finished(start_load(plan, requests=scheduled(make_request, 20, 10)))

    assert np.diff(trace.t_scheduled).tolist() == [10 * MS] * 19
    delay = trace.t_sent - trace.t_scheduled
    assert delay.min() >= 0
    assert np.median(delay) < 10 * MS
    assert trace.t_sent[-1] < trace.t_end[0], "no request waited for another"


def test_a_bound_makes_requests_wait_in_their_order(
    simulate: Simulate, make_plan: MakePlan, make_request: MakeRequest, start_load: StartLoad
) -> None:
    plan = make_plan(simulate(ttft=0.1).url, requests=6, concurrency=2, scheduled=True)

    trace = finished(start_load(plan, requests=scheduled(make_request, 6, 1)))

    assert [int(request_id[-1]) for request_id in trace.request_id] == list(range(6))
    assert np.diff(trace.t_scheduled).tolist() == [MS] * 5
    assert all(trace.t_sent[i] >= trace.t_end[i - 2] for i in range(2, 6))
    assert (trace.t_sent - trace.t_scheduled)[-1] > 150 * MS, "the wait is in the delay"


def test_the_warmup_is_not_drained_before_what_is_measured(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad
) -> None:
    simulator = simulate(ttft=0.02, jitter=0.8, output_tokens=20, itl=0.005)

    trace = finished(start_load(make_plan(simulator.url, warmup=4, requests=8, concurrency=4)))

    assert numbers(trace) == list(range(4, 12))
    warmup_ends = [record.stamps[-1] for record in simulator.records if int(record.request_id[5:]) < 4]
    assert trace.t_sent[0] < max(warmup_ends)


def test_the_warmup_lasts_from_its_first_request_to_the_end_of_its_last(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad
) -> None:
    simulator = simulate(ttft=0.02, jitter=0.8, output_tokens=20, itl=0.005)
    run = start_load(make_plan(simulator.url, warmup=4, requests=8, cooldown=4, concurrency=4))

    trace = finished(run)
    window = run.warmup_window(trace)

    assert window is not None
    since, until = (trace.t_sent[0] + round(bound * 1e9) for bound in window)
    warmup = [record for record in simulator.records if int(record.request_id[5:]) < 4]
    assert window[0] < 0 < window[1]
    assert since <= min(record.t_received for record in warmup)
    assert max(record.stamps[-1] for record in warmup) <= until < trace.t_end.max()


def test_a_warmup_request_that_did_not_end_was_under_way_until_the_load_was_over(
    make_plan: MakePlan, start_load: StartLoad, serving: Serving
) -> None:
    over = threading.Event()

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        if handler.headers["x-request-id"] == "test-1":
            over.wait(30)
        else:
            handler.send_response(500)
            handler.end_headers()

    with serving(answer) as url:
        run = start_load(make_plan(url, warmup=2, requests=4, concurrency=2))
        trace = finished(run)
        over.set()

    window = run.warmup_window(trace)
    assert window is not None
    assert window[0] < 0
    assert window[1] == (trace.t_end.max() - trace.t_sent.min()) / 1e9


def test_without_warmup_or_what_is_measured_there_is_no_warmup_window(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad
) -> None:
    for plan in ({"warmup": 0, "requests": 2, "cooldown": 2}, {"warmup": 2, "requests": 0}):
        run = start_load(make_plan(simulate().url, **plan))
        assert run.warmup_window(finished(run)) is None


def test_a_client_thinks_between_an_answer_and_its_next_request(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad
) -> None:
    trace = finished(start_load(make_plan(simulate().url, requests=4, think_time=0.05)))

    assert np.diff(trace.t_scheduled[1:]).min() > 50 * MS
    assert all(trace.t_sent[i + 1] >= trace.t_end[i] + 50 * MS for i in range(3))
    # due is counted from the end of the response, which comes a moment after its last event
    waited = trace.t_scheduled[1:] - trace.t_end[:-1]
    assert ((waited >= 50 * MS) & (waited < 70 * MS)).all()


def test_a_duration_bounds_what_is_sent_and_not_what_is_waited_for(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad
) -> None:
    plan = make_plan(simulate(ttft=0.02).url, requests=None, duration=0.4, concurrency=2)

    trace = finished(start_load(plan))

    assert 8 <= len(trace) <= 50
    assert trace.succeeded.all()
    assert trace.t_sent[-1] - trace.t_sent[0] < 400 * MS < trace.t_end[-1] - trace.t_sent[0]


def test_the_cooldown_keeps_the_load_up_and_is_given_up_at_the_end(
    simulate: Simulate, make_plan: MakePlan, make_request: MakeRequest, start_load: StartLoad
) -> None:
    simulator = simulate(ttft=0.05, output_tokens=400)
    # client 0 has one long request, client 1 one after the other
    requests = [make_request("long"), make_request("say it")]
    requests += [make_request(f"cool {i}") for i in range(50)]
    plan = make_plan(simulator.url, requests=2, cooldown=50, concurrency=2)

    trace = finished(start_load(plan, requests=requests))

    assert numbers(trace) == [0, 1]
    assert len(simulator.records) >= 3
    assert {record.outcome for record in simulator.records[:2]} == {"complete"}


def test_a_load_that_knows_enough_waits_for_what_is_under_way(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad, wait_for: WaitFor
) -> None:
    run = start_load(make_plan(simulate(ttft=0.05).url, requests=100_000, concurrency=3))
    wait_for(lambda: run.poll() or run.progress().done >= 5)

    run.enough()

    trace = finished(run)
    assert 5 <= len(trace) < 100
    assert trace.succeeded.all()


def test_a_snapshot_is_the_trace_so_far(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad, wait_for: WaitFor
) -> None:
    run = start_load(make_plan(simulate().url, requests=100_000))
    wait_for(lambda: run.poll() or run.progress().done >= 5)
    assert run.snapshot() is None

    for _ in range(2):
        run.ask_for_snapshot()
        wait_for(lambda: run.poll() or run.snapshot() is not None)
        snapshot = run.snapshot()
        assert snapshot is not None
        assert 5 <= len(snapshot) <= run.progress().done

    run.stop()
    assert len(run.trace()) >= len(snapshot)


@pytest.mark.parametrize("limit", [{"cancel_after": 100 * MS}, {"cancel_after_tokens": 5}])
def test_a_request_can_be_given_up_on_purpose(
    limit: dict[str, int],
    simulate: Simulate,
    make_plan: MakePlan,
    make_request: MakeRequest,
    start_load: StartLoad,
    wait_for: WaitFor,
) -> None:
    simulator = simulate(ttft=0.01, itl=0.02, output_tokens=100)
    requests = [make_request("say it", **limit), make_request("say it too")]

    trace = finished(start_load(make_plan(simulator.url, requests=2), requests=requests))

    assert trace.error == (CANCELLED, "")
    assert trace.cancelled.tolist() == [True, False]
    assert 1 <= len(trace.chunks(0)) < 20
    assert trace.t_end[0] - trace.t_sent[0] < 1000 * MS
    wait_for(lambda: simulator.records[0].outcome == "abandoned")


def test_who_cancels_does_not_count_as_failed(
    simulate: Simulate, make_plan: MakePlan, make_request: MakeRequest, start_load: StartLoad
) -> None:
    run = start_load(
        make_plan(simulate(ttft=30.0).url, requests=1), requests=[make_request("say it", cancel_after=MS)]
    )

    finished(run)

    progress = run.progress()
    assert (progress.done, progress.failed, progress.failed_in_a_row) == (1, 0, 0)


@contextmanager
def chatting(serving: Serving, *, fails: int = -1) -> Iterator[tuple[str, list[list[dict[str, str]]]]]:
    """A server that keeps the messages of each request, answers "reply N", and fails the one numbered so."""
    seen: list[list[dict[str, str]]] = []
    guard = threading.Lock()

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        with guard:
            number = len(seen)
            seen.append(json.loads(body)["messages"])
        handler.send_response(500 if number == fails else 200)
        handler.end_headers()
        for delta, finish in (("reply", None), (f' "{number}" é', "stop")):
            choice = {"delta": {"content": delta}, "finish_reason": finish}
            handler.wfile.write(b"data: %b\n\n" % json.dumps({"choices": [choice]}).encode())

    with serving(answer) as url:
        yield url, seen


def turns(make_request: MakeRequest, n: int, **settings: Any) -> list[PlannedRequest]:
    return [make_request(f"turn {i}", turn=i, continues=i > 0, **settings) for i in range(n)]


def test_a_turn_repeats_what_was_said_before_it(
    make_plan: MakePlan, make_request: MakeRequest, start_load: StartLoad, serving: Serving
) -> None:
    with chatting(serving) as (url, seen):
        plan = make_plan(url, requests=3, conversations=True)
        trace = finished(start_load(plan, requests=turns(make_request, 3)))

    assert trace.error == ("",) * 3
    assert trace.turn.tolist() == [0, 1, 2]
    assert seen[2] == [
        {"role": "user", "content": "turn 0"},
        {"role": "assistant", "content": 'reply "0" é'},
        {"role": "user", "content": "turn 1"},
        {"role": "assistant", "content": 'reply "1" é'},
        {"role": "user", "content": "turn 2"},
    ]
    assert seen[:2] == [seen[2][:1], seen[2][:3]]


def test_a_turn_that_failed_is_left_out_of_what_was_said(
    make_plan: MakePlan, make_request: MakeRequest, start_load: StartLoad, serving: Serving
) -> None:
    with chatting(serving, fails=1) as (url, seen):
        plan = make_plan(url, requests=4, conversations=True)
        trace = finished(start_load(plan, requests=turns(make_request, 4)))

    assert trace.error == ("", "http_status", "", "")
    said = [[message["content"] for message in messages] for messages in seen]
    assert said[2] == ["turn 0", 'reply "0" é', "turn 2"]
    assert said[3] == ["turn 0", 'reply "0" é', "turn 2", 'reply "2" é', "turn 3"]


def test_conversations_run_beside_each_other_and_think(
    simulate: Simulate, make_plan: MakePlan, make_request: MakeRequest, start_load: StartLoad
) -> None:
    plan = make_plan(
        simulate(ttft=0.05).url, requests=6, concurrency=2, conversations=True, warmup=0, think_time=0.0
    )
    began = time.monotonic()

    requests = [
        *turns(make_request, 3, think_time=0.1, conversation=0),
        *turns(make_request, 3, think_time=0.1, conversation=1),
    ]
    trace = finished(start_load(plan, requests=requests))

    assert time.monotonic() - began < 20
    assert trace.turn.tolist() in ([0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2][::-1])
    of_conversation = dict(zip(trace.request_id, trace.conversation.tolist(), strict=True))
    assert of_conversation == {f"test-{number}": number // 3 for number in range(6)}
    by_number = dict(zip(trace.request_id, zip(trace.t_scheduled, trace.t_end, strict=True), strict=True))
    for before, after in (("test-0", "test-1"), ("test-4", "test-5")):
        assert 100 * MS <= by_number[after][0] - by_number[before][1] < 150 * MS
    assert trace.input_tokens[-1] > trace.input_tokens[0], "what was said before is in the prompt"


def test_more_headers_are_sent(make_plan: MakePlan, start_load: StartLoad, serving: Serving) -> None:
    seen: list[str | None] = []

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        seen.append(handler.headers["x-tenant"])
        handler.send_response(200)
        handler.end_headers()

    with serving(answer) as url:
        finished(start_load(make_plan(url, requests=1, headers=(("x-tenant", "a"),))))

    assert seen == ["a"]
