from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_npuperf.capacity.settings import Search, Sweep
from pytest_npuperf.case import Case, default_case
from pytest_npuperf.load.plan import (
    Cancel,
    ClosedLoop,
    Constant,
    Gamma,
    OpenLoop,
    Ramp,
    RateStep,
    Replay,
)
from pytest_npuperf.metrics import ClientHealth
from pytest_npuperf.planning import warmup_of
from pytest_npuperf.report.load_text import counted_text, load_text, rates_text, sent_text
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo.precision import parse_precision
from pytest_npuperf.trace import Trace
from pytest_npuperf.workload import parse_dataset

Results = Callable[..., CaseResult]

SYNTHETIC = {"synthetic": {"input_tokens": 256, "output_tokens": 32}}
ANSWERS = "answers of 32 tokens"
CLOSED = "closed loop, concurrency 1 · 8 requests · 1 warmup request"


def settings_of(dataset: Any = SYNTHETIC, **fields: Any) -> dict[str, Any]:
    """As a report has them: what is left of a case in JSON."""
    case = Case(name="chat", dataset=parse_dataset(dataset, base=Path("data")), **fields)
    settings: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(case.described()))
    return settings


def synthetic(length: Any) -> dict[str, Any]:
    return {"synthetic": {"input_tokens": length, "output_tokens": 32}}


