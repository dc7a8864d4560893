"""The adapter repository: its checks, its requirements, its ``deploy.sh`` process, its readiness."""

from pytest_npuperf.adapter.checks import weigh
from pytest_npuperf.adapter.deployment import Deployment, deploy
from pytest_npuperf.adapter.probing import Served
from pytest_npuperf.adapter.readiness import wait_until_ready
from pytest_npuperf.adapter.requirements import requirement_warnings
from pytest_npuperf.adapter.settings import DeploySettings

__all__ = [
    "DeploySettings",
    "Deployment",
    "Served",
    "deploy",
    "requirement_warnings",
    "wait_until_ready",
    "weigh",
]
