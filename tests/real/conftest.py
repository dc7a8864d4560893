"""Runs pytest on a real inference engine from outside, as the author of an adapter repository does."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PORT = 8000
TIMEOUT = 1200.0
"""Seconds for one run of pytest: vLLM alone takes 200 to be ready on two busy cores."""

CASES = """\
defaults:
  dataset: {gsm8k: {path: questions.jsonl, shots: 0}}
  requests: 4
  max_tokens: 24
cases:
  - name: chat
    load: {concurrency: [1, 4]}
    slo: [failed_requests == 0, ttft.p99 < 10 min]
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """What examples/vllm-cpu/prepare.sh makes."""

    environment: Path
    model: Path

    def processes(self) -> set[int]:
        """The processes that have a file of the environment mapped, under whatever name they run."""
        return {int(maps.parts[2]) for maps in Path("/proc").glob("[0-9]*/maps") if self._is_mapped(maps)}

    def _is_mapped(self, maps: Path) -> bool:
        try:
            return f"{self.environment.resolve()}/" in maps.read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False


@dataclass(frozen=True, slots=True)
class AdapterRun:
    """What one run of pytest in an adapter repository left."""

    model: Path
    exit_code: int
    output: str
    outcomes: dict[str, str]
    """Name of the item -> '' where it passed, else the text that says why not."""
    report: Path
    processes_left: set[int]
    port_taken: bool

    @property
    def performance(self) -> Path:
        """Where the files of the cases lie."""
        return self.report / "performance" / "vllm-api-stream-chat"


@pytest.fixture(scope="session")
def engine() -> Engine:
    paths = {name: os.environ.get(name, "") for name in ("NPUPERF_ENGINE_ENV", "NPUPERF_ENGINE_MODEL")}
    missing = [name for name, path in paths.items() if not path]
    if missing:
        reason = f"{' and '.join(missing)} not set: name what examples/vllm-cpu/prepare.sh makes"
        if os.environ.get("NPUPERF_REQUIRE_ENGINES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    environment, model = (Path(path).absolute() for path in paths.values())
    return Engine(environment, model)


@pytest.fixture(scope="session")
def vllm_run(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> AdapterRun:
    """Three cases on vLLM, the last with a budget that no CPU keeps."""
    too_tight = "  - {name: too-tight, requests: 1, warmup: 0, slo: ttft.p99 < 1 us}\n"
    adapter = make_adapter(tmp_path_factory.mktemp("vllm"), "vllm-cpu/quick", CASES + too_tight)
    return run_pytest(adapter, engine)


@pytest.fixture(scope="session")
def transformers_run(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> AdapterRun:
    """Two cases on ``transformers serve``."""
    # Two threads wait for each other at every layer: where anything else has a core, for seconds.
    server = "server: {env: {OMP_NUM_THREADS: 1}}\n"
    adapter = make_adapter(tmp_path_factory.mktemp("transformers"), "transformers-serve", server + CASES)
    return run_pytest(adapter, engine)


@pytest.fixture(params=["vllm_run", "transformers_run"])
def run(request: pytest.FixtureRequest) -> AdapterRun:
    """The run on each engine."""
    result: AdapterRun = request.getfixturevalue(request.param)
    return result


def make_adapter(folder: Path, example: str, cases: str) -> Path:
    """An adapter repository that holds the example's deploy.sh, the cases and their questions."""
    shutil.copy(EXAMPLES / example / "deploy.sh", folder)
    folder.joinpath("npuperf.yaml").write_text(cases)
    with folder.joinpath("questions.jsonl").open("w") as file:
        for number in range(20):
            # Asks for more than max_tokens, so that every answer has a decode phase.
            question = f"Count from {number} to {number + 90}, one number on each line."
            file.write(json.dumps({"question": question, "answer": f"#### {number + 90}"}) + "\n")
    return folder


def run_pytest(adapter: Path, engine: Engine) -> AdapterRun:
    """Run pytest in the adapter repository, with the engine first on PATH."""
    before = engine.processes()
    outer = ("PYTEST_", "NPUPERF_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    environ |= {
        "PATH": f"{engine.environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "VLLM_CPU_KVCACHE_SPACE": "2",
        # There is none, and then `transformers serve` answers /v1/models with 500.
        "HF_HOME": str(adapter / "no-huggingface-cache"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"--npuperf-model={engine.model}", "--junitxml=junit.xml"],
        cwd=adapter,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    left = engine.processes() - before
    # Shown by pytest where a test that asked for this run fails.
    sys.stdout.write(done.stdout)
    (report,) = (path for path in (adapter / ".npuperf" / "reports").iterdir() if path.is_dir())
    return AdapterRun(
        model=engine.model,
        exit_code=done.returncode,
        output=done.stdout,
        outcomes=read_outcomes(adapter / "junit.xml"),
        report=report,
        processes_left=left,
        port_taken=is_listening(PORT),
    )


def read_outcomes(junit: Path) -> dict[str, str]:
    """Name of the item -> '' where it passed, else the text that says why not."""
    outcomes = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        kinds = ("failure", "error", "skipped")
        faults = [fault.text or fault.tag for kind in kinds for fault in case.iter(kind)]
        outcomes[case.attrib["name"]] = "\n".join(faults)
    return outcomes


def is_listening(port: int) -> bool:
    """Whether a server on this machine takes connections on the port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