@pytest.mark.parametrize(
    ("dataset", "text"),
    [
        ("gsm8k", "GSM8K-shaped prompts aimed at 1500 tokens · answers of at most 512 tokens"),
        (
            {"gsm8k": {"path": "gsm8k", "shots": 8}},
            "GSM8K questions of data/gsm8k behind 8 worked examples · answers of at most 512 tokens",
        ),
        (
            {"gsm8k": {"path": "gsm8k", "shots": 0}},
            "GSM8K questions of data/gsm8k · answers of at most 512 tokens",
        ),
        (
            {"sharegpt": "s.json"},
            "first messages of the conversations of data/s.json · at most 1024 input tokens, 2048 with the "
            "answer · answers of the recorded lengths",
        ),
        (
            {"sharegpt": {"path": "s.json", "turns": 3, "think_time": "10 ms"}},
            "conversations of data/s.json, at most 3 turns · 10 ms between turns · at most 1024 input "
            "tokens, 2048 with the answer · answers of the recorded lengths",
        ),
        (
            {"sharegpt": {"path": "s.json", "turns": "all"}},
            "conversations of data/s.json, all turns · at most 1024 input tokens, 2048 with the answer · "
            "answers of the recorded lengths",
        ),
        ({"jsonl": "q.jsonl"}, "questions of data/q.jsonl · answers of at most 512 tokens"),
        ({"csv": "q.csv"}, "questions of data/q.csv · answers of at most 512 tokens"),
        ({"text": "p.txt"}, "prompts of data/p.txt, one a line · answers of at most 512 tokens"),
        (
            {"text": {"path": "p.txt", "separator": "---"}},
            "prompts of data/p.txt, between lines '---' · answers of at most 512 tokens",
        ),
        (
            {"text": {"path": "p.txt", "separator": ""}},
            "prompts of data/p.txt, between blank lines · answers of at most 512 tokens",
        ),
        (
            {"images": {"count": 2, "width": 64, "height": 48, "output_tokens": 8}},
            "prompts of 32 tokens with 2 images of 64 x 48 (PNG) · answers of 8 tokens",
        ),
        (
            {"multimodal": {"images": {"folder": "pictures"}, "video": {"path": "v.mp4"}}},
            "prompts of 32 tokens with 1 image of data/pictures, the video data/v.mp4 · "
            "answers of 128 tokens",
        ),
        (
            {
                "multimodal": {
                    "video": {"frames": {"count": 8, "width": 32, "height": 24}},
                    "audio": {"seconds": 5},
                    "modalities": ["text", "audio"],
                    "speech": {"voice": "alloy"},
                }
            },
            "prompts of 32 tokens with 8 video frames of 32 x 24 (PNG), 5 s of sound · "
            "answers of 128 tokens · answers as text and audio · speech: voice alloy",
        ),
        (
            {"mooncake": "m.jsonl"},
            "recorded traffic of data/m.jsonl, prompts and answers of the recorded lengths",
        ),
        (
            {
                "conversation": {
                    "turns": {"uniform": {"min": 2, "max": 6}},
                    "input_tokens": 9,
                    "output_tokens": 1,
                }
            },
            "conversations of 2 to 6 turns, messages of 9 tokens · answers of 1 token",
        ),
        (
            {
                "conversation": {
                    "turns": 3,
                    "input_tokens": 100,
                    "output_tokens": 200,
                    "system_tokens": 500,
                    "think_time": {"exponential": "2 s"},
                    "tools": 8,
                }
            },
            "conversations of 3 turns, messages of 100 tokens · answers of 200 tokens · a system prompt of "
            "500 tokens · 2 s between turns on average (exponential) · 8 tools",
        ),
        (SYNTHETIC, f"synthetic prompts of 256 tokens · {ANSWERS}"),
        (
            synthetic({"uniform": {"min": 100, "max": 200}}),
            f"synthetic prompts of 100 to 200 tokens · {ANSWERS}",
        ),
        (
            synthetic({"normal": {"mean": 1024, "stddev": 100, "min": 32}}),
            "synthetic prompts of 1024 tokens on average (normal, standard deviation 100, at least 32) · "
            f"{ANSWERS}",
        ),
        (
            synthetic({"lognormal": {"mean": 1024, "sigma": 0.6, "max": 4096}}),
            f"synthetic prompts of 1024 tokens on average (lognormal, sigma 0.6, 4 to 4096) · {ANSWERS}",
        ),
        (
            synthetic({"zipf": {"alpha": 1.2, "min": 16, "max": 512}}),
            f"synthetic prompts of 16 to 512 tokens (Zipf, alpha 1.2) · {ANSWERS}",
        ),
        (synthetic([32, 48, 200]), f"synthetic prompts of 32, 48 or 200 tokens · {ANSWERS}"),
        (
            synthetic(list(range(10, 110))),
            f"synthetic prompts of 10 to 109 tokens (one of 100 lengths) · {ANSWERS}",
        ),
        (
            {"synthetic": SYNTHETIC["synthetic"] | {"prefix": {"share": 0.5, "pool": 8, "tokens": 128}}},
            f"synthetic prompts of 256 tokens · {ANSWERS} · 50 % begin with one of 8 texts of 128 tokens",
        ),
    ],
)
def test_every_dataset_has_words(make_result: Results, dataset: Any, text: str) -> None:
    assert sent_text(make_result(settings=settings_of(dataset))) == text


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, CLOSED),
        (
            {"load": ClosedLoop(4, think_time=1), "requests": 200},
            "closed loop, concurrency 4, 1 s between an answer and the next request · 200 requests · "
            "4 warmup requests",
        ),
        (
            {"load": OpenLoop(20, Gamma(0.5)), "requests": None, "duration": 15},
            "open loop, 20 requests a second · gamma arrivals (burstiness 0.5) · 15 s · 1 warmup request",
        ),
        (
            {"load": OpenLoop(1, Constant(), concurrency=64), "duration": 0.5, "warmup": 0, "cooldown": 2},
            "open loop, 1 request a second, at most 64 requests at a time · constant arrivals · "
            "at most 8 requests within 500 ms · no warmup · 2 cooldown requests",
        ),
        (
            {"load": OpenLoop((RateStep(5, 10), RateStep(0, 1), RateStep(20, 10))), "requests": None},
            "open loop, requests a second: 5 for 10 s, then 0 for 1 s, then 20 for 10 s · Poisson arrivals · "
            "1 warmup request",
        ),
        (
            {"load": OpenLoop(tuple(RateStep(rate, 2) for rate in range(1, 9))), "requests": None},
            "open loop, 8 steps of 1 to 8 requests a second, 16 s · Poisson arrivals · 1 warmup request",
        ),
        (
            {"load": OpenLoop(Ramp(1, 20, 60)), "requests": None},
            "open loop, 1 to 20 requests a second within 60 s · Poisson arrivals · 1 warmup request",
        ),
        (
            {"load": OpenLoop(Ramp(1, 20, 60, "exponential")), "requests": None},
            "open loop, 1 to 20 requests a second within 60 s, exponential · Poisson arrivals · "
            "1 warmup request",
        ),
        (
            {"load": Replay(2, concurrency=8), "dataset": {"mooncake": "m.jsonl"}, "requests": None},
            "replay of the recorded times, 2 times as fast, at most 8 requests at a time · "
            "to the end of the trace · no warmup",
        ),
        (
            {
                "load": OpenLoop(2),
                "dataset": {"conversation": {"turns": 3, "input_tokens": 9, "output_tokens": 9}},
            },
            "open loop, 2 conversations a second · Poisson arrivals · 8 requests · 1 warmup request",
        ),
        (
            {"cancel": Cancel(0.1, after=2)},
            f"{CLOSED} · 10 % given up by the client after 2 s",
        ),
        (
            {"cancel": Cancel(0.33, after_tokens=3)},
            f"{CLOSED} · 33 % given up by the client after 3 tokens",
        ),
        (
            {"until": (parse_precision("ttft.p99", "5 %"),), "requests": 5000},
            "closed loop, concurrency 1 · at most 5000 requests · until ttft.p99 is known to 5 % · "
            "1 warmup request",
        ),
        (
            {"search": Search("concurrency", ("ttft.p90 < 60 ms",), 1, 16)},  # type: ignore[arg-type]
            "closed loop, concurrency 1 · a step of a search for the largest concurrency that keeps "
            "ttft.p90 < 60 ms, from 1 to 16 · 8 requests · 1 warmup request",
        ),
        (
            {"sweep": Sweep("rate", (10, 20)), "load": OpenLoop(10)},
            "open loop, 10 requests a second · Poisson arrivals · a step of a sweep over rate 10, 20 · "
            "8 requests · 1 warmup request",
        ),
    ],
)
def test_every_load_has_words(fields: dict[str, Any], text: str) -> None:
    assert load_text(settings_of(**fields)) == text


