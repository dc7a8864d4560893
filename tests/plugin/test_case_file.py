"""``npuperf.yaml`` as pytest items."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

TWO_CASES = """
defaults: {requests: 2, max_tokens: 4, warmup: 0}
cases:
  - name: chat
    dataset: {synthetic: {input_tokens: 20, output_tokens: 4}}
    load: {concurrency: [1, 2]}
    slo: [ttft.p99 < 5 s, failed_requests == 0]
  - name: long
    requests: 3
"""


def test_a_list_parametrizes(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", npuperf=TWO_CASES)
    result = pytester.runpytest_subprocess("--collect-only", "-q")
    result.stdout.fnmatch_lines(
        ["npuperf.yaml::chat[[]concurrency=1]", "npuperf.yaml::chat[[]concurrency=2]", "npuperf.yaml::long"]
    )


def test_two_lists_make_every_combination(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", npuperf="cases: [{name: x, load: {rate: [0.5, 5], concurrency: [4, 8]}}]")
    result = pytester.runpytest_subprocess("--collect-only", "-q")
    result.stdout.fnmatch_lines(
        [f"npuperf.yaml::x[[]concurrency={clients},rate={rate}]" for clients in (4, 8) for rate in (0.5, 5)]
    )


def test_the_cases_run_and_one_can_be_chosen(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makefile(".yaml", npuperf=TWO_CASES)
    target = f"--npuperf-base-url={server.url}"
    result = pytester.runpytest_subprocess(target)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*task: vllm-api-stream-chat/chat-concurrency-2:"])
    pytester.runpytest_subprocess(target, "npuperf.yaml::chat[concurrency=2]").assert_outcomes(passed=1)
    pytester.runpytest_subprocess(target, "-k", "long").assert_outcomes(passed=1, deselected=2)


def test_without_a_server_cases_are_skipped_with_the_reason(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", npuperf=TWO_CASES)
    result = pytester.runpytest_subprocess("-rs")
    result.assert_outcomes(skipped=3)
    result.stdout.fnmatch_lines(
        ["*no server to measure: pass --npuperf-model=PATH or --npuperf-base-url=URL"]
    )
    assert not (pytester.path / ".npuperf").exists()


def test_the_file_at_the_root_is_collected_although_testpaths_leaves_it_out(
    pytester: pytest.Pytester,
) -> None:
    pytester.makefile(".yaml", npuperf=TWO_CASES)
    pytester.makeini("[pytest]\ntestpaths = tests\n")
    pytester.mkdir("tests").joinpath("test_plain.py").write_text("def test_plain(): pass\n")
    result = pytester.runpytest_subprocess("--collect-only", "-q")
    result.stdout.fnmatch_lines(["tests/test_plain.py::test_plain", "npuperf.yaml::long"])
    one = pytester.runpytest_subprocess("--collect-only", "-q", "tests")
    assert "npuperf.yaml" not in one.stdout.str()


def test_the_file_at_the_root_is_collected_once(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", npuperf=TWO_CASES)
    pytester.makeini("[pytest]\ntestpaths = .\n")
    result = pytester.runpytest_subprocess("--collect-only", "-q")
    assert result.stdout.str().count("npuperf.yaml::long") == 1


def test_a_wrong_file_is_a_collection_error_without_traceback(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makefile(".yaml", npuperf="cases:\n  - name: chat\n    reqests: 3\n")
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*npuperf.yaml:3: cases[[]0].reqests: unknown key; allowed are *; did you mean 'requests'?"]
    )
    assert "Traceback" not in result.stdout.str()
    assert server.requests() == []


def test_keys_that_contradict_each_other_are_a_collection_error(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", npuperf="cases:\n  - name: chat\n    load:\n      arrival: constant\n")
    result = pytester.runpytest_subprocess("--collect-only")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*npuperf.yaml:4: cases[[]0].load.arrival: there is no rate *: give rate too"]
    )


def test_two_files_must_agree_about_the_server(pytester: pytest.Pytester) -> None:
    for folder, timeout in (("a", "1 min"), ("b", "2 min")):
        pytester.mkdir(folder).joinpath("npuperf.yaml").write_text(
            f"server: {{ready_timeout: {timeout}}}\ncases: [{{name: one}}]\n"
        )
    result = pytester.runpytest_subprocess("--collect-only")
    result.stdout.fnmatch_lines(["*b/npuperf.yaml: server: differs from the one in *a/npuperf.yaml*"])


def test_fixtures_of_the_users_conftest_are_at_hand(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makefile(".yaml", npuperf=TWO_CASES)
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session", autouse=True)
        def of_the_session():
            print("session begins")

        @pytest.fixture(scope="module", autouse=True)
        def of_the_module():
            print("module begins")

        @pytest.fixture(autouse=True)
        def of_the_case(request):
            print("case", request.node.name)
        """
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "-s", "-k", "long")
    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(["*session begins", "*module begins", "*case long"])


def test_cases_are_measured_one_after_the_other_by_one_client_each(
    pytester: pytest.Pytester, server: Any
) -> None:
    pytester.makefile(".yaml", npuperf=TWO_CASES)
    pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "npuperf.yaml::long")
    spans = sorted((r["t_received"], r["t_last"]) for r in server.requests())
    assert all(later[0] >= earlier[1] for earlier, later in pairwise(spans))
