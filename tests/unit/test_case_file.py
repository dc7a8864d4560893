from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pytest_npuperf.capacity.settings import Search, Sweep
from pytest_npuperf.case import Abort, Case
from pytest_npuperf.case_file import CaseFile, read_case_file
from pytest_npuperf.errors import CaseError
from pytest_npuperf.load.plan import (
    Cancel,
    ClosedLoop,
    Constant,
    Gamma,
    OpenLoop,
    Poisson,
    Ramp,
    RateStep,
    Replay,
)
from pytest_npuperf.wire.timeouts import Timeouts
from pytest_npuperf.workload import Gsm8k, Gsm8kShaped, Synthetic

Read = Callable[[str], CaseFile]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def write_and_read(text: str) -> CaseFile:
        path = tmp_path / "npuperf.yaml"
        path.write_text(text)
        return read_case_file(path)

    return write_and_read


@pytest.fixture
def case_with(read: Read) -> Callable[[str], Case]:
    """The case named x with these keys, in flow style."""
    return lambda keys: only_case(read(f"cases: [{{name: x, {keys}}}]"))


CaseWith = Callable[[str], Case]


def only_case(content: CaseFile) -> Case:
    ((_, case),) = content.cases
    return case


def test_a_name_is_enough(read: Read) -> None:
    case = only_case(read("cases: [{name: chat}]"))
    assert case == Case(name="chat", dataset=Gsm8kShaped())
    assert (case.requests, case.warmup, case.max_tokens, case.load) == (8, None, 512, ClosedLoop(1))


def test_every_key_arrives(read: Read, tmp_path: Path) -> None:
    content = read(
        """
        task: any-to-any
        server: {ready_timeout: 30 min, env: {SPACE: 2, MODE: fast}}
        cases:
          - name: chat
            dataset: {gsm8k: data/test.jsonl}
            load: {concurrency: 4, think_time: 500 ms, duration: 1 min}
            requests: 20
            max_tokens: 30
            warmup: 0
            cooldown: 3
            seed: 7
            timeouts: {connect: 1, first_chunk: 500 ms, between_chunks: 2 s, total: 1 min}
            cancel: {share: 10 %, after: 2 s}
            abort: {failure_rate: 50 %, consecutive_failures: 20, server_gone: 0}
            until: {ttft.p99: 5 %, tpot.avg: 0.01}
            stage: steady
            request:
              temperature: 0.7
              top_p: 0.9
              seed: 1
              extra_body: {top_k: 3, stop: [a]}
              headers: {x-tenant: blue, x-level: 3}
            slo: [ttft.p99 < 500 ms]
            advisory: [tpot.avg < 50 ms]
            require_support: true
        """
    )
    case = only_case(content)
    assert case.dataset == Gsm8k(tmp_path / "data/test.jsonl")
    assert case.load == ClosedLoop(4, think_time=0.5)
    assert (case.requests, case.duration, case.max_tokens, case.warmup, case.cooldown) == (20, 60, 30, 0, 3)
    assert (case.seed, case.task, case.steady) == (7, "any-to-any", True)
    assert case.timeouts == Timeouts(connect=1, first_chunk=0.5, between_chunks=2, total=60)
    assert case.cancel == Cancel(share=0.1, after=2.0)
    assert case.abort == Abort(failure_rate=0.5, consecutive_failures=20, server_gone=0)
    assert [(p.metric, p.statistic, p.share) for p in case.until] == [
        ("ttft", "p99", 0.05),
        ("tpot", "avg", 0.01),
    ]
    assert case.extra_body == {"temperature": 0.7, "top_p": 0.9, "seed": 1, "top_k": 3, "stop": ["a"]}
    assert case.headers == {"x-tenant": "blue", "x-level": "3"}
    assert [(budget.expression, budget.advisory, budget.require_support) for budget in case.slo] == [
        ("ttft.p99 < 500 ms", False, True),
        ("tpot.avg < 50 ms", True, True),
    ]
    assert content.server is not None
    assert content.server.ready_timeout == pytest.approx(1800)
    assert content.server.env == {"SPACE": 2, "MODE": "fast"}