@pytest.mark.parametrize("load", [ClosedLoop(3), OpenLoop(5), Replay()])
def test_the_warmup_is_that_of_the_plan(load: ClosedLoop | OpenLoop | Replay) -> None:
    count = warmup_of(Case(name="chat", dataset=parse_dataset(SYNTHETIC, base=Path()), load=load))
    words = {0: "no warmup", 1: "1 warmup request"}.get(count, f"{count} warmup requests")
    assert load_text(settings_of(load=load)).endswith(f" · {words}")


def test_fields_of_the_requests_and_the_prompts_hash_are_told_but_no_value_of_a_header(
    make_result: Results,
) -> None:
    settings = settings_of(
        extra_body={"temperature": 0.7, "stop": ["a", "b"]}, headers={"authorization": "secret"}, max_tokens=9
    )
    assert sent_text(make_result(settings=settings, prompts_hash="0a1b")) == (
        f"synthetic prompts of 256 tokens · {ANSWERS} · temperature 0.7, stop a, b · headers authorization · "
        "prompts 0a1b"
    )


def test_the_built_in_case_and_the_client_of_a_test_have_words(make_result: Results) -> None:
    settings = msgspec.json.decode(msgspec.json.encode(default_case(None).described()))
    assert sent_text(make_result(settings=settings)).startswith("GSM8K-shaped prompts aimed at 1500 tokens")
    own = {"client": "npuperf_client", "left_out": {"not_streamed": 3, "given_up": 0}}
    assert sent_text(make_result(settings=own)) == (
        "what the test itself sent through npuperf_client · left out of the measurement: 3 not streamed"
    )
    assert load_text(own) == ""


