"""From an adapter repository to a server that answers, and back to nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_npuperf.adapter.checks import check_model, check_script
from pytest_npuperf.adapter.environment import deploy_environment
from pytest_npuperf.adapter.log import hide, tail_text, with_last_line
from pytest_npuperf.adapter.port import check_free, wait_until_free
from pytest_npuperf.adapter.probing import Served
from pytest_npuperf.adapter.process import Status, SupervisedProcess, exit_text
from pytest_npuperf.adapter.readiness import wait_until_ready
from pytest_npuperf.adapter.requirements import install_requirements
from pytest_npuperf.adapter.script import script_command
from pytest_npuperf.adapter.settings import DeploySettings
from pytest_npuperf.errors import NotReadyError

__all__ = ["Deployment", "deploy"]


class Deployment:
    """An adapter that runs and is ready."""

    def __init__(self, process: SupervisedProcess, *, served: Served, log: Path, port: int) -> None:
        self.served = served
        self.log = log
        self._process = process
        self._port = port
        self._stopped = False

    def stop(self) -> None:
        """End every process that deploy.sh started; nothing is left listening. Can be called again.

        Raises:
            DeployError: A process outlived SIGKILL, or something outside still holds the port.
        """
        if self._stopped:
            return
        self._process.stop()
        wait_until_free(self._port)
        self._stopped = True

    def exited(self) -> int | None:
        """The exit code of deploy.sh where it and all it started have ended meanwhile, else None."""
        status = self._process.poll()
        return status.code if status.over else None


def deploy(settings: DeploySettings, *, logs: Path, notify: Callable[[str], None]) -> Deployment:
    """Deploy an adapter and wait until it is ready.

    Args:
        settings: What to deploy.
        logs: The directory for install.log and deploy.log; made where it is missing.
        notify: Called with texts of one line, at most about one a second, that say what goes on.

    Raises:
        AdapterError: There is no deploy.sh, or the weights are missing or over the limit.
        InstallError: The requirements could not be installed.
        DeployError: The port is taken, or deploy.sh could not start, failed or left nothing running.
        NotReadyError: The server does not answer as it must, or not in time.
    """
    script = check_script(settings.adapter)
    check_model(settings.model)
    check_free(settings.port)
    logs.mkdir(parents=True, exist_ok=True)
    environ = install_requirements(
        settings, deploy_environment(settings), log=logs / "install.log", notify=notify
    )
    log = logs / "deploy.log"
    process = SupervisedProcess(script_command(script), cwd=script.parent, env=environ, log=log)
    try:
        served = _wait(process, settings, log=log, notify=notify)
    except BaseException:
        process.stop()
        raise
    return Deployment(process, served=served, log=log, port=settings.port)


def _wait(
    process: SupervisedProcess, settings: DeploySettings, *, log: Path, notify: Callable[[str], None]
) -> Served:
    key = settings.api_key

    def ended() -> str | None:
        end = _end(process.poll())
        return hide(f"{end}\n{tail_text(log)}", key) if end else None

    try:
        return wait_until_ready(
            f"http://127.0.0.1:{settings.port}",
            model=str(settings.model.absolute()),
            api_key=key,
            timeout=settings.ready_timeout,
            notify=lambda text: notify(hide(with_last_line(text, log), key)),
            ended=ended,
        )
    except NotReadyError as error:
        raise NotReadyError(hide(f"{error}\n{tail_text(log)}", key)) from error


def _end(status: Status) -> str:
    """Why a deploy.sh that is to serve has failed; '' while it has not."""
    if status.failure:
        return (
            f"deploy.sh could not be run: {status.failure}. Check the interpreter in its first line, and "
            "that the file has Unix line ends."
        )
    if status.code:
        return f"deploy.sh ended with {exit_text(status.code)} before its server was ready."
    if status.over:
        return (
            "deploy.sh ended with exit code 0 and left nothing running. It must run the server in the "
            "foreground, or leave it behind in the background."
        )
    return ""
