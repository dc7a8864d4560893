from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_npuperf.baselines import Baseline, BaselineRun, load_baseline, save_baseline
from pytest_npuperf.baselines.workload import workload_of
from pytest_npuperf.errors import BaselineError, NoBaselineError
from pytest_npuperf.slo.stage_run import StageRun, figure

CHAT = "chat[concurrency=4]"


def stored(started: str = "2026-01-01T10:00:00.000+00:00", **fields: Any) -> BaselineRun:
    rng = np.random.default_rng(len(fields))
    measured = StageRun(
        {
            "ttft": np.array([0.123456789, 0.2, 0.3]),
            "tpot": np.array([0.01, np.nan, 0.02]),
            "output_tokens": np.array([3.0, 1.0, np.nan]),
            "request_output_token_throughput": np.array([123.456789, np.nan, 7.0]),
            "itl": tuple(np.rint(rng.random(3) * 1e5) / 1e6 for _ in range(2)),
        },
        {"total_requests": 4.0, "success_requests": 3.0, "failed_requests": 1.0, "request_throughput": 2.5},
    )
    run = BaselineRun(
        case="chat[concurrency=4]",
        stage="total",
        started=started,
        fingerprint={"model": "m", "accelerators": 2, "CANN": None},
        measured=measured,
    )
    return replace(run, **fields)


def rewritten(file: Path, **fields: Any) -> None:
    """Put other fields into a stored run, under the name that then belongs to it."""
    content = json.loads(gzip.decompress(file.read_bytes())) | fields
    data = json.dumps(content).encode()
    file.unlink()
    file.with_name(f"{hashlib.sha256(data).hexdigest()}.json.gz").write_bytes(gzip.compress(data))


class TestRoundTrip:
    def test_a_run_comes_back_as_it_was(self, tmp_path: Path) -> None:
        before = stored()
        save_baseline(tmp_path, "main", before)
        (after,) = load_baseline("main", tmp_path).runs
        assert (after.case, after.stage, after.started) == (before.case, before.stage, before.started)
        assert after.fingerprint == before.fingerprint
        assert after.measured.totals == before.measured.totals
        assert after.measured.samples.keys() == before.measured.samples.keys()
        for metric, column in before.measured.samples.items():
            found = after.measured.samples[metric]
            if isinstance(column, tuple):
                assert [group.tolist() for group in found] == [group.tolist() for group in column]
            else:
                np.testing.assert_allclose(np.asarray(found), column, rtol=5e-6)

    def test_figures_are_those_of_the_run(self, tmp_path: Path) -> None:
        before = stored()
        save_baseline(tmp_path, "main", before)
        after = load_baseline("main", tmp_path).runs[0].measured
        for metric, statistic in (("ttft", "avg"), ("tpot", "p90"), ("itl", "p99"), ("ttft", "max")):
            assert figure(after, metric, statistic) == pytest.approx(
                figure(before.measured, metric, statistic)
            )

    def test_runs_are_in_the_order_in_which_they_were_started(self, tmp_path: Path) -> None:
        for hour in ("12", "10", "11"):
            save_baseline(tmp_path, "main", stored(f"2026-01-01T{hour}:00:00.000+00:00"))
        assert [run.started[11:13] for run in load_baseline("main", tmp_path).runs] == ["10", "11", "12"]

    def test_a_path_is_read_wherever_it_is(self, tmp_path: Path) -> None:
        save_baseline(tmp_path / "elsewhere", "main", stored())
        found = load_baseline(str(tmp_path / "elsewhere" / "main"), tmp_path)
        assert (found.name, len(found.runs)) == ("main", 1)


