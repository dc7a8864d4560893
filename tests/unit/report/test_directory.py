from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest

from pytest_npuperf.report import write_report, zip_report
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.trace import Trace

Results = Callable[..., CaseResult]
Records = Callable[..., RunRecord]

RUN = "ee9480acbbac4d4aa190a124d5ddf39c"


def _files(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def test_the_layout_is_the_specification_s(
    tmp_path: Path, make_result: Results, make_record: Records
) -> None:
    write_report(tmp_path / RUN, make_record(make_result("gsm8kdataset")))
    performance = "performance/vllm-api-stream-chat"
    assert _files(tmp_path / RUN) == {
        "configs/cases.json",
        "configs/environment.json",
        "configs/server.json",
        "configs/settings.json",
        f"{performance}/gsm8kdataset.csv",
        f"{performance}/gsm8kdataset.json",
        f"{performance}/gsm8kdataset_details.json",
        f"{performance}/gsm8kdataset_plot.html",
        f"{performance}/plotly.min.js",
        "report.html",
        "summary.json",
    }
    assert (tmp_path / RUN / "logs" / "performance").is_dir()


def test_plotly_s_script_is_there_once_for_all_cases(
    tmp_path: Path, make_result: Results, make_record: Records
) -> None:
    write_report(tmp_path, make_record(make_result("a"), make_result("b"), make_result("b")))
    assert [path for path in _files(tmp_path) if path.endswith(".js")] == [
        "performance/vllm-api-stream-chat/plotly.min.js"
    ]
    script = tmp_path / "performance/vllm-api-stream-chat/plotly.min.js"
    assert b"plotly.js v" in script.read_bytes()[:200]
    assert (script.parent / "b-2_plot.html").exists()


def test_a_directory_that_holds_logs_keeps_them(
    tmp_path: Path, make_result: Results, make_record: Records
) -> None:
    log = tmp_path / "logs" / "deploy.log"
    log.parent.mkdir()
    log.write_text("ready")
    write_report(tmp_path, make_record(make_result()))
    assert log.read_text() == "ready"


def test_a_report_can_be_written_again(tmp_path: Path, make_result: Results, make_record: Records) -> None:
    write_report(tmp_path, make_record(make_result()))
    first = _files(tmp_path)
    write_report(tmp_path, make_record(make_result(), stopped=True))
    assert _files(tmp_path) == first
    assert json.loads((tmp_path / "summary.json").read_bytes())["stopped"] is True


def test_a_run_without_results_still_says_so(tmp_path: Path, make_record: Records) -> None:
    write_report(tmp_path, make_record(stopped=True))
    assert json.loads((tmp_path / "summary.json").read_bytes())["cases"] == []
    assert _files(tmp_path / "performance") == set()


def test_a_case_without_one_success_has_all_its_files(
    tmp_path: Path, make_result: Results, make_record: Records, build_trace: Callable[..., Trace]
) -> None:
    trace = build_trace({"sent": 0, "end": 5, "error": "connect"})
    write_report(tmp_path, make_record(make_result("chat", trace)))
    files = json.loads((tmp_path / "summary.json").read_bytes())["cases"][0]["files"]
    assert all((tmp_path / file).stat().st_size for file in files.values())


def test_hostile_names_stay_inside_the_directory(
    tmp_path: Path, make_result: Results, make_record: Records
) -> None:
    write_report(tmp_path / RUN, make_record(make_result("../../escaped"), abbr="../../../abbr"))
    assert {path.name for path in tmp_path.iterdir()} == {RUN}
    assert (tmp_path / RUN / "performance" / "abbr" / "escaped.csv").exists()


def test_configs_hold_settings_cases_environment_and_server(
    tmp_path: Path, make_result: Results, make_record: Records
) -> None:
    record = make_record(
        make_result("chat", settings={"load": {"concurrency": 4}}),
        settings={"report_dir": {"value": Path("a/b"), "source": "ini"}},
        environment={"argv": ("pytest", "\udcff"), "cpus": 2, "git_commit": None},
    )
    write_report(tmp_path, record)

    def read(name: str) -> object:
        return json.loads((tmp_path / "configs" / name).read_bytes())

    assert read("settings.json") == {"report_dir": {"value": "a/b", "source": "ini"}}
    assert read("cases.json") == [
        {"name": "chat", "nodeid": "npuperf.yaml::chat", "settings": {"load": {"concurrency": 4}}}
    ]
    assert read("environment.json") == {"argv": ["pytest", "\\udcff"], "cpus": 2, "git_commit": None}
    assert read("server.json") == {"base_url": "http://127.0.0.1:8000"}


def test_no_unfinished_file_is_left(tmp_path: Path, make_result: Results, make_record: Records) -> None:
    write_report(tmp_path, make_record(make_result()))
    zip_report(tmp_path)
    assert not [file for file in _files(tmp_path) if file.endswith(".tmp")]


def test_where_writing_failed_there_is_no_summary(
    tmp_path: Path, make_result: Results, make_record: Records
) -> None:
    in_the_way = tmp_path / "performance" / "vllm-api-stream-chat" / "chat_details.json"
    in_the_way.mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        write_report(tmp_path, make_record(make_result("chat")))
    assert not (tmp_path / "summary.json").exists()


def test_unzipped_the_report_is_the_run_s_directory(
    tmp_path: Path, make_result: Results, make_record: Records
) -> None:
    run = tmp_path / RUN
    write_report(run, make_record(make_result()))
    packed = zip_report(run)
    assert packed == run / "report.zip"
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "unzipped")
    assert {PurePosixPath(name).parts[0] for name in names} == {RUN}
    assert f"{RUN}/logs/performance/" in names
    assert _files(tmp_path / "unzipped" / RUN) == _files(run) - {"report.zip"}


