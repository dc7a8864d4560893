"""What a case sent and when, in words, from the settings that it was run with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pytest_npuperf.report.dataset_text import dataset_text, has_conversations
from pytest_npuperf.report.phrases import counted, duration, others, plain, share
from pytest_npuperf.result import CaseResult
from pytest_npuperf.text import printable
from pytest_npuperf.trace import UNKNOWN, Ints

__all__ = ["counted_text", "load_text", "rates_text", "sent_text"]

_SAID_ELSEWHERE = {
    *("name", "dataset", "load", "requests", "duration", "max_tokens", "warmup", "cooldown", "extra_body"),
    *("headers", "cancel", "until", "search", "sweep"),
    # what judges it, what ends it when it goes wrong, and what only the prompts show
    *("slo", "steady", "abort", "timeouts", "seed"),
}
_MOST_STEPS = 6
_AS_ASKED = 0.0005
"""A rate that differs by less is shown as the same number."""


def sent_text(result: CaseResult) -> str:
    """What the requests of a case held: its dataset, further fields, and the hash of all that was sent."""
    settings = result.settings
    if "client" in settings:
        return printable(" · ".join(_by_the_test(settings)))
    body, headers = _mapping(settings.get("extra_body")), _mapping(settings.get("headers"))
    parts = [
        *dataset_text(_mapping(settings.get("dataset")), max_tokens=settings.get("max_tokens")),
        *([", ".join(f"{name} {plain(value)}" for name, value in body.items())] if body else ()),
        # values of headers may be secrets
        *([f"headers {', '.join(headers)}"] if headers else ()),
        *others(settings, without=_SAID_ELSEWHERE),
        *([f"prompts {result.prompts_hash}"] if result.prompts_hash else ()),
    ]
    return printable(" · ".join(parts))


def load_text(settings: Mapping[str, Any]) -> str:
    """When the requests of a case went out, and how many: '' where its settings do not say.

    Args:
        settings: As ``CaseResult`` has them.
    """
    load = _mapping(settings.get("load"))
    what = "conversation" if has_conversations(_mapping(settings.get("dataset"))) else "request"
    parts = [
        *(_shape(load, what) if load else ()),
        *_steps(_mapping(settings.get("search")), _mapping(settings.get("sweep"))),
        *_amount(settings, load),
        *_around(settings, load),
    ]
    return printable(" · ".join(parts))


def counted_text(result: CaseResult) -> str:
    """How long prompts and answers were on average, beside what was asked for; '' where nobody counted."""
    trace = result.trace
    asked = {"input": trace.asked_input_tokens, "output": trace.asked_output_tokens}
    measured = {"input": result.input_tokens.avg, "output": result.output_tokens.avg}
    parts = []
    for side, average in measured.items():
        if average is not None:
            of_these = _average(asked[side][trace.succeeded])
            wanted = "" if of_these is None else f" ({plain(round(of_these, 1))} asked for)"
            parts.append(f"{plain(round(average, 1))} {side} tokens{wanted}")
    return ", ".join(parts) + " on average" if parts else ""


def rates_text(result: CaseResult) -> str:
    """The arrival rate as it was configured, as it was scheduled and as it was sent; '' in a closed loop."""
    due, sent = result.health.asked_rate, result.health.achieved_rate
    if due is None or sent is None:
        return ""
    load = _mapping(result.settings.get("load"))
    rate = load.get("rate")
    sent_rate = f"sent were {_rate(sent)}"
    if (result.trace.turn > 0).any():
        begins = (
            f"{plain(rate)} conversations a second were configured; "
            if isinstance(rate, (int, float))
            else ""
        )
        return f"{begins}with all their turns {_rate(due)} req/s were due; {sent_rate}"
    if isinstance(rate, (int, float)):
        drawn = f"the schedule drawn from the seed has {_rate(due)}; "
        is_as_asked = abs(due - rate) <= _AS_ASKED * rate
        return f"{plain(rate)} req/s were configured; {'' if is_as_asked else drawn}{sent_rate}"
    whose = "the recorded times" if "speed" in load else "the schedule"
    return f"{whose} asked for {_rate(due)} req/s on average; {sent_rate}"


def _by_the_test(settings: Mapping[str, Any]) -> Iterator[str]:
    yield f"what the test itself sent through {plain(settings['client'])}"
    left_out = {name: number for name, number in _mapping(settings.get("left_out")).items() if number}
    if left_out:
        parts = [f"{plain(number)} {name.replace('_', ' ')}" for name, number in left_out.items()]
        yield f"left out of the measurement: {', '.join(parts)}"
    yield from others(settings, without={"client", "left_out", "name"})


def _shape(load: Mapping[str, Any], what: str) -> Iterator[str]:
    concurrency = load.get("concurrency")
    bound = f", at most {plain(concurrency)} {what}s at a time" if concurrency is not None else ""
    if "rate" in load:
        yield f"open loop, {_rate_text(load['rate'], what)}{bound}"
        yield from _arrival(load.get("arrival"))
        yield from others(load, without={"rate", "arrival", "concurrency"})
    elif "speed" in load:
        speed = load["speed"]
        pace = "" if speed == 1 else f", {plain(speed)} times as fast"
        yield f"replay of the recorded times{pace}{bound}"
        yield from others(load, without={"speed", "concurrency"})
    else:
        think = load.get("think_time") or 0
        pause = f", {duration(think)} between an answer and the next request" if think else ""
        yield f"closed loop, concurrency {plain(concurrency)}{pause}"
        yield from others(load, without={"concurrency", "think_time"})


def _rate_text(rate: Any, what: str) -> str:
    if isinstance(rate, Mapping):
        shape = "" if rate.get("shape", "linear") == "linear" else f", {plain(rate['shape'])}"
        bounds = f"{plain(rate.get('start'))} to {plain(rate.get('end'))}"
        return f"{bounds} {what}s a second within {duration(rate.get('duration'))}{shape}"
    if isinstance(rate, Sequence) and not isinstance(rate, str):
        return _stairs([_mapping(step) for step in rate], what)
    return f"{plain(rate)} {what}{'' if rate == 1 else 's'} a second"


def _stairs(steps: Sequence[Mapping[str, Any]], what: str) -> str:
    if len(steps) > _MOST_STEPS:
        rates = [step.get("rate", 0) for step in steps]
        whole = duration(sum(step.get("duration", 0) for step in steps))
        return f"{len(steps)} steps of {plain(min(rates))} to {plain(max(rates))} {what}s a second, {whole}"
    each = [f"{plain(step.get('rate'))} for {duration(step.get('duration'))}" for step in steps]
    return f"{what}s a second: {', then '.join(each)}"


def _arrival(arrival: Any) -> Iterator[str]:
    if isinstance(arrival, Mapping):
        of_gamma = arrival.get("gamma", arrival)
        if isinstance(of_gamma, Mapping) and "burstiness" in of_gamma:
            yield f"gamma arrivals (burstiness {plain(of_gamma['burstiness'])})"
        else:
            yield from (f"{name} arrivals {plain(value)}".rstrip() for name, value in arrival.items())
    elif arrival:
        yield f"{'Poisson' if arrival == 'poisson' else plain(arrival)} arrivals"


def _steps(search: Mapping[str, Any], sweep: Mapping[str, Any]) -> Iterator[str]:
    if search:
        axis = plain(search.get("maximize"))
        budgets = [plain(_mapping(budget).get("expression")) for budget in search.get("budgets") or ()]
        kept = f" that keeps {' and '.join(budgets)}" if budgets else ""
        yield (
            f"a step of a search for the largest {axis}{kept}, "
            f"from {plain(search.get('lowest'))} to {plain(search.get('highest'))}"
        )
    if sweep:
        yield f"a step of a sweep over {plain(sweep.get('axis'))} {plain(sweep.get('values'))}"


def _amount(settings: Mapping[str, Any], load: Mapping[str, Any]) -> Iterator[str]:
    requests, seconds = settings.get("requests"), settings.get("duration")
    until = [_known_to(_mapping(figure)) for figure in settings.get("until") or ()]
    at_most = "at most " if until else ""
    if requests is not None and seconds is not None:
        yield f"at most {counted(requests, 'request')} within {duration(seconds)}"
    elif requests is not None:
        yield at_most + counted(requests, "request")
    elif seconds is not None:
        yield at_most + duration(seconds)
    elif "speed" in load:
        yield "to the end of the trace"
    if until:
        yield f"until {' and '.join(until)}"


def _known_to(figure: Mapping[str, Any]) -> str:
    name, _, precision = plain(figure.get("expression")).partition(": ")
    return f"{name} is known to {precision}"


def _around(settings: Mapping[str, Any], load: Mapping[str, Any]) -> Iterator[str]:
    """What goes before and after the measured requests, and which of them are given up."""
    warmup = settings.get("warmup")
    is_closed = "rate" not in load and "speed" not in load
    if warmup is None and load and is_closed and has_conversations(_mapping(settings.get("dataset"))):
        yield f"warmup of {counted(load.get('concurrency'), 'conversation')}"
    elif warmup is None and load:
        warmup = 1 if "rate" in load else 0 if "speed" in load else load.get("concurrency")
    if warmup is not None:
        yield counted(warmup, "warmup request") if warmup else "no warmup"
    if settings.get("cooldown"):
        yield counted(settings["cooldown"], "cooldown request")
    cancel = _mapping(settings.get("cancel"))
    if cancel:
        tokens = cancel.get("after_tokens")
        when = f"{plain(tokens)} tokens" if tokens is not None else duration(cancel.get("after"))
        yield f"{share(cancel.get('share'))} given up by the client after {when}"


def _average(values: Ints) -> float | None:
    known = values[values != UNKNOWN]
    return float(np.mean(known)) if len(known) else None


def _rate(rate: float) -> str:
    return plain(round(rate, 2))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
