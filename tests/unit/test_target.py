from __future__ import annotations

from typing import Any

import pytest

from pytest_npuperf import target
from pytest_npuperf.case import Case
from pytest_npuperf.target import Target, TargetFinder
from pytest_npuperf.traits import ServerTraits
from pytest_npuperf.wire.tls_settings import TlsSettings
from pytest_npuperf.workload import Gsm8kShaped, Synthetic


def test_each_seed_is_asked_for_once_and_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def probe(*_: Any, seed: str, headers: dict[str, str], **__: Any) -> ServerTraits:
        asked.append((seed, headers))
        return ServerTraits()

    monkeypatch.setattr(target, "probe_traits", probe)
    finder = TargetFinder("http://127.0.0.1:9", "alias", model_path=None, api_key=None, tls=TlsSettings())
    dataset = Synthetic(64, 1)
    for case in (
        Case(name="chat", dataset=dataset, seed=1),
        Case(name="chat#2", dataset=dataset, seed=1),
        Case(name="chat", dataset=dataset, seed=2),
        Case(name="chat", dataset=dataset, seed=1, headers={"x-tenant": "a"}),
    ):
        finder.find(case, lambda _: None)

    assert asked == [("1", {}), ("2", {}), ("1", {"x-tenant": "a"})]


def test_a_case_that_measures_no_lengths_asks_the_server_nothing() -> None:
    url = "http://127.0.0.1:9"  # nobody listens there
    finder = TargetFinder(
        url, "alias", model_path=None, api_key=None, tls=TlsSettings(), listed=("big", "alias")
    )
    notes: list[str] = []

    found = finder.find(Case(name="chat", dataset=Gsm8kShaped()), notes.append)

    assert found == Target(base_url=url, model="alias", listed=("big", "alias"))
    assert notes == []
