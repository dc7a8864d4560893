"""What is known to be wrong without the server is told before it is asked for anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.relative_case import CASE, FAST

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, tmp_path: Path) -> Run:
    """Runs pytest on an adapter whose deployment leaves a file behind, and then fails."""
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "weights").mkdir()
    (adapter / "weights" / "model.bin").write_bytes(b"weights")

    def with_options(*options: str) -> pytest.RunResult:
        script = pytester.path / "deploy.sh"
        script.write_text(f"touch {adapter}/deployed\nexit 1\n")
        script.chmod(0o755)
        result = pytester.runpytest_subprocess(f"--npuperf-model={adapter / 'weights'}", *options)
        assert "Traceback" not in result.stdout.str() + result.stderr.str()
        assert "pytest_npuperf/" not in result.stdout.str()
        return result

    with_options.deployed = adapter / "deployed"  # type: ignore[attr-defined]
    return with_options


@pytest.fixture
def refused(run: Run) -> Iterator[Run]:
    """As run, of items that fail in their setup before anything is deployed."""

    def checked(*options: str) -> pytest.RunResult:
        result = run(*options)
        result.assert_outcomes(errors=1)
        return result

    yield checked
    assert not run.deployed.exists()  # type: ignore[attr-defined]


def test_what_is_right_is_deployed(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makefile(".yaml", npuperf="cases: [{name: chat}]")
    run().assert_outcomes(errors=1)
    assert run.deployed.exists()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            "dataset: {jsonl: ./gone.jsonl}",
            "*gone.jsonl cannot be read: No such file or directory; give the *",
        ),
        (
            "dataset: {jsonl: ./three.jsonl}, requests: 20",
            "*three.jsonl gave 3 different prompts and holds no *",
        ),
        ("dataset: {gsm8k: ./three.jsonl}", "*three.jsonl, line 1: *"),
    ],
)
def test_a_dataset(pytester: pytest.Pytester, refused: Run, keys: str, message: str) -> None:
    (pytester.path / "three.jsonl").write_text("".join(f'{{"question": "{i}?"}}\n' for i in range(3)))
    pytester.makefile(".yaml", npuperf=f"cases: [{{name: chat, {keys}}}]")
    refused().stdout.fnmatch_lines(["*ERROR at setup of chat*", message])


def test_the_dataset_of_the_built_in_case(refused: Run) -> None:
    refused("--npuperf-dataset=gone").stdout.fnmatch_lines(
        ["*ERROR at setup of gsm8kdataset*", "no GSM8K at *gone*"]
    )


def test_nothing_is_read_to_collect(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makefile(".yaml", npuperf="cases: [{name: chat, dataset: {jsonl: ./gone.jsonl}}]")
    result = run("--collect-only", "-q")
    result.stdout.fnmatch_lines(["npuperf.yaml::chat"])
    assert result.ret == pytest.ExitCode.OK


def test_without_a_server_nothing_is_looked_at(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", npuperf="cases: [{name: chat, dataset: {jsonl: ./gone.jsonl}}]")
    pytester.runpytest_subprocess("--npuperf-slo", "steady.ttft.p99 < 1 s").assert_outcomes(skipped=1)


def test_a_file_without_a_case_does_not_run_the_built_in_one(pytester: pytest.Pytester, refused: Run) -> None:
    pytester.makefile(".yaml", npuperf="cases: []")
    refused().stdout.fnmatch_lines(["npuperf.yaml:1: cases: the list is empty; give at least one case, *"])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            "slo: [steady.ttft.p99 < 1 s]",
            "npuperf.yaml:1: cases[[]0].slo: budget 'steady.ttft.p99 < 1 s': the case does not report *",
        ),
        (
            "advisory: [turn 3.ttft.p99 < 1 s], "
            "dataset: {conversation: {turns: 2, input_tokens: 10, output_tokens: 4}}",
            "npuperf.yaml:1: cases[[]0].advisory: budget 'turn 3.ttft.p99 < 1 s': there is no *most 2",
        ),
        (
            "load: {replay: true}",
            "npuperf.yaml:1: cases[[]0].load.replay: a Gsm8kShaped dataset does not say *",
        ),
    ],
)
def test_a_stage_or_times_that_a_case_lacks_are_a_collection_error(
    pytester: pytest.Pytester, refused: Run, keys: str, message: str
) -> None:
    pytester.makefile(".yaml", npuperf=f"cases: [{{name: chat, {keys}}}]")
    refused().stdout.fnmatch_lines(["*ERROR collecting npuperf.yaml*", message])


def test_a_budget_of_the_command_line_on_a_stage_that_the_case_lacks(
    pytester: pytest.Pytester, refused: Run
) -> None:
    pytester.makefile(".yaml", npuperf="cases: [{name: chat}]")
    result = refused("--npuperf-slo", "steady.ttft.p99 < 1 s")
    result.stdout.fnmatch_lines(
        ["chat: budget 'steady.ttft.p99 < 1 s': the case does not report its steady *"]
    )


def test_a_search_of_two_servers(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", npuperf="cases: [{name: chat, sweep: {concurrency: [1, 2]}}]")
    nobody = "http://127.0.0.1:9"
    result = pytester.runpytest_subprocess("--npuperf-ab", nobody, nobody)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["chat: a search or a sweep cannot be measured by turns: *"])


@pytest.mark.parametrize("test", ["async def test_it(npuperf): pass", "def test_it(npuperf_client): pass"])
def test_a_damaged_baseline_of_a_test_function(pytester: pytest.Pytester, refused: Run, test: str) -> None:
    folder = pytester.path / ".npuperf" / "baselines" / "main"
    folder.mkdir(parents=True)
    (folder / "0123.json.gz").write_bytes(b"half")
    pytester.makepyfile(f"import pytest\n\n@pytest.mark.npuperf_slo('ttft.avg <= baseline(main)')\n{test}\n")
    result = refused()
    result.stdout.fnmatch_lines(["test_it: budget 'ttft.avg <= baseline(main)': *0123.json.gz is damaged: *"])


def test_a_stage_that_npuperf_client_does_not_have(pytester: pytest.Pytester, refused: Run) -> None:
    pytester.makepyfile("def test_it(npuperf_client): pass")
    result = refused("--npuperf-slo", "turn 2.ttft.avg < 1 s")
    result.stdout.fnmatch_lines(
        ["test_it: budget 'turn 2.ttft.avg < 1 s': what goes through npuperf_client has *"]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("steady=True, dataset={'jsonl': './gone.jsonl'}", "*gone.jsonl cannot be read: *"),
        (
            "requests=2",
            "test_it: budget 'steady.ttft.avg < 1 s': the case does not report its steady stage: *",
        ),
        ("steady=True, load=Replay()", "test_it: load.replay: a Gsm8kShaped dataset does not say *"),
    ],
)
def test_a_call_sends_nothing(pytester: pytest.Pytester, server: Any, arguments: str, message: str) -> None:
    pytester.makepyfile(
        f"""
        import pytest
        from pytest_npuperf import Replay

        @pytest.mark.npuperf_slo("steady.ttft.avg < 1 s")
        async def test_it(npuperf):
            await npuperf.run({arguments})
        """
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([message])
    # one is for readiness
    assert len(server.requests()) == 1


class TestWarningsAreErrors:
    def test_of_the_command_line(self, run: Run) -> None:
        result = run("--npuperf-slo", "ttft.p99 > 1 s", "-W", "error")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            ["ERROR: --npuperf-slo: budget 'ttft.p99 > 1 s': a higher ttft is worse; *-W error or*"]
        )

    def test_of_a_file(self, pytester: pytest.Pytester, refused: Run) -> None:
        pytester.makefile(".yaml", npuperf="cases: [{name: chat, slo: [ttft.p99 > 1 s]}]")
        result = refused("-W", "error::pytest_npuperf.errors.NpuperfWarning")
        result.stdout.fnmatch_lines(
            [
                "*ERROR collecting npuperf.yaml*",
                "npuperf.yaml: budget 'ttft.p99 > 1 s': a higher ttft is worse; *",
            ]
        )

    def test_of_a_marker(self, pytester: pytest.Pytester, run: Run) -> None:
        pytester.makepyfile(
            "import pytest\n\n@pytest.mark.npuperf_slo('ttft.p99 > 1 s')\nasync def test_it(npuperf): pass\n"
        )
        result = run("-W", "error::pytest_npuperf.errors.NpuperfWarning")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: *test_it: budget 'ttft.p99 > 1 s': a higher ttft is worse; *"])

    def test_of_what_was_measured(self, pytester: pytest.Pytester, simulate: Callable[..., Any]) -> None:
        pytester.makefile(".yaml", npuperf=CASE)
        result = pytester.runpytest_subprocess(
            f"--npuperf-base-url={simulate(*FAST).url}",
            "--npuperf-client-health=warn",
            "-Werror::pytest_npuperf.errors.NpuperfWarning",
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["chat: *there is none named to compare total with*(a warning, which*"])
        assert "Traceback" not in result.stdout.str()