class TestFiles:
    def test_are_named_by_what_they_hold(self, tmp_path: Path) -> None:
        file = save_baseline(tmp_path, "main", stored())
        content = gzip.decompress(file.read_bytes())
        assert file == tmp_path / "main" / f"{hashlib.sha256(content).hexdigest()}.json.gz"

    def test_the_same_run_is_the_same_file_to_the_byte(self, tmp_path: Path) -> None:
        files = [save_baseline(tmp_path / place, "main", stored()) for place in ("a", "b", "a")]
        assert files[0].read_bytes() == files[1].read_bytes()
        assert list((tmp_path / "a" / "main").iterdir()) == [files[0]]

    def test_a_run_that_cannot_be_written_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_self: Path, _target: Path) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            save_baseline(tmp_path, "main", stored())
        assert list((tmp_path / "main").iterdir()) == []

    def test_half_a_file_of_another_process_is_not_read(self, tmp_path: Path) -> None:
        file = save_baseline(tmp_path, "main", stored())
        (file.parent / f".{file.name}.1.tmp").write_bytes(b"half")
        (file.parent / "README.md").write_text("kept for release 1.2")
        assert len(load_baseline("main", tmp_path).runs) == 1

    def test_gaps_take_two_bytes_each(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        gaps = tuple(0.01 * np.exp(0.1 * rng.standard_normal(199)) for _ in range(300))
        measured = replace(stored().measured, samples={"itl": gaps})
        file = save_baseline(tmp_path, "main", stored(measured=measured))
        assert file.stat().st_size < 2.3 * 300 * 199


class TestNames:
    @pytest.mark.parametrize("name", ["main", "release-1.2", "2026_01", "A" * 100])
    def test_letters_digits_and_some_marks_are_allowed(self, tmp_path: Path, name: str) -> None:
        save_baseline(tmp_path, name, stored())
        assert load_baseline(name, tmp_path).name == name

    @pytest.mark.parametrize(
        "name", ["", ".", "..", "../main", "a/b", "/tmp/x", ".hidden", "a b", "A" * 101, "ä"]
    )
    def test_others_are_errors_before_anything_is_written(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(BaselineError, match="is no name for a baseline: 1 to 100 letters"):
            save_baseline(tmp_path / "baselines", name, stored())
        assert list(tmp_path.iterdir()) == []

    def test_a_name_to_load_must_be_valid_or_a_path(self, tmp_path: Path) -> None:
        with pytest.raises(BaselineError, match="'a b' is no name for a baseline"):
            load_baseline("a b", tmp_path)


class TestMissing:
    def test_baseline_is_an_error_of_its_own_that_lists_the_others(self, tmp_path: Path) -> None:
        for name in ("old", "older"):
            save_baseline(tmp_path, name, stored())
        with pytest.raises(
            NoBaselineError,
            match=r"no baseline in \S+/main \(beside it: old, older\); make one with --npuperf",
        ):
            load_baseline("main", tmp_path)

    def test_baseline_where_there_are_none(self, tmp_path: Path) -> None:
        with pytest.raises(NoBaselineError, match=r"no baseline in \S+/none/main; make one"):
            load_baseline("main", tmp_path / "none")

    def test_case_or_stage_is_an_error_that_lists_what_there_is(self, tmp_path: Path) -> None:
        save_baseline(tmp_path, "main", stored())
        baseline = load_baseline("main", tmp_path)
        with pytest.raises(
            NoBaselineError, match=r"no run of burst \(total\); it has chat\[concurrency=4\] \(to"
        ):
            baseline.reference("burst")
        with pytest.raises(NoBaselineError, match=r"no run of chat\[concurrency=4\] \(steady\)"):
            baseline.runs_of("chat[concurrency=4]", "steady")


class TestDamage:
    def test_of_what_a_file_holds_is_seen_by_its_name(self, tmp_path: Path) -> None:
        file = save_baseline(tmp_path, "main", stored())
        changed = gzip.decompress(file.read_bytes()).replace(b"2.5", b"9.5")
        file.write_bytes(gzip.compress(changed))
        with pytest.raises(
            BaselineError, match=r"is damaged: what it holds has the SHA-256 .*Restore it, or delete"
        ):
            load_baseline("main", tmp_path)

    @pytest.mark.parametrize("damage", [b"not packed", b"", None])
    def test_of_the_packing_is_an_error(self, tmp_path: Path, damage: bytes | None) -> None:
        file = save_baseline(tmp_path, "main", stored())
        packed = file.read_bytes()
        file.write_bytes(packed[: len(packed) // 2] if damage is None else damage)
        with pytest.raises(BaselineError, match="is damaged"):
            load_baseline("main", tmp_path)

    def test_bits_that_flipped_are_an_error(self, tmp_path: Path) -> None:
        file = save_baseline(tmp_path, "main", stored())
        packed = bytearray(file.read_bytes())
        for place in range(12, len(packed), 7):
            damaged = packed.copy()
            damaged[place] ^= 0xFF
            file.write_bytes(damaged)
            with pytest.raises(BaselineError, match="is damaged"):
                load_baseline("main", tmp_path)

    def test_a_newer_version_is_an_error_even_if_it_looks_different(self, tmp_path: Path) -> None:
        rewritten(save_baseline(tmp_path, "main", stored()), version=3, totals="elsewhere")
        with pytest.raises(BaselineError, match=r"has version 3 of the format, .* reads up to 2: update it"):
            load_baseline("main", tmp_path)

    @pytest.mark.parametrize(
        ("field", "value"), [("totals", "none"), ("gaps_us", {"itl": [["a"]]}), ("version", "1")]
    )
    def test_another_file_is_an_error(self, tmp_path: Path, field: str, value: object) -> None:
        rewritten(save_baseline(tmp_path, "main", stored()), **{field: value})
        with pytest.raises(BaselineError, match=r"json\.gz is no run of a baseline: .*\$\."):
            load_baseline("main", tmp_path)


class TestRunsThatAreNotKept:
    def test_nothing_measured(self, tmp_path: Path) -> None:
        measured = replace(stored().measured, totals={"total_requests": 3.0, "success_requests": 0.0})
        with pytest.raises(
            BaselineError,
            match=r"^chat\[concurrency=4\] \(total\) cannot be kept .*: no request was successful",
        ):
            save_baseline(tmp_path, "main", stored(measured=measured))
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("value", [float("inf"), float("nan")])
    def test_totals_that_are_no_numbers(self, tmp_path: Path, value: float) -> None:
        measured = replace(stored().measured, totals={"success_requests": 3.0, "concurrency": value})
        with pytest.raises(BaselineError, match=rf"concurrency is {value}, not a finite number"):
            save_baseline(tmp_path, "main", stored(measured=measured))


class TestReference:
    def test_holds_all_runs_of_the_case_and_stage(self, tmp_path: Path) -> None:
        for hour in ("10", "11"):
            save_baseline(tmp_path, "main", stored(f"2026-01-01T{hour}:00:00.000+00:00"))
        save_baseline(tmp_path, "main", stored(stage="steady"))
        save_baseline(tmp_path, "main", stored(case="burst"))
        reference = load_baseline("main", tmp_path).reference("chat[concurrency=4]")
        assert (reference.name, len(reference.runs)) == ("main", 2)

    def test_holds_runs_of_the_first_version_which_had_names_and_hashes_alone(self, tmp_path: Path) -> None:
        file = save_baseline(tmp_path, "main", stored(node="a/npuperf.yaml::chat"))
        content = json.loads(gzip.decompress(file.read_bytes()))
        del content["node"]
        data = json.dumps(content | {"version": 1, "fingerprint": {"workload": "0123456789abcdef"}}).encode()
        file.with_name(f"{hashlib.sha256(data).hexdigest()}.json.gz").write_bytes(gzip.compress(data))
        baseline = load_baseline("main", tmp_path)
        for node in ("a/npuperf.yaml::chat[concurrency=4]", "b/npuperf.yaml::chat[concurrency=4]", ""):
            assert len(baseline.reference(CHAT, node=node).runs) == 2

    def test_holds_settings_of_the_workload_and_the_node_id(self, tmp_path: Path) -> None:
        workload = workload_of(
            {"load": {"concurrency": 4}, "dataset": {"jsonl": {"path": Path("/a/b.jsonl")}}}
        )
        save_baseline(tmp_path, "main", stored(fingerprint={"workload": workload}, node="x.yaml::chat"))
        (run,) = load_baseline("main", tmp_path).runs
        assert run.fingerprint["workload"] == workload
        assert workload.settings["dataset"] == {"jsonl": {"path": "b.jsonl"}}
        assert run.node == "x.yaml::chat"


class TestCasesOfOneName:
    @pytest.fixture
    def baseline(self, tmp_path: Path) -> Baseline:
        for number, folder in enumerate(("a", "a", "b"), start=1):
            run = stored(f"2026-01-0{number}T10:00:00.000+00:00", node=f"{folder}/npuperf.yaml::{CHAT}")
            save_baseline(tmp_path, "main", run)
        save_baseline(tmp_path, "main", stored(case="burst", node="a/npuperf.yaml::burst"))
        return load_baseline("main", tmp_path)

    @pytest.mark.parametrize(("folder", "runs"), [("a", 2), ("b", 1)])
    def test_each_finds_its_own_runs(self, baseline: Baseline, folder: str, runs: int) -> None:
        assert len(baseline.reference(CHAT, node=f"{folder}/npuperf.yaml::{CHAT}").runs) == runs

    @pytest.mark.parametrize("node", ["c/npuperf.yaml::chat[concurrency=4]", ""])
    def test_another_one_finds_none_and_reads_which_there_are(self, baseline: Baseline, node: str) -> None:
        with pytest.raises(
            NoBaselineError,
            match=r"it has a/npuperf.yaml::chat\[concurrency=4\] \(total\), b/npuperf.yaml::chat\[.*, burst",
        ):
            baseline.reference(CHAT, node=node)

    def test_a_name_that_one_item_has_alone_is_found_wherever_its_file_is_now(
        self, baseline: Baseline
    ) -> None:
        assert len(baseline.reference("burst", node="moved/npuperf.yaml::burst").runs) == 1

    def test_an_item_may_have_several_cases(self, tmp_path: Path) -> None:
        for node in ("test_a.py::test_chat", "test_b.py::TestIt::test_chat"):
            for case in ("test_chat", "test_chat-2"):
                save_baseline(tmp_path, "main", stored(case=case, node=node))
        baseline = load_baseline("main", tmp_path)
        assert {run.case for run in baseline.runs} == {
            f"{place}::{case}"
            for place in ("test_a.py", "test_b.py::TestIt")
            for case in ("test_chat", "test_chat-2")
        }
        assert len(baseline.runs_of("test_chat-2", node="test_b.py::TestIt::test_chat")) == 1