def test_what_nobody_has_words_for_is_shown_by_name_and_value(make_result: Results) -> None:
    settings = {
        "dataset": {"synthetic": {"input_tokens": 5, "colour": "blue"}, "telepathy": {"range": 3}},
        "load": {"concurrency": 2, "mood_swing": 0.25},
        "flux": [1, 2],
        "nothing": None,
    }
    assert sent_text(make_result(settings=settings)) == (
        "synthetic prompts of 5 tokens · colour blue · dataset telepathy · range 3 · flux 1, 2"
    )
    assert load_text(settings) == "closed loop, concurrency 2 · mood swing 0.25 · 2 warmup requests"


def test_older_reports_do_not_name_their_arrivals() -> None:
    load = {"rate": 20.0, "arrival": {"burstiness": 0.5}, "concurrency": None}
    assert load_text({"load": load}) == (
        "open loop, 20 requests a second · gamma arrivals (burstiness 0.5) · 1 warmup request"
    )


def test_text_from_outside_is_safe_to_show(make_result: Results) -> None:
    result = make_result(settings={"dataset": {"jsonl": {"path": "\x1b[31m"}}, "load": {"concurrency": "\r"}})
    assert sent_text(result).isprintable()
    assert load_text(result.settings).isprintable()


def test_lengths_as_counted_stand_beside_those_asked_for(
    make_result: Results, build_trace: Callable[..., Trace]
) -> None:
    trace = build_trace(
        {"sent": 0, "chunks": [5, 6], "end": 9, "asked_input_tokens": 8, "asked_output_tokens": 2},
        {"sent": 0, "chunks": [5], "end": 9, "input_tokens": 11, "asked_input_tokens": 8},
        {"sent": 0, "end": 9, "error": "broken", "asked_input_tokens": 999},
    )
    assert counted_text(make_result(trace=trace)) == (
        "10.5 input tokens (8 asked for), 1.5 output tokens (2 asked for) on average"
    )


def test_where_no_length_was_asked_for_the_counts_stand_alone(make_result: Results) -> None:
    assert counted_text(make_result()) == "10 input tokens, 2 output tokens on average"


def test_without_an_answer_there_are_no_counts(
    make_result: Results, build_trace: Callable[..., Trace]
) -> None:
    assert counted_text(make_result(trace=build_trace({"sent": 0, "end": 5, "error": "connect"}))) == ""


@pytest.mark.parametrize(
    ("load", "text"),
    [
        (
            OpenLoop(20),
            "20 req/s were configured; the schedule drawn from the seed has 20.7; sent were 20.71",
        ),
        (OpenLoop(20.7), "20.7 req/s were configured; sent were 20.71"),
        (OpenLoop(Ramp(1, 40, 9)), "the schedule asked for 20.7 req/s on average; sent were 20.71"),
        (Replay(), "the recorded times asked for 20.7 req/s on average; sent were 20.71"),
    ],
)
def test_the_rate_is_told_as_configured_as_drawn_and_as_sent(
    make_result: Results, healthy: ClientHealth, load: OpenLoop | Replay, text: str
) -> None:
    health = replace(healthy, asked_rate=20.7, achieved_rate=20.71)
    assert rates_text(make_result(settings=settings_of(load=load), health=health)) == text


def test_later_turns_are_not_taken_for_arrivals(
    make_result: Results, healthy: ClientHealth, build_trace: Callable[..., Trace]
) -> None:
    trace = build_trace(*({"sent": turn, "chunks": [5], "end": 9, "turn": turn} for turn in (0, 1)))
    health = replace(healthy, asked_rate=5.5, achieved_rate=5.25)
    result = make_result(trace=trace, settings=settings_of(load=OpenLoop(2)), health=health)
    assert rates_text(result) == (
        "2 conversations a second were configured; with all their turns 5.5 req/s were due; sent were 5.25"
    )


def test_a_closed_loop_has_no_rate(make_result: Results) -> None:
    assert rates_text(make_result()) == ""