def test_packing_again_does_not_pack_the_first_zip(
    tmp_path: Path, make_result: Results, make_record: Records
) -> None:
    run = tmp_path / RUN
    write_report(run, make_record(make_result()))
    zip_report(run)
    with zipfile.ZipFile(zip_report(run)) as archive:
        assert not [name for name in archive.namelist() if "zip" in name]


def test_pictures_lie_in_a_folder_of_their_case(
    tmp_path: Path, make_result: Results, make_record: Records
) -> None:
    record = make_record(make_result("chat[concurrency=4]"), make_result("b"))
    first, second = write_report(tmp_path, record, pictures="svg")
    assert first["TTFT"] == "pictures/chat-concurrency-4/ttft.svg"
    assert second["Concurrency visualization"] == "pictures/b/concurrency-visualization.svg"
    written = {path for path in _files(tmp_path) if path.startswith("pictures/")}
    assert written == {*first.values(), *second.values()}
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert [case["pictures"] for case in summary["cases"]] == [first, second]


def test_without_being_asked_there_are_no_pictures(
    tmp_path: Path, make_result: Results, make_record: Records
) -> None:
    assert write_report(tmp_path, make_record(make_result())) == [{}]
    assert not (tmp_path / "pictures").exists()


def test_a_guard_that_swallows_errors_has_all_other_files_written(
    tmp_path: Path, make_result: Results, make_record: Records
) -> None:
    folder = tmp_path / "performance" / "vllm-api-stream-chat"
    (folder / "a.csv").mkdir(parents=True)
    (folder / "a_plot.html").mkdir()
    errors: list[OSError] = []

    @contextmanager
    def guard() -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            errors.append(exc)

    write_report(tmp_path, make_record(make_result("a"), make_result("b")), guard=guard)
    assert len(errors) == 2
    first, second = json.loads((tmp_path / "summary.json").read_bytes())["cases"]
    assert set(first["files"]) == {"common", "details"}
    assert set(second["files"]) == {"performance", "common", "details", "plot"}
    for case in (first, second):
        assert all((tmp_path / path).is_file() for path in case["files"].values())
    assert not list(tmp_path.rglob("*.tmp"))


def test_what_was_measured_is_written_before_anything_is_drawn(
    tmp_path: Path, make_result: Results, make_record: Records
) -> None:
    folder = tmp_path / "performance" / "vllm-api-stream-chat"
    (folder / "a_plot.html").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        write_report(tmp_path, make_record(make_result("a"), make_result("b")))
    assert {"a.csv", "a_details.json", "b.csv", "b.json", "b_details.json"} <= _files(folder)
