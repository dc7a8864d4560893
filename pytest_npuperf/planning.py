"""From a case to a load plan: what is sent and when, as the load generator needs it."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice, repeat
from typing import Any

from pytest_npuperf.case import Case
from pytest_npuperf.errors import CaseError, DatasetError
from pytest_npuperf.load.arrivals import arrival_offsets, cancelled
from pytest_npuperf.load.plan import Cancel, ClosedLoop, LoadPlan, OpenLoop, PlannedRequest, Replay
from pytest_npuperf.target import Target
from pytest_npuperf.traits import exact_output_fields
from pytest_npuperf.unknown import UNKNOWN
from pytest_npuperf.wire.chat import messages_in, request_body
from pytest_npuperf.workload import Csv, Gsm8k, Jsonl, Prompt, Text, prompts

__all__ = ["check_prompts", "plan_load", "warmup_of"]

_NS_PER_S = 1_000_000_000
_ROWS = (Csv, Gsm8k, Jsonl, Text)
"""Datasets whose prompts follow from their file alone, whatever the server is."""


def plan_load(
    case: Case, target: Target, *, keep_text: bool, request_id_prefix: str
) -> tuple[LoadPlan, Iterator[PlannedRequest]]:
    """The plan of a case and its requests, which are made as they are asked for.

    Warmup comes first, so no prompt of it is sent again; nor is one of another case. The server's
    prefix cache would answer a repeated prompt early.

    Raises:
        CaseError: The load and the dataset do not go together.
        DatasetError: The dataset is missing or malformed.
    """
    seed = _seed(case)
    stream = prompts(case.dataset, seed=seed, max_tokens=case.max_tokens, gauge=target.gauge)
    first = _first(case, stream)
    stream = chain([first], stream)
    warmup = warmup_of(case)
    if case.warmup is None and isinstance(case.load, ClosedLoop) and first.turn is not None:
        begun, stream = _first_conversations(stream, case.load.concurrency)
        warmup = len(begun)
        stream = chain(begun, stream)
    requests = case.requests
    timed: Iterator[tuple[Prompt, int | None]]
    if isinstance(case.load, OpenLoop):
        offsets, measured = _offsets(case, case.load, warmup, seed)
        if first.turn is None:  # else a conversation that arrives brings more requests than one
            requests = measured
        timed = _scheduled(stream, iter(offsets))
    elif isinstance(case.load, Replay):
        timed = _replayed(case, case.load, stream)
    else:
        timed = ((prompt, None) for prompt in stream)
    total = None if requests is None else warmup + requests + case.cooldown
    plan = LoadPlan(
        base_url=target.base_url,
        concurrency=case.load.concurrency,
        think_time=case.load.think_time if isinstance(case.load, ClosedLoop) else 0.0,
        scheduled=not isinstance(case.load, ClosedLoop),
        warmup=warmup,
        requests=requests,
        # an open loop's duration is in its schedule
        duration=case.duration if isinstance(case.load, ClosedLoop) else None,
        cooldown=case.cooldown,
        server_gone=case.abort.server_gone,
        timeouts=case.timeouts,
        tls=target.tls,
        keep_text=keep_text,
        request_id_prefix=request_id_prefix,
        headers=tuple(case.headers.items()),
        conversations=first.turn is not None,
    )
    return plan, _planned(case, target, islice(timed, total), seed)


def check_prompts(case: Case) -> None:
    """Make what a case is going to send, as far as that is known before its server is, and drop it.

    Raises:
        CaseError: The dataset needs a package that is not there.
        DatasetError: Its file is missing or malformed, or holds less than the load is certain to take.
    """
    stream = prompts(case.dataset, seed=_seed(case), max_tokens=case.max_tokens)
    _first(case, stream)
    if isinstance(case.dataset, _ROWS):
        deque(islice(stream, max(0, _least_sent(case) - 1)), maxlen=0)


def _least_sent(case: Case) -> int:
    """How many requests are sent at least: a load may end early by its duration, or once it is precise."""
    varies = case.search is not None or case.sweep is not None
    if case.until:
        return 1
    if isinstance(case.load, OpenLoop) and not varies:
        return len(_offsets(case, case.load, warmup_of(case), _seed(case))[0])
    if case.requests is None or case.duration is not None:
        return 1
    warmup = (case.warmup or 0) if varies else warmup_of(case)
    return warmup + case.requests + case.cooldown


def _first(case: Case, stream: Iterator[Prompt]) -> Prompt:
    first = next(stream, None)
    if first is None:
        raise DatasetError(f"{case.name}: the dataset holds no prompt")
    return first


def _first_conversations(stream: Iterator[Prompt], count: int) -> tuple[list[Prompt], Iterator[Prompt]]:
    """All turns of the first conversations, and the stream after them."""
    begun: list[Prompt] = []
    for prompt in stream:
        count -= prompt.turn == 0
        if count < 0:
            return begun, chain([prompt], stream)
        begun.append(prompt)
    return begun, stream


def _seed(case: Case) -> str:
    # no prompt of a case is one of another case
    return f"{case.seed}/{case.name}"


def warmup_of(case: Case) -> int:
    """How many requests are not measured: by default as many as a closed loop has in flight.

    Fewer would put the start-up burst, when all clients send at once, into the measurement. Of
    conversations it is as many of those, whose turns only ``plan_load`` knows. An open loop has no such
    burst, and the first of a replayed trace is part of it.
    """
    if case.warmup is not None:
        return case.warmup
    if isinstance(case.load, ClosedLoop):
        return case.load.concurrency
    return 1 if isinstance(case.load, OpenLoop) else 0


def _offsets(case: Case, load: OpenLoop, warmup: int, seed: str) -> tuple[array[int], int]:
    """When each request is due: warmup, what is measured, cooldown; and how many are measured."""
    arrivals = arrival_offsets(load, seed=seed)
    offsets = array("q", islice(arrivals, warmup))
    measured = 0
    begin = None
    for offset in arrivals:
        begin = offset if begin is None else begin
        bounded = case.requests is not None and measured >= case.requests
        if bounded or (case.duration is not None and offset >= begin + case.duration * _NS_PER_S):
            offsets.extend(islice(chain([offset], arrivals), case.cooldown))
            break
        offsets.append(offset)
        measured += 1
    return offsets, measured


def _scheduled(stream: Iterator[Prompt], offsets: Iterator[int]) -> Iterator[tuple[Prompt, int | None]]:
    for prompt in stream:
        offset = None if prompt.turn else next(offsets, None)
        if offset is None and not prompt.turn:
            return
        yield prompt, offset


def _replayed(case: Case, load: Replay, stream: Iterator[Prompt]) -> Iterator[tuple[Prompt, int | None]]:
    for prompt in stream:
        if prompt.offset is None:
            if prompt.turn:
                yield prompt, None
                continue
            raise CaseError(
                f"{case.name}: load.replay needs a dataset that says when each request is sent, "
                f"and {type(case.dataset).__name__} does not; use a mooncake trace or give a rate"
            )
        offset = prompt.offset / load.speed
        if case.duration is not None and offset >= case.duration:
            return
        yield prompt, round(offset * _NS_PER_S)


def _planned(
    case: Case, target: Target, timed: Iterator[tuple[Prompt, int | None]], seed: str
) -> Iterator[PlannedRequest]:
    limits = _limits(case.cancel) if case.cancel is not None else {}
    conversations = 0
    given_up = cancelled(case.cancel.share, seed=seed) if case.cancel is not None else repeat(False)
    for (prompt, offset), is_given_up in zip(timed, given_up, strict=False):
        conversations += prompt.turn == 0
        yield PlannedRequest(
            body=request_body(
                prompt.messages,
                model=target.model,
                max_tokens=prompt.max_tokens,
                extra=_extra(case, target, prompt),
            ),
            offset=offset,
            continues=bool(prompt.turn),
            messages=messages_in(prompt.messages),
            think_time=prompt.think_time,
            turn=UNKNOWN if prompt.turn is None else prompt.turn,
            conversation=UNKNOWN if prompt.turn is None else conversations - 1,
            asked_input_tokens=UNKNOWN if prompt.input_tokens is None else prompt.input_tokens,
            asked_output_tokens=prompt.max_tokens if prompt.exact_output else UNKNOWN,
            **(limits if is_given_up else {}),
        )


def _extra(case: Case, target: Target, prompt: Prompt) -> dict[str, Any]:
    exact = exact_output_fields(target.traits, prompt.max_tokens) if prompt.exact_output else {}
    return exact | prompt.extra | case.extra_body


def _limits(cancel: Cancel) -> dict[str, int]:
    return {
        "cancel_after": round((cancel.after or 0) * _NS_PER_S),
        "cancel_after_tokens": cancel.after_tokens or 0,
    }
