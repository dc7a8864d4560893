from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.baselines import fingerprint, mismatches, unknown_facts
from pytest_npuperf.case import Case, default_case
from pytest_npuperf.environment import describe_environment
from pytest_npuperf.load.plan import ClosedLoop
from pytest_npuperf.slo.parser import parse_budget

NPU_SMI = """\
+------------------------------------------------------------------------------------------------+
| npu-smi 23.0.rc2                 Version: 23.0.rc2                                             |
+---------------------------+---------------+----------------------------------------------------+
| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
| Chip                      | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
+===========================+===============+====================================================+
| 0     910B3               | OK            | 94.9        36                0    / 0             |
| 0                         | 0000:C1:00.0  | 0           0    / 0          3313 / 65536         |
+===========================+===============+====================================================+
| 1     910B3               | OK            | 91.7        37                0    / 0             |
| 0                         | 0000:01:00.0  | 0           0    / 0          3312 / 65536         |
+===========================+===============+====================================================+
| NPU     Chip              | Process id    | Process name             | Process memory(MB)      |
+===========================+===============+====================================================+
| 0       0                 | 21417         | python3                  | 120                     |
| No running processes found in NPU 1                                                            |
+===========================+===============+====================================================+
"""
ENVIRONMENT: dict[str, Any] = {
    "packages": {"vllm": "0.9.1", "vllm-ascend": "0.9.1", "numpy": "1.26.4"},
    "machine": {"architecture": "aarch64", "processors": 192, "kernel": "5.10"},
    "npu": {
        "npu_smi": NPU_SMI,
        "ascend_toolkit_home": "/usr/local/Ascend/ascend-toolkit/8.1.RC1",
        "visible_devices": None,
    },
}
SERVER = {"asked_model": "/weights/Qwen3-8B", "model": "/weights/Qwen3-8B", "server": "uvicorn"}


def facts(**environment: Any) -> dict[str, str | int | None]:
    return fingerprint(ENVIRONMENT | environment, SERVER, {"load": {"concurrency": 4}})


def npu(**fields: Any) -> dict[str, str | int | None]:
    return facts(npu=ENVIRONMENT["npu"] | fields)


def workload(case: Case) -> str | int | None:
    return fingerprint({}, {}, case.described())["workload"]


class TestFacts:
    def test_are_what_is_known_of_model_accelerator_server_and_client(self) -> None:
        found = facts()
        assert len(str(found.pop("workload"))) == 16
        assert found == {
            "model": "Qwen3-8B",
            "served name": "Qwen3-8B",
            "accelerator": "910B3",
            "accelerators": 2,
            "driver": "23.0.rc2",
            "CANN": "8.1.RC1",
            "server": "uvicorn",
            "packages": "vllm 0.9.1, vllm-ascend 0.9.1",
            "client architecture": "aarch64",
            "client processors": 192,
        }

    def test_are_unknown_where_nothing_is_known(self) -> None:
        assert {fact for fact, value in fingerprint({}, {}, {}).items() if value is not None} == {"workload"}

    def test_of_this_machine_name_the_client(self, tmp_path: Path) -> None:
        found = fingerprint(describe_environment(tmp_path, [], seed=0), {}, {})
        assert found["client architecture"]
        assert found["client processors"]

    def test_load_and_temperature_of_the_accelerators_do_not_count(self) -> None:
        assert npu(npu_smi=NPU_SMI.replace("94.9", "310.2").replace("36  ", "71  ")) == facts()

    def test_only_visible_accelerators_are_counted(self) -> None:
        assert npu(visible_devices="1")["accelerators"] == 1

    def test_an_unhealthy_chip_counts(self) -> None:
        assert npu(npu_smi=NPU_SMI.replace("OK     ", "Warning", 1))["accelerators"] == 2

    def test_cann_is_taken_from_a_hook_first(self) -> None:
        assert facts(cann="[version]\nrunning_version=8.2.RC1.alpha003\n")["CANN"] == "8.2.RC1.alpha003"

    def test_a_toolkit_without_a_version_in_its_path_is_unknown(self) -> None:
        assert npu(ascend_toolkit_home="/usr/local/Ascend/ascend-toolkit/latest")["CANN"] is None


class TestWorkload:
    def test_is_the_same_wherever_the_dataset_lies(self) -> None:
        assert workload(default_case(Path("/a/test.jsonl"))) == workload(default_case(Path("/b/test.jsonl")))
        assert workload(default_case(Path("/a/test.jsonl"))) != workload(default_case(Path("/a/train.jsonl")))

    def test_is_the_same_whatever_is_asked_of_it(self) -> None:
        case = default_case(None)
        strict = Case(
            name="other", dataset=case.dataset, seed=7, slo=(parse_budget("ttft.p99 < 1 s"),), steady=True
        )
        assert workload(strict) == workload(case)

    @pytest.mark.parametrize(
        "change",
        [
            {"load": ClosedLoop(concurrency=8)},
            {"requests": 9},
            {"max_tokens": 5},
            {"extra_body": {"top_p": 0.5}},
        ],
    )
    def test_changes_with_the_load(self, change: dict[str, Any]) -> None:
        case = default_case(None)
        assert workload(Case(name=case.name, dataset=case.dataset, **change)) != workload(case)


class TestMismatches:
    def test_none_between_equals(self) -> None:
        assert mismatches(facts(), facts()) == []
        assert unknown_facts(facts(), facts()) == []

    def test_say_what_is_and_what_was(self) -> None:
        current = npu(npu_smi=NPU_SMI.replace("910B3", "910B4")) | {"accelerators": 8}
        assert mismatches(facts(), current) == [
            "accelerator: 910B4, in the baseline 910B3",
            "accelerators: 8, in the baseline 2",
        ]

    def test_what_one_side_does_not_know_is_no_mismatch_but_can_be_named(self) -> None:
        absent = facts(npu=None)
        names = ["accelerator", "accelerators", "driver", "CANN"]
        for baseline, current in ((facts(), absent), (absent, facts()), (absent, absent)):
            assert mismatches(baseline, current) == []
            assert unknown_facts(baseline, current) == names

    def test_facts_of_another_version_are_unknown(self) -> None:
        assert unknown_facts({"model": "m"}, {"model": "m", "tokenizer": "t"}) == ["tokenizer"]
        assert mismatches({"model": "m", "tokenizer": "t"}, {"model": "m"}) == []