@pytest.mark.parametrize(
    ("written", "load"),
    [
        ("{concurrency: 4}", ClosedLoop(4)),
        ("{think_time: 1 s}", ClosedLoop(1, think_time=1.0)),
        ("{rate: 10}", OpenLoop(10, Poisson())),
        ("{rate: 0.5, arrival: poisson}", OpenLoop(0.5, Poisson())),
        ("{rate: 10, arrival: constant, concurrency: 64}", OpenLoop(10, Constant(), concurrency=64)),
        ("{rate: 10, arrival: {gamma: {burstiness: 0.5}}}", OpenLoop(10, Gamma(0.5))),
        (
            "{rate: {steps: [{rate: 5, duration: 10 s}, {rate: 0, duration: 5}]}}",
            OpenLoop((RateStep(5, 10), RateStep(0, 5))),
        ),
        ("{rate: {linear: {start: 0, end: 20, duration: 60 s}}}", OpenLoop(Ramp(0, 20, 60, "linear"))),
        (
            "{rate: {exponential: {start: 1, end: 20, duration: 60}}}",
            OpenLoop(Ramp(1, 20, 60, "exponential")),
        ),
        ("{replay: true}", Replay()),
        ("{replay: {}}", Replay()),
        ("{replay: {speed: 2}, concurrency: 8}", Replay(speed=2, concurrency=8)),
        ("{replay: false, concurrency: 2}", ClosedLoop(2)),
    ],
)
def test_every_shape_of_a_load(case_with: CaseWith, written: str, load: object) -> None:
    # a replay takes a dataset that has times; other loads leave them aside
    assert case_with(f"dataset: {{mooncake: trace.jsonl}}, load: {written}").load == load


@pytest.mark.parametrize(
    "keys",
    [
        "timeouts: {total: 3}, load: {think_time: 1, duration: 2}",
        "cancel: {share: 0.1, after: 4}, abort: {failure_rate: 5 %}",
        "load: {rate: {linear: {start: 1, end: 2, duration: 5}}}",
        "load: {rate: {steps: [{rate: 1, duration: 5}]}}",
    ],
)
def test_a_case_is_made_of_plain_values(case_with: CaseWith, keys: str) -> None:
    assert msgspec.json.encode(case_with(keys))  # the types of the file's durations and shares it refuses


@pytest.mark.parametrize(
    ("keys", "requests", "duration"),
    [
        ("warmup: 1", 8, None),
        ("requests: 3", 3, None),
        ("load: {duration: 2 s}", None, 2),
        ("requests: 3, load: {duration: 2 s}", 3, 2),
        ("load: {rate: 4}", 8, None),
        ("load: {rate: {linear: {start: 1, end: 2, duration: 5}}}", None, 5),
        ("load: {rate: {steps: [{rate: 1, duration: 2}, {rate: 2, duration: 3}]}}", None, 5),
        ("requests: 3, load: {rate: {steps: [{rate: 1, duration: 2}]}}", 3, None),
        ("dataset: {mooncake: trace.jsonl}, load: {replay: true}", None, None),
    ],
)
def test_a_load_without_a_bound_gets_the_one_that_suits_it(
    case_with: CaseWith, keys: str, requests: int | None, duration: float | None
) -> None:
    case = case_with(keys)
    assert (case.requests, case.duration) == (requests, duration)


def test_the_requests_of_the_defaults_do_not_bound_a_case_with_a_duration_of_its_own(read: Read) -> None:
    content = read(
        """
        defaults: {requests: 200}
        cases:
          - {name: long, load: {rate: 10, duration: 60 s}}
          - {name: both, load: {rate: 10, duration: 60 s}, requests: 5}
          - {name: counted, load: {rate: 10}}
        """
    )
    bounds = [(case.requests, case.duration) for _, case in content.cases]
    assert bounds == [(None, 60), (5, 60), (200, None)]


