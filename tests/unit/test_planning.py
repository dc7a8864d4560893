from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.capacity.settings import Sweep
from pytest_npuperf.case import Case
from pytest_npuperf.errors import CaseError, DatasetError
from pytest_npuperf.load.plan import (
    Cancel,
    ClosedLoop,
    Constant,
    LoadPlan,
    OpenLoop,
    PlannedRequest,
    RateStep,
    Replay,
)
from pytest_npuperf.planning import check_prompts, plan_load
from pytest_npuperf.slo import parse_precision
from pytest_npuperf.target import Target
from pytest_npuperf.traits import ServerTraits
from pytest_npuperf.unknown import UNKNOWN
from pytest_npuperf.workload import (
    Conversation,
    Dataset,
    Gsm8kShaped,
    ImageFolder,
    Jsonl,
    Mooncake,
    Multimodal,
    Synthetic,
)

SECOND = 1_000_000_000
SHORT = Synthetic(input_tokens=20, output_tokens=7)
TRACE = [{"timestamp": 100 * i, "input_length": 20, "output_length": 3, "hash_ids": [i]} for i in range(6)]


def planned(
    limit: int = 100, *, exact: str = "none", **settings: Any
) -> tuple[LoadPlan, list[PlannedRequest]]:
    traits = ServerTraits(exact_output=exact)  # type: ignore[arg-type]
    target = Target(base_url="http://127.0.0.1:1", model="m", traits=traits)
    case = Case(**({"name": "case", "dataset": SHORT, "seed": 1} | settings))
    plan, requests = plan_load(case, target, keep_text=False, request_id_prefix="x")
    return plan, list(islice(requests, limit))


def test_by_default_the_warmup_of_a_closed_loop_is_all_its_clients() -> None:
    plan, requests = planned(load=ClosedLoop(4), requests=10)

    assert (plan.warmup, plan.requests, plan.concurrency, plan.scheduled) == (4, 10, 4, False)
    assert len(requests) == 14
    assert all(request.offset is None for request in requests)


def test_a_closed_loop_of_a_duration_has_requests_without_end() -> None:
    plan, requests = planned(requests=None, duration=5.0, load=ClosedLoop(2, think_time=0.5))

    assert (plan.requests, plan.duration, plan.think_time) == (None, 5.0, 0.5)
    assert len(requests) == 100


