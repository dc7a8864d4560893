"""Options, environment variables and ini keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_npuperf.errors import SettingsError
from pytest_npuperf.options import read_settings
from pytest_npuperf.settings import Settings

Read = Callable[..., Settings]


@pytest.fixture
def read(pytester: pytest.Pytester) -> Read:
    def read_with(*arguments: str, environ: dict[str, str] | None = None) -> Settings:
        return read_settings(pytester.parseconfig(*arguments), environ or {})

    return read_with


def test_the_command_line_wins_over_the_environment_and_that_over_ini(
    pytester: pytest.Pytester, read: Read
) -> None:
    pytester.makeini("[pytest]\nnpuperf_port = 1\nnpuperf_seed = 1\nnpuperf_abbr = from-ini\n")
    settings = read("--npuperf-port=3", environ={"NPUPERF_PORT": "2", "NPUPERF_SEED": "2"})
    assert (settings.port, settings.seed, settings.abbr, settings.deploy_env) == (3, 2, "from-ini", "inherit")
    assert [settings.sources[name] for name in ("port", "seed", "abbr", "deploy_env")] == [
        "option",
        "environment",
        "ini",
        "default",
    ]


def test_paths_start_where_they_were_written(pytester: pytest.Pytester, read: Read) -> None:
    pytester.makeini("[pytest]\nnpuperf_report_dir = reports\n")
    settings = read("--npuperf-dataset=data")
    assert settings.report_dir == pytester.path / "reports"
    assert settings.dataset == pytester.path / "data"


def test_the_adapter_is_where_deploy_sh_is(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pytester.mkdir("adapter")
    (folder / "deploy.sh").touch()
    assert read_settings(pytester.parseconfig(), {}).adapter == pytester.path
    monkeypatch.chdir(folder)
    assert read_settings(pytester.parseconfig("--rootdir", str(pytester.path)), {}).adapter == folder


def test_the_api_key_is_neither_described_nor_shown(read: Read) -> None:
    settings = read(environ={"NPUPERF_API_KEY": "secret"})
    assert settings.api_key == "secret"
    assert "secret" not in repr(settings)
    assert "secret" not in repr(settings.described())


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "--npuperf-port=70000",
            "--npuperf-port: '70000' is not valid: a port is a number between 1 and 65535",
        ),
        ("--npuperf-port=http", "--npuperf-port: 'http' is not valid"),
        ("--npuperf-install=sideways", "'sideways' is not allowed; allowed are overlay, current, never"),
        ("--npuperf-task=poetry", "allowed are text-generation, image-text-to-text, any-to-any"),
        ("--npuperf-ready-timeout=soon", "'soon' is not a duration"),
        ("--npuperf-pictures=gif", "'gif' is not allowed; allowed are svg, png"),
        ("--npuperf-model=", "--npuperf-model is empty: is the variable MODEL_PATH set?"),
        ("--npuperf-model=/no/such/weights", "'/no/such/weights' does not exist"),
        ("--npuperf-base-url=localhost:8000", "must look like http://host:port"),
        ("--npuperf-base-url=http://localhost:port", "base URL 'http://localhost:port' is not valid"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(read: Read, argument: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(argument)
    assert message in str(caught.value)


def test_png_without_its_package_is_told_at_the_start(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_npuperf.option_table.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"pip install 'pytest-npuperf\[pictures\]'\); svg needs none"):
        read("--npuperf-pictures=png")
    assert read("--npuperf-pictures=svg").pictures == "svg"


def test_a_flag_is_read_from_ini(pytester: pytest.Pytester, read: Read) -> None:
    pytester.makeini("[pytest]\nnpuperf_zip = true\n")
    assert read().zip is True
    pytester.makeini("[pytest]\nnpuperf_zip = perhaps\n")
    with pytest.raises(SettingsError, match="npuperf_zip: 'perhaps' is not valid: allowed are 1, true"):
        read()


def test_a_wrong_value_ends_pytest_with_a_usage_error(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--npuperf-port=none")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --npuperf-port: 'none' is not valid*"])
    assert "Traceback" not in result.stderr.str()


def test_every_option_has_help(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--help")
    result.stdout.fnmatch_lines(["serving performance of AI models:", "*--npuperf-model=PATH*"])


def test_settings_are_found_in_pyproject(pytester: pytest.Pytester, read: Read) -> None:
    pytester.path.joinpath("tox.ini").unlink()
    Path(pytester.path / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\nnpuperf_slo = ["ttft.p99 < 1 s", "tpot.avg < 1 s"]\n'
    )
    assert read().slo == ("ttft.p99 < 1 s", "tpot.avg < 1 s")