def test_a_search_and_a_sweep(case_with: CaseWith) -> None:
    case = case_with(
        "search: {maximize: concurrency, while: [ttft.p99 < 1 s, tpot.avg < 1 s], from: 2, to: 64}"
    )
    assert isinstance(case.search, Search)
    assert (case.search.maximize, case.search.lowest, case.search.highest) == ("concurrency", 2, 64)
    assert [budget.metric for budget in case.search.budgets] == ["ttft", "tpot"]
    case = case_with("search: {maximize: rate, while: ttft.p99 < 1 s}, load: {arrival: constant}")
    assert isinstance(case.search, Search)
    assert (case.search.lowest, case.search.highest) == (1, 512)
    assert isinstance(case.load, OpenLoop)
    assert case.load.arrival == Constant()
    assert case_with("sweep: {concurrency: [1, 2, 4]}").sweep == Sweep("concurrency", (1, 2, 4))
    assert case_with("sweep: {rate: [0.5, 2]}, load: {concurrency: 9}").load == OpenLoop(1, concurrency=9)


def test_advisory_budgets_stand_behind_those_that_fail(case_with: CaseWith) -> None:
    case = case_with("advisory: e2el.p99 < 9 s, slo: [ttft.p99 < 1 s, tpot.avg < 1 s]")
    assert [(budget.metric, budget.advisory) for budget in case.slo] == [
        ("ttft", False),
        ("tpot", False),
        ("e2el", True),
    ]
    assert not any(budget.require_support for budget in case.slo)


def test_the_budgets_of_the_search_need_support_too(case_with: CaseWith) -> None:
    case = case_with("require_support: true, search: {maximize: rate, while: ttft.p99 < 1 s}")
    assert case.search is not None
    assert [budget.require_support for budget in case.search.budgets] == [True]


def test_budgets_of_the_defaults_are_replaced_key_by_key(read: Read) -> None:
    content = read(
        """
        defaults: {slo: ttft.p99 < 1 s, advisory: [tpot.avg < 1 s, itl.avg < 1 s], require_support: true}
        cases:
          - {name: plain}
          - {name: strict, slo: [e2el.p99 < 1 s], advisory: []}
          - {name: lenient, require_support: false}
        """
    )
    budgets = {case.name: case.slo for _, case in content.cases}
    metrics = {name: [budget.metric for budget in slo] for name, slo in budgets.items()}
    assert metrics == {
        "plain": ["ttft", "tpot", "itl"],
        "strict": ["e2el"],
        "lenient": ["ttft", "tpot", "itl"],
    }
    support = {name: {budget.require_support for budget in slo} for name, slo in budgets.items()}
    assert support == {"plain": {True}, "strict": {True}, "lenient": {False}}


def test_a_budget_with_a_comma_is_quoted_or_has_a_line_of_its_own(read: Read, case_with: CaseWith) -> None:
    expression = "goodput(ttft < 500 ms, tpot < 50 ms) >= 95 %"
    quoted = case_with(f"slo: ['{expression}']")
    on_a_line = only_case(read(f"cases:\n- name: x\n  slo:\n  - {expression}\n"))
    assert [budget.expression for budget in (*quoted.slo, *on_a_line.slo)] == [expression] * 2


def test_a_key_of_the_case_replaces_the_default_as_a_whole(read: Read) -> None:
    content = read(
        """
        defaults:
          requests: 5
          slo: ttft.p99 < 1 s
          timeouts: {connect: 1, total: 2}
          request: {temperature: 1}
          dataset: {synthetic: {input_tokens: 100, output_tokens: 200}}
        cases:
          - name: plain
          - name: own
            requests: 6
            slo: []
            timeouts: {connect: 3}
            request: {top_p: 0.5}
            dataset: gsm8k
        """
    )
    plain, own = (case for _, case in content.cases)
    assert (plain.requests, len(plain.slo), plain.dataset) == (5, 1, Synthetic(100, 200))
    assert (own.requests, own.slo, own.dataset) == (6, (), Gsm8kShaped())
    assert own.timeouts == Timeouts(connect=3)
    assert (plain.extra_body, own.extra_body) == ({"temperature": 1}, {"top_p": 0.5})


