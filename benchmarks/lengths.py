"""How far the lengths of synthetic prompts are from what a server counts.

``python -m benchmarks.lengths --base-url http://127.0.0.1:8000 [--model DIR]`` makes prompts as a case
does, by an estimate and, with the directory of the model, by its tokenizer. It has them counted by
the server's ``/tokenize`` where there is one, and some sent for the usage that is reported.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from pytest_npuperf.traits import gauge_for, probe_traits
from pytest_npuperf.workload import Prompt, Synthetic, prompts
from pytest_npuperf.workload.tokenizer import TokenCounter, token_counter

_TIMEOUT = httpx.Timeout(10.0, read=600.0)

Count = Callable[[Prompt], int]


def main(arguments: Sequence[str]) -> None:
    """Compare and print, a line for each way to make prompts and to have them counted."""
    given = _parser().parse_args(arguments)
    counters = [token_counter(None)]
    if given.model is not None:
        counters.insert(0, token_counter(given.model))
    with httpx.Client(base_url=given.base_url, trust_env=False, timeout=_TIMEOUT) as client:
        name = client.get("/v1/models").raise_for_status().json()["data"][0]["id"]
        for counter in counters:
            _compare(client, given, name, counter)


def difference_line(counts: Iterable[tuple[int, int]]) -> str:
    """The differences of pairs of an asked and a counted length, in percent of the asked one."""
    off = [100 * (counted - asked) / asked for asked, counted in counts]
    mean = sum(off) / len(off)
    return f"n={len(off)} mean {mean:+.2f} % from {min(off):+.2f} % to {max(off):+.2f} %"


def _compare(client: httpx.Client, given: argparse.Namespace, name: str, counter: TokenCounter) -> None:
    begun = time.perf_counter()
    # new texts for each run: the server may have cached those of the last one
    traits = probe_traits(
        given.base_url, name, seed=uuid4().hex, count=counter.count, lengths=True, exact=True
    )
    probed = time.perf_counter()
    dataset = Synthetic(given.tokens, 1)
    gauge = gauge_for(traits, counter.count)
    made = list(islice(prompts(dataset, seed=uuid4().hex, max_tokens=1, gauge=gauge), given.tokenized))
    done = time.perf_counter()
    _print(f"by {counter.source}")
    _print(f"  {traits}, asked in {probed - begun:.2f} s")
    _print(f"  {len(made)} prompts of {given.tokens} tokens made in {done - probed:.2f} s")
    ways: dict[str, tuple[Count, list[Prompt]]] = {
        "/tokenize": (lambda prompt: _tokenize(client, name, prompt), made),
        "usage": (lambda prompt: _usage(client, name, prompt), made[: given.sent]),
    }
    for way, (count, chosen) in ways.items():
        try:
            counts = [(given.tokens, count(prompt)) for prompt in chosen]
        except httpx.HTTPStatusError as error:
            _print(f"  {way}: not answered, HTTP {error.response.status_code}")
        else:
            _print(f"  {way}: {difference_line(counts)}")


def _tokenize(client: httpx.Client, name: str, prompt: Prompt) -> int:
    body = {"model": name, "messages": prompt.messages, "add_generation_prompt": True}
    return int(_post(client, "/tokenize", body)["count"])


def _usage(client: httpx.Client, name: str, prompt: Prompt) -> int:
    body = {"model": name, "messages": prompt.messages, "max_tokens": 1}
    return int(_post(client, "/v1/chat/completions", body)["usage"]["prompt_tokens"])


def _post(client: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    return client.post(path, json=body).raise_for_status().json()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.lengths",
        description="Compare asked prompt lengths with a server's counts.",
    )
    add = parser.add_argument
    add("--base-url", required=True, metavar="URL", help="http://host:port of a server that runs")
    add("--model", type=Path, metavar="DIR", help="directory of its model, for the tokenizer")
    add("--tokens", type=int, default=1024, metavar="N", help="length of each prompt (%(default)s)")
    add("--tokenized", type=int, default=1000, metavar="N", help="prompts for /tokenize (%(default)s)")
    add("--sent", type=int, default=20, metavar="N", help="of them, how many are also sent (%(default)s)")
    return parser


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
