"""The server under test: deployed from the adapter repository, or one that already runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from pytest_npuperf.adapter import Deployment, DeploySettings, Served, deploy, wait_until_ready
from pytest_npuperf.adapter.settings import DeployEnv, InstallMode
from pytest_npuperf.case_file import ServerSection
from pytest_npuperf.options import TASKS, Settings
from pytest_npuperf.wire.tls import client_context

__all__ = ["serving"]

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