def test_a_list_makes_a_case_of_each_element(read: Read) -> None:
    content = read("\ncases:\n  - name: chat\n    load: {concurrency: [1, 16]}\n")
    assert [(line, case.name, case.load) for line, case in content.cases] == [
        (3, "chat[concurrency=1]", ClosedLoop(1)),
        (3, "chat[concurrency=16]", ClosedLoop(16)),
    ]


def test_two_lists_make_every_combination(read: Read) -> None:
    content = read("cases: [{name: x, load: {rate: [0.5, 5], concurrency: [4, 8]}}]")
    assert [(case.name, case.load) for _, case in content.cases] == [
        ("x[concurrency=4,rate=0.5]", OpenLoop(0.5, concurrency=4)),
        ("x[concurrency=4,rate=5]", OpenLoop(5, concurrency=4)),
        ("x[concurrency=8,rate=0.5]", OpenLoop(0.5, concurrency=8)),
        ("x[concurrency=8,rate=5]", OpenLoop(5, concurrency=8)),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cases: [", r"npuperf.yaml:1: not valid YAML: "),
        ("", r"npuperf.yaml:1: Expected `object`, got `null`; the value is None"),
        (
            "case: []",
            r"npuperf.yaml:1: case: unknown key; allowed are cases, defaults, server, task; did you mean",
        ),
        ("cases:\n- nme: x", r"npuperf.yaml:2: cases\[0\]"),
        (
            "cases:\n- name: x\n  requests: 0",
            r"npuperf.yaml:3: cases\[0\].requests: 0 is not allowed: .* at least 1",
        ),
        (
            "defaults:\n  warmup: -1\ncases:\n- name: x",
            r"npuperf.yaml:2: defaults.warmup: -1 is not .* at least 0",
        ),
        ("cases:\n- name: x\n  requests: many", r"cases\[0\].requests: Expected `int.*the value is 'many'"),
        (
            "cases:\n- name: x\n- name: y\n  load:\n    concurency: 1",
            r"npuperf.yaml:5: cases\[1\].load.concurency: unknown key; .* did you mean 'concurrency'\?",
        ),
        (
            "cases:\n- name: x\n- name: x",
            r"npuperf.yaml:3: cases\[1\].name: there is already a case named 'x'",
        ),
        (
            "cases:\n- name: x\n  timeouts: {total: soon}",
            r"cases\[0\].timeouts.total: 'soon' is not a duration",
        ),
        ("cases:\n- name: x\n  timeouts: {total: 0}", r"0 is not a duration: allowed are"),
        (
            "cases:\n- name: x\n  task: text-generator",
            r"cases\[0\].task: 'text-generator' is not allowed; allowed are text-generation, "
            r"image-text-to-text, any-to-any; did you mean 'text-generation'\?",
        ),
        ("cases:\n- name: x\n  slo: [ttft.p99 < 500]", r"npuperf.yaml:3: cases\[0\].slo\[0\]: "),
        ("defaults:\n  slo: tftt.p99 < 5 ms\ncases:\n- name: x", r"npuperf.yaml:2: defaults.slo: .*ttft"),
        ("cases:\n- name: x\n  dataset: gsm9k", r"npuperf.yaml:3: cases\[0\].dataset: .*gsm9k.*gsm8k"),
        ("cases:\n- name: x\n  name: y", r"npuperf.yaml:3: the key 'name' is there twice"),
        ("server: {env: {A: [1]}}\ncases: []", r"npuperf.yaml:1: server.env.*Expected"),
        (
            "cases:\n- name: x\n  load:\n    rate:\n      steps:\n"
            "      - rate: 1\n        duration: 1\n      - rat: 1",
            r"npuperf.yaml:8: cases\[0\].load.rate.steps\[1\].rat: unknown key; allowed are duration, rate",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(read: Read, text: str, message: str) -> None:
    with pytest.raises(CaseError, match=f"(?s){message}"):
        read(text)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("load: {concurrency: []}", r"load.concurrency: the list is empty; give at least one number"),
        (
            "load: {concurrency: [0]}",
            r"load.concurrency: 0 is not allowed: give a whole number of at least 1",
        ),
        ("load: {rate: [1, 2, 1.0]}", r"load.rate: 1 is in the list twice; each number makes one case"),
        ("load: {rate: 0}", r"load.rate: 0.0 is not allowed: give a number above 0"),
        ("load: {rate: {}}", r"load.rate: give a number, or one of steps, linear and exponential"),
        (
            "load: {rate: {steps: [{rate: 1, duration: 1}], linear: {start: 1, end: 2, duration: 1}}}",
            r"load.rate: give a number, or one of steps, linear and exponential",
        ),
        ("load: {rate: {steps: []}}", r"load.rate.steps: nothing is ever sent"),
        (
            "load: {rate: {linear: {start: 1, end: 2}}}",
            r"load.rate.linear: .*missing required field `duration`",
        ),
        (
            "load: {rate: 1, arrival: gama}",
            r"load.arrival: 'gama' is not allowed; allowed are constant, poisson, {gamma: ...}$",
        ),
        (
            "load: {rate: 1, arrival: {gama: {burstiness: 1}}}",
            r"load.arrival.gama: unknown key; allowed are gamma; did you mean 'gamma'\?",
        ),
        ("load: {arrival: constant}", r"load.arrival: there is no rate .*: give rate too"),
        (
            "load: {replay: true, arrival: constant}",
            r"load.arrival: the dataset says when .*: leave out arrival",
        ),
        ("load: {replay: true, rate: 2}", r"load.replay: the dataset says when .*: leave out rate"),
        ("load: {rate: 2, think_time: 1 s}", r"load.think_time: only the clients of a closed loop wait"),
        ("load: {replay: {}, think_time: 1 s}", r"load.think_time: only the clients of a closed loop wait"),
        ("load: {replay: {speed: 1}}", r"load.replay: a Gsm8kShaped dataset does not say when each request"),
        ("slo: [turn 2.ttft.p99 < 1 s]", r"slo: budget 'turn 2.ttft.p99 < 1 s': there is no turn 2 without"),
        ("load: {replay: {speed: 0}}", r"load.replay.speed: 0.0 is not allowed"),
        ("cancel: {share: 10, after: 1}", r"cancel.share: 10 is not a share: allowed are"),
        ("cancel: {share: 1 %}", r"cancel: give one of after \(now None\) and after_tokens \(now None\)"),
        ("cancel: {share: 1 %, after_tokens: 0}", r"cancel.after_tokens: 0 is not allowed"),
        ("abort: {failure_rate: 101 %}", r"abort.failure_rate: '101 %' is not a share"),
        ("until: {ttfp.p99: 5 %}, requests: 9", r"until: until 'ttfp.p99: 5 %'.* did you mean 'ttft'\?"),
        ("until: {ttft.p99: 5 %}", r"until: the load would not end .*: give requests or a duration too"),
        (
            "search: {maximize: speed, while: []}",
            r"search.maximize: 'speed' is not .*; allowed are concurrency, rate",
        ),
        ("search: {maximize: rate, while: []}", r"search: a search has no budget to keep"),
        ("search: {maximize: rate, while: [ttft < 1 s]}", r"search.while\[0\]: .*name a statistic"),
        (
            "search: {maximize: rate, whle: [ttft.p99 < 1 s]}",
            r"search.whle: unknown key; .* did you mean 'while'\?",
        ),
        (
            "search: {maximize: rate, while: ttft.p99 < 1 s}, sweep: {rate: [1]}",
            r"search: there is a sweep too, .*: make two cases",
        ),
        (
            "search: {maximize: concurrency, while: ttft.p99 < 1 s}, load: {rate: 1}",
            r"load.rate: search and sweep vary the clients of a closed loop, .*: leave it out",
        ),
        (
            "sweep: {concurrency: [1, 2]}, load: {concurrency: [1]}",
            r"load.concurrency: search and sweep choose it",
        ),
        ("sweep: {rate: [1]}, load: {think_time: 1}", r"load.think_time: only the clients of a closed loop"),
        (
            "sweep: {rate: [1]}, load: {replay: true}",
            r"load.replay: the dataset says when .* search and sweep",
        ),
        ("sweep: {}", r"sweep: give one of concurrency and rate"),
        ("sweep: {rate: [2, 1]}", r"sweep: a sweep has 1 after 2"),
        (
            "stage: stedy",
            r"stage: 'stedy' is not allowed; allowed are steady, total; did you mean 'steady'\?",
        ),
        (
            "request: {seed: 1, extra_body: {seed: 2}}",
            r"request.extra_body: 'seed' stands in request already: leave one out",
        ),
        (
            "request: {headers: {Host: a}}",
            r"request.headers: 'Host' is not allowed: the client sets it itself",
        ),
        ("request: {extra_body: {stream: false}}", r"request.extra_body: 'stream' is not allowed"),
        ("request: {temperatur: 1}", r"request.temperatur: unknown key; .* did you mean 'temperature'\?"),
        (
            "slo: [goodput(ttft < 500 ms, tpot < 50 ms) >= 95 %]",
            r"slo\[0\]: 'goodput\(ttft < 500 ms' has a parenthesis that is not closed; "
            r"YAML splits flow lists at commas: quote the budget, or give it a line of its own$",
        ),
        (
            "slo: [ttft.p99 < 1 s, tpot < 50 ms) >= 95 %]",
            r"slo\[1\]: 'tpot < 50 ms\) >= 95 %' has a parenthesis that is not opened; "
            r"YAML splits flow lists at commas: quote the budget, or give it a line of its own$",
        ),
        (
            "advisory: [ttft.p99 <= baseline + max(5 %, noise)]",
            r"advisory\[0\]: 'ttft.p99 <= baseline \+ max\(5 %' has a parenthesis that is not closed; YAML",
        ),
        (
            "search: {maximize: rate, while: [goodput(ttft < 1 s, tpot < 1 s) > 9 %]}",
            r"search.while\[0\]: .* not closed; YAML",
        ),
        ("advisory: [tftt.p99 < 1 s]", r"advisory\[0\]: .*unknown metric 'tftt'; did you mean 'ttft'\?"),
        ("require_support: maybe", r"require_support: Expected `bool.*the value is 'maybe'"),
        (
            "search: {maximize: rate, while: [ttft.p99 <= baseline + 5 %]}",
            r"search: a search cannot keep 'ttft.p99 <= baseline \+ 5 %': it measures many loads",
        ),
    ],
)
def test_what_is_wrong_in_a_case_is_said_with_its_key(case_with: CaseWith, keys: str, message: str) -> None:
    with pytest.raises(CaseError, match=rf"(?s)^npuperf.yaml:1: cases\[0\].{message}"):
        case_with(keys)


def test_a_file_without_a_case_is_an_error(read: Read) -> None:
    with pytest.raises(
        CaseError,
        match=r"^npuperf.yaml:2: cases: the list is empty; give at least one case, such as \{name: ch",
    ):
        read("task: text-generation\ncases: []\n")


def test_a_budget_of_the_defaults_on_a_stage_that_a_case_lacks_is_named_there(read: Read) -> None:
    with pytest.raises(
        CaseError, match=r"^npuperf.yaml:1: defaults.slo: budget 'steady.ttft.p99 < 1 s': the c"
    ):
        read("defaults: {slo: [steady.ttft.p99 < 1 s]}\ncases: [{name: a, stage: steady}, {name: b}]\n")


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "npuperf.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CaseError, match=r"npuperf.yaml: cannot be read"):
        read_case_file(path)
