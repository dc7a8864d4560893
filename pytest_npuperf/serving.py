"""The server under test: deployed from the adapter repository, or one that already runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

from pytest_npuperf.adapter import Deployment, DeploySettings, Served, deploy, wait_until_ready
from pytest_npuperf.adapter.settings import DeployEnv, InstallMode
from pytest_npuperf.case_file import ServerSection
from pytest_npuperf.settings import TASKS, Settings, is_url
from pytest_npuperf.wire.tls import client_context

__all__ = ["Sides", "serving"]

_DEPLOY_TIMEOUT = 3600.0
_RUNNING_TIMEOUT = 60.0
"""Of a server that is said to run already: there is nothing to load."""


@contextmanager
def serving(
    settings: Settings, section: ServerSection, *, logs: Path, note: Callable[[str], None]
) -> Iterator[Served]:
    """Bring the server up, and down at the end if it was brought up here.

    Raises:
        AdapterError: It cannot be deployed, or is not ready in time.
        SettingsError: The file of authorities or the API key cannot be used.
    """
    timeout = settings.ready_timeout or section.ready_timeout
    if settings.base_url is not None:
        yield wait_until_ready(
            settings.base_url,
            model=settings.model,
            api_key=settings.api_key,
            timeout=timeout or _RUNNING_TIMEOUT,
            notify=note,
            ended=lambda: None,
            tls=client_context(settings.tls),
        )
        return
    deployment = _deploy(settings, section, timeout or _DEPLOY_TIMEOUT, logs, note)
    try:
        yield deployment.served
    finally:
        note("stopping the server")
        deployment.stop()


class Sides:
    """The two servers of ``--npuperf-ab``. Those that run already are both up all the time.

    An adapter is brought up for its turn, and the other one down: they need the same accelerator
    and port.

    Args:
        bring_up: The context in which the server of some settings is up.
        settings: Those of the run, with ``ab``.
    """

    def __init__(
        self, bring_up: Callable[[Settings], AbstractContextManager[Served]], settings: Settings
    ) -> None:
        assert settings.ab is not None
        self._bring_up = bring_up
        self._settings = settings
        self._places = dict(zip("AB", settings.ab, strict=True))
        self._running = ExitStack()
        self._deployed = ExitStack()
        self._served: dict[str, Served] = {}

    def up(self, side: str) -> Served:
        """The server of a side, ready for requests.

        Raises:
            AdapterError: It cannot be deployed, or is not ready in time.
        """
        if side not in self._served:
            place = self._places[side]
            if is_url(place):
                stack, settings = self._running, replace(self._settings, base_url=place)
            else:
                self._take_down()
                stack, settings = self._deployed, replace(self._settings, adapter=Path(place))
            self._served[side] = stack.enter_context(self._bring_up(settings))
        return self._served[side]

    def close(self) -> None:
        """Take down what was brought up."""
        self._take_down()
        self._running.close()

    def _take_down(self) -> None:
        self._deployed.close()
        self._served = {side: served for side, served in self._served.items() if is_url(self._places[side])}


def _deploy(
    settings: Settings, section: ServerSection, timeout: float, logs: Path, note: Callable[[str], None]
) -> Deployment:
    assert settings.model is not None
    return deploy(
        DeploySettings(
            adapter=settings.adapter,
            model=Path(settings.model),
            task=settings.task or TASKS[0],
            port=settings.port,
            install=cast(InstallMode, settings.install),
            deploy_env=cast(DeployEnv, settings.deploy_env),
            env={name: str(value) for name, value in section.env.items()},
            ready_timeout=timeout,
            api_key=settings.api_key,
            environ=dict(os.environ),
        ),
        logs=logs,
        notify=note,
    )
