from __future__ import annotations

from pytest_npuperf.case import Case
from pytest_npuperf.target import Target, TargetFinder
from pytest_npuperf.wire.tls_settings import TlsSettings
from pytest_npuperf.workload import Gsm8kShaped


def test_a_case_that_measures_no_lengths_asks_the_server_nothing() -> None:
    url = "http://127.0.0.1:9"  # nobody listens there
    finder = TargetFinder(
        url, "alias", model_path=None, api_key=None, tls=TlsSettings(), listed=("big", "alias")
    )
    notes: list[str] = []

    target = finder.find(Case(name="chat", dataset=Gsm8kShaped()), notes.append)

    assert target == Target(base_url=url, model="alias", listed=("big", "alias"))
    assert notes == []
