"""What a deployment needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["DeployEnv", "DeploySettings", "InstallMode"]

InstallMode = Literal["overlay", "current", "never"]
DeployEnv = Literal["inherit", "base"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploySettings:
    """An adapter repository, the weights it is to serve, and how to start it."""

    adapter: Path
    """The adapter repository: the directory that holds ``deploy.sh``."""
    model: Path
    """The weights: a directory or a file. Its absolute path becomes MODEL_PATH."""
    task: str
    """The platform's task code. Each of them is served by ``/v1/chat/completions``."""
    port: int = 8000
    install: InstallMode = "overlay"
    """Where requirements.txt goes: a cached overlay, deploy.sh's own environment, nowhere."""
    deploy_env: DeployEnv = "inherit"
    """``base`` takes the virtual environment that pytest runs in out of deploy.sh's environment."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Additional environment variables for deploy.sh."""
    ready_timeout: float = 3600.0
    """Seconds from the start of deploy.sh to the first whole answer."""
    api_key: str | None = field(default=None, repr=False)
    environ: Mapping[str, str] = field(repr=False)
    """The environment that pytest was started in. Hidden in the repr: it can hold keys."""
