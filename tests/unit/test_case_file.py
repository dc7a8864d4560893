from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_npuperf.case import Case
from pytest_npuperf.case_file import CaseFile, read_case_file
from pytest_npuperf.errors import CaseError
from pytest_npuperf.load.plan import ClosedLoop
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


def only_case(content: CaseFile) -> Case:
    ((_, case),) = content.cases
    return case


def test_a_name_is_enough(read: Read) -> None:
    case = only_case(read("cases: [{name: chat}]"))
    assert case == Case(name="chat", dataset=Gsm8kShaped())
    assert (case.requests, case.warmup, case.max_tokens, case.load) == (8, 1, 512, ClosedLoop(1))


def test_every_key_arrives(read: Read, tmp_path: Path) -> None:
    content = read(
        """
        task: any-to-any
        server: {ready_timeout: 30 min, env: {SPACE: 2, MODE: fast}}
        cases:
          - name: chat
            dataset: {gsm8k: data/test.jsonl}
            load: {concurrency: 4}
            requests: 20
            max_tokens: 30
            warmup: 0
            seed: 7
            timeouts: {connect: 1, first_chunk: 500 ms, between_chunks: 2 s, total: 1 min}
            slo: [ttft.p99 < 500 ms]
        """
    )
    case = only_case(content)
    assert case.dataset == Gsm8k(tmp_path / "data/test.jsonl")
    assert (case.load, case.requests, case.max_tokens, case.warmup) == (ClosedLoop(4), 20, 30, 0)
    assert (case.seed, case.task) == (7, "any-to-any")
    assert case.timeouts == Timeouts(connect=1, first_chunk=0.5, between_chunks=2, total=60)
    assert [budget.expression for budget in case.slo] == ["ttft.p99 < 500 ms"]
    assert content.server is not None
    assert content.server.ready_timeout == 1800
    assert content.server.env == {"SPACE": 2, "MODE": "fast"}


def test_a_key_of_the_case_replaces_the_default_as_a_whole(read: Read) -> None:
    content = read(
        """
        defaults:
          requests: 5
          slo: ttft.p99 < 1 s
          timeouts: {connect: 1, total: 2}
          dataset: {synthetic: {input_tokens: 100, output_tokens: 200}}
        cases:
          - name: plain
          - name: own
            requests: 6
            slo: []
            timeouts: {connect: 3}
            dataset: gsm8k
        """
    )
    plain, own = (case for _, case in content.cases)
    assert (plain.requests, len(plain.slo), plain.dataset) == (5, 1, Synthetic(100, 200))
    assert (own.requests, own.slo, own.dataset) == (6, (), Gsm8kShaped())
    assert own.timeouts == Timeouts(connect=3)


def test_a_list_makes_a_case_of_each_element(read: Read) -> None:
    content = read("\ncases:\n  - name: chat\n    load: {concurrency: [1, 16]}\n")
    assert [(line, case.name, case.load.concurrency) for line, case in content.cases] == [
        (3, "chat[concurrency=1]", 1),
        (3, "chat[concurrency=16]", 16),
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
        ("cases:\n- name: x\n  requests: 0", r"npuperf.yaml:3: cases\[0\].requests: .*>= 1; the value is 0"),
        ("cases:\n- name: x\n  warmup: -1", r"cases\[0\].warmup: .*>= 0; the value is -1"),
        ("cases:\n- name: x\n  requests: many", r"cases\[0\].requests: Expected `int.*the value is 'many'"),
        (
            "cases:\n- name: x\n- name: y\n  load:\n    concurency: 1",
            r"npuperf.yaml:5: cases\[1\].load.concurency: unknown key; .* did you mean 'concurrency'\?",
        ),
        ("cases:\n- name: x\n  load: {concurrency: []}", r"cases\[0\].load.concurrency: the list is empty"),
        ("cases:\n- name: x\n  load: {concurrency: [0]}", r"cases\[0\].load.concurrency.*the value is"),
        (
            "cases:\n- name: x\n- name: x",
            r"npuperf.yaml:3: cases\[1\].name: there is already a case named 'x'",
        ),
        (
            "cases:\n- name: x\n  timeouts: {total: soon}",
            r"cases\[0\].timeouts.total: 'soon' is not a duration",
        ),
        ("cases:\n- name: x\n  timeouts: {total: 0}", r"0 is not a duration: allowed are"),
        ("cases:\n- name: x\n  task: poetry", r"cases\[0\].task: Invalid enum value 'poetry'"),
        ("cases:\n- name: x\n  slo: [ttft.p99 < 500]", r"npuperf.yaml:3: cases\[0\].slo\[0\]: "),
        ("defaults:\n  slo: tftt.p99 < 5 ms\ncases:\n- name: x", r"npuperf.yaml:2: defaults.slo: .*ttft"),
        ("cases:\n- name: x\n  dataset: gsm9k", r"npuperf.yaml:3: cases\[0\].dataset: .*gsm9k.*gsm8k"),
        ("cases:\n- name: x\n  name: y", r"npuperf.yaml:3: the key 'name' is there twice"),
        ("server: {env: {A: [1]}}\ncases: []", r"npuperf.yaml:1: server.env.*Expected"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(read: Read, text: str, message: str) -> None:
    with pytest.raises(CaseError, match=f"(?s){message}"):
        read(text)


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "npuperf.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CaseError, match=r"npuperf.yaml: cannot be read"):
        read_case_file(path)