def test_an_open_loop_has_an_offset_for_each_request_and_its_cooldown() -> None:
    plan, requests = planned(load=OpenLoop(10, Constant(), 3), requests=5, warmup=2, cooldown=1)

    assert (plan.warmup, plan.requests, plan.cooldown, plan.concurrency) == (2, 5, 1, 3)
    assert plan.scheduled
    assert [request.offset for request in requests] == [i * SECOND // 10 for i in range(8)]


def test_the_duration_of_an_open_loop_counts_from_what_is_measured() -> None:
    plan, requests = planned(load=OpenLoop(10, Constant()), requests=None, duration=1.0, warmup=5, cooldown=2)

    assert (plan.warmup, plan.requests, plan.duration) == (5, 10, None)
    assert len(requests) == 17


def test_an_open_loop_ends_with_its_last_step() -> None:
    load = OpenLoop((RateStep(10, 1.0), RateStep(20, 0.5)), Constant())

    plan, requests = planned(load=load, requests=1000, warmup=0, cooldown=3)

    assert plan.requests == len(requests) == 20


def test_prompts_and_arrivals_follow_from_the_seed_and_the_name() -> None:
    load = OpenLoop(10)

    first, again = (planned(load=load)[1] for _ in range(2))
    other, renamed = planned(load=load, seed=2)[1], planned(load=load, name="other")[1]

    assert first == again
    for different in (other, renamed):
        assert {request.body for request in first}.isdisjoint(request.body for request in different)
        assert [request.offset for request in first] != [request.offset for request in different]


def test_a_share_of_the_requests_is_given_up() -> None:
    _, requests = planned(400, cancel=Cancel(share=0.25, after=1.5), requests=400, warmup=0)

    given_up = [request for request in requests if request.cancel_after]
    assert 60 < len(given_up) < 140
    assert {request.cancel_after for request in given_up} == {3 * SECOND // 2}


@pytest.mark.parametrize(
    ("exact", "fields"),
    [("ignore_eos", {"ignore_eos": True}), ("min_tokens", {"min_tokens": 7}), ("none", {})],
)
def test_an_exact_output_length_is_asked_for_as_the_server_knows_it(
    exact: str, fields: dict[str, Any]
) -> None:
    _, requests = planned(1, exact=exact)

    body = json.loads(requests[0].body)

    assert {key: body[key] for key in ("ignore_eos", "min_tokens") if key in body} == fields
    assert (body["max_tokens"], requests[0].asked_output_tokens) == (7, 7)
    assert requests[0].asked_input_tokens == 20


def test_fields_and_headers_of_the_case_go_with_every_request() -> None:
    plan, requests = planned(1, extra_body={"temperature": 0.7, "top_k": 5}, headers={"x-tenant": "a"})

    body = json.loads(requests[0].body)
    assert (body["temperature"], body["top_k"], body["stream"]) == (0.7, 5, True)
    assert plan.headers == (("x-tenant", "a"),)


@pytest.fixture
def trace_file(tmp_path: Path) -> Path:
    path = tmp_path / "trace.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in TRACE))
    return path


def test_a_replay_sends_at_the_times_of_the_trace(trace_file: Path, parse: Callable[[object], Any]) -> None:
    dataset = parse({"mooncake": str(trace_file)})

    plan, requests = planned(
        dataset=dataset, load=Replay(speed=2.0, concurrency=9), requests=None, duration=0.2
    )

    assert (plan.warmup, plan.requests, plan.concurrency, plan.scheduled) == (0, None, 9, True)
    assert [request.offset for request in requests] == [i * SECOND // 20 for i in range(4)]


def test_a_replay_needs_a_dataset_with_times() -> None:
    with pytest.raises(CaseError, match=r"case: load.replay needs a dataset .* and Synthetic does not"):
        planned(load=Replay(), requests=3)


@pytest.fixture
def parse(tmp_path: Path) -> Callable[[object], Any]:
    from pytest_npuperf.workload import parse_dataset

    return lambda value: parse_dataset(value, base=tmp_path)


def test_turns_of_a_conversation_continue_each_other(parse: Callable[[object], Any]) -> None:
    dataset = parse({"conversation": {"turns": 3, "input_tokens": 20, "output_tokens": 5}})

    plan, requests = planned(6, dataset=dataset, load=OpenLoop(10, Constant()), requests=6, warmup=0)

    assert plan.conversations
    assert [request.turn for request in requests] == [0, 1, 2] * 2
    assert [request.conversation for request in requests] == [0] * 3 + [1] * 3
    assert [request.continues for request in requests] == [False, True, True] * 2
    assert [request.offset for request in requests] == [0, None, None, SECOND // 10, None, None]
    start, end = requests[1].messages
    assert json.loads(b"[" + requests[1].body[start:end] + b"]")[0]["role"] == "user"


def test_a_request_alone_is_no_turn() -> None:
    plan, requests = planned(1)

    assert not plan.conversations
    assert (requests[0].turn, requests[0].conversation) == (UNKNOWN, UNKNOWN)


@pytest.fixture
def ten_rows(tmp_path: Path) -> Jsonl:
    path = tmp_path / "ten.jsonl"
    path.write_text("".join(f'{{"question": "What is {i}?"}}\n' for i in range(10)))
    return Jsonl(path)


def check(dataset: Dataset, **settings: Any) -> None:
    check_prompts(Case(**({"name": "case", "dataset": dataset, "seed": 1} | settings)))


@pytest.mark.parametrize(
    "settings",
    [
        {"requests": 8, "warmup": 1, "cooldown": 1},
        {"requests": 6, "load": ClosedLoop(4)},
        {"requests": 50, "until": (parse_precision("ttft.avg", "5 %"),)},
        {"requests": None, "duration": 60.0},
        {"requests": 50, "duration": 1.0},
        {"requests": 9, "load": OpenLoop(10)},
        {"requests": None, "duration": 1.0, "load": OpenLoop(8, Constant())},
        {"requests": 10, "sweep": Sweep("concurrency", (4, 8))},
    ],
)
def test_a_file_that_may_do_is_not_refused(ten_rows: Jsonl, settings: dict[str, Any]) -> None:
    check(ten_rows, **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"requests": 10},
        {"requests": 7, "load": ClosedLoop(4)},
        {"requests": 9, "warmup": 1, "cooldown": 1},
        {"requests": 10, "load": OpenLoop(10)},
        {"requests": None, "duration": 2.0, "load": OpenLoop(8, Constant())},
        {"requests": 11, "sweep": Sweep("concurrency", (4, 8))},
    ],
)
def test_a_file_that_is_too_short_for_the_load_is_known_beforehand(
    ten_rows: Jsonl, settings: dict[str, Any]
) -> None:
    with pytest.raises(DatasetError, match=r"ten.jsonl gave 10 different prompts and holds no more"):
        check(ten_rows, **settings)


def test_a_row_that_is_malformed_is_known_beforehand_where_it_is_sent(ten_rows: Jsonl) -> None:
    lines = ten_rows.path.read_text().splitlines()
    lines[5] = "{}"
    ten_rows.path.write_text("\n".join(lines))
    check(ten_rows, requests=4, warmup=1)
    with pytest.raises(DatasetError, match=r"ten.jsonl, line 6: question is None"):
        check(ten_rows, requests=5, warmup=1)


def test_a_file_that_is_not_there_is_known_beforehand(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    for dataset in (Jsonl(gone), Mooncake(gone), Multimodal(images=ImageFolder(gone))):
        with pytest.raises(DatasetError, match=r"gone"):
            check(dataset)
    gone.touch()
    with pytest.raises(DatasetError, match=r"case: the dataset holds no prompt"):
        check(Mooncake(gone))


def test_datasets_without_an_end_are_not_made_beforehand() -> None:
    check(Gsm8kShaped(), requests=10**9)
    check(SHORT, requests=10**9)


def test_by_default_the_first_conversation_of_each_client_is_warmup() -> None:
    dataset = Conversation(turns=3, input_tokens=9, output_tokens=2)
    plan, requests = planned(dataset=dataset, load=ClosedLoop(4), requests=6)
    assert (plan.warmup, len(requests)) == (12, 18)
    assert [request.conversation for request in requests] == [number // 3 for number in range(18)]
    assert planned(dataset=dataset, load=ClosedLoop(4), requests=6, warmup=1)[0].warmup == 1
