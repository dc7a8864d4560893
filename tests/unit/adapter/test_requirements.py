from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_npuperf.adapter import DeploySettings, requirement_warnings
from pytest_npuperf.adapter.requirements import install_requirements

MakeSettings = Callable[..., DeploySettings]


def metadata(name: str, version: str) -> str:
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


def add_wheel(directory: Path, name: str, version: str) -> None:
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(directory / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", f"version = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", metadata(name, version))
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@dataclass
class Base:
    """An environment with a console script, as an engine's image has it, and wheels to install."""

    home: Path
    packages: Path
    environ: dict[str, str]

    def add(self, name: str, version: str) -> None:
        info = self.packages / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(metadata(name, version))
        (self.packages / f"{name}.py").write_text(f"version = {version!r}\n")

    def contents(self) -> set[str]:
        return {path.name for path in self.packages.iterdir() if path.name != "__pycache__"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    root = tmp_path_factory.mktemp("base")
    home, wheels = root / "venv", root / "wheels"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    (packages,) = home.glob("lib/python3*/site-packages")
    environ = {
        "PATH": f"{home / 'bin'}{os.pathsep}{os.defpath}",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
    }
    base = Base(home, packages, environ)
    base.add("engine", "1.0")
    base.add("kept", "1.0")
    base.add("replaced", "1.0")
    # An editable installation: its place is known from a .pth file only.
    source = root / "source"
    source.mkdir()
    (source / "linked.py").write_text("version = 'linked'\n")
    (packages / "__editable__.linked.pth").write_text(f"{source}\n")
    script = home / "bin" / "engine"
    script.write_text(
        f"#!{home / 'bin' / 'python3'}\n"
        "import engine, kept, linked, replaced\n"
        "print(engine.version, kept.version, linked.version, replaced.version)\n"
    )
    script.chmod(0o755)
    wheels.mkdir()
    for name, version in [("kept", "9.0"), ("replaced", "2.0"), ("new", "1.0")]:
        add_wheel(wheels, name, version)
    return base


def output(environ: dict[str, str], *argv: str) -> str:
    found = shutil.which(argv[0], path=environ["PATH"])
    assert found is not None
    return subprocess.run([found, *argv[1:]], env=environ, check=True, capture_output=True, text=True).stdout


def overlays(adapter: Path) -> list[Path]:
    return [path for path in (adapter / ".npuperf" / "cache").glob("overlay-*") if path.is_dir()]


def test_the_overlay_holds_what_the_base_lacks_and_is_made_once(
    base: Base, adapter: Path, settings: MakeSettings, tmp_path: Path
) -> None:
    (adapter / "requirements.txt").write_text("# what the adapter needs\nkept>=1\nreplaced==2.0\nnew\n")
    before = base.contents()
    log = tmp_path / "install.log"
    texts: list[str] = []
    environ = install_requirements(settings(), base.environ, log=log, notify=texts.append)

    # A console script of the base names the base's interpreter and still sees the overlay.
    assert output(environ, "engine") == "1.0 1.0 linked 2.0\n"
    seen = (
        "import kept, linked, new, replaced as r; print(kept.version, linked.version, new.version, r.version)"
    )
    assert output(environ, "python3", "-c", seen) == "1.0 linked 1.0 2.0\n"
    (overlay,) = overlays(adapter)
    assert output(environ, "python3", "-c", "import sys; print(sys.prefix)").strip() == str(overlay)
    (packages,) = overlay.glob("lib/python3*/site-packages")
    installed = {path.name.partition("-")[0] for path in packages.glob("*.dist-info")}
    assert installed == {"pip", "replaced", "new"}
    assert base.contents() == before
    assert output(base.environ, "engine") == "1.0 1.0 linked 1.0\n"
    assert any(text.startswith("installing requirements.txt into the overlay: ") for text in texts)
    assert "Successfully installed" in log.read_text()
    assert (adapter / ".npuperf" / "cache" / ".gitignore").read_text() == "*\n"

    size = log.stat().st_size
    texts.clear()
    assert install_requirements(settings(), base.environ, log=log, notify=texts.append) == environ
    assert texts == [f"requirements.txt is already installed in {overlay}"]
    assert log.stat().st_size == size


def test_current_installs_into_the_environment_of_the_script(
    adapter: Path, settings: MakeSettings, stub_python: Path, tmp_path: Path
) -> None:
    (adapter / "requirements.txt").write_text("new\n")
    log = tmp_path / "install.log"
    environ = {"PATH": f"{stub_python.parent}{os.pathsep}{os.defpath}"}
    given = settings(install="current")
    assert install_requirements(given, environ, log=log, notify=lambda _: None) == environ
    assert log.read_text() == f"called: -m pip install --requirement {adapter}/requirements.txt\n"
    assert not (adapter / ".npuperf").exists()


def test_no_requirements_are_skipped_and_said_so(settings: MakeSettings, tmp_path: Path) -> None:
    texts: list[str] = []
    environ = install_requirements(settings(), {"A": "1"}, log=tmp_path / "install.log", notify=texts.append)
    assert environ == {"A": "1"}
    assert texts == ["no requirements.txt: installation skipped"]


def test_never_installs_nothing_and_still_warns(
    adapter: Path, settings: MakeSettings, tmp_path: Path
) -> None:
    (adapter / "requirements.txt").write_text("transformers==4.37.0\ntorch-npu==2.1\n")
    texts: list[str] = []
    log = tmp_path / "install.log"
    environ = install_requirements(settings(install="never"), {"A": "1"}, log=log, notify=texts.append)
    (warning,) = requirement_warnings(adapter / "requirements.txt")
    assert environ == {"A": "1"}
    assert texts == [f"warning: {warning}", "requirements.txt is not installed (--npuperf-install=never)"]
    assert log.read_text() == f"warning: {warning}\n"


@pytest.mark.parametrize(
    ("line", "provided"),
    [
        ("torch-npu==2.1.0", "Torch NPU"),
        ("torch_npu", "Torch NPU"),
        ("Torch.NPU[extra] >= 2 ; python_version > '3.8'", "Torch NPU"),
        ("torch_npu @ https://example.org/torch_npu-2.1.0-cp310-linux_aarch64.whl", "Torch NPU"),
        ("./wheels/torch_npu-2.1.0-cp310-cp310-linux_aarch64.whl", "Torch NPU"),
        ("python>=3.10", "Python"),
        ("python3", "Python"),
        ("te==0.4.0", "CANN"),
        ("hccl", "CANN"),
        ("cann-toolkit==8.0", "CANN"),
        ("Ascend-cann-kernels", "CANN"),
    ],
)
def test_what_the_environment_provides_is_warned_about_with_its_line(
    tmp_path: Path, line: str, provided: str
) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"transformers\n\n{line}  # pinned\n")
    (warning,) = requirement_warnings(path)
    assert warning.startswith(
        f"requirements.txt line 3 ({line}  # pinned) lists {provided}, which the environment"
    )


@pytest.mark.parametrize(
    "line",
    [
        "# torch-npu",
        "transformers==4.37.0",
        "torch==2.1",
        "python-dotenv",
        "cannon",
        "vllm-ascend",
        "-r other.txt",
        "--index-url https://example.org/simple",
        "",
    ],
)
def test_other_requirements_are_not_warned_about(tmp_path: Path, line: str) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"{line}\n")
    assert requirement_warnings(path) == ()
