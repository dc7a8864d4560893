"""An inference server with known timings, so that measurements can be checked against the truth."""

from pytest_npuperf.simulator.arguments import add_arguments, settings_from
from pytest_npuperf.simulator.records import Outcome, RequestRecord
from pytest_npuperf.simulator.server import Simulator, serve
from pytest_npuperf.simulator.settings import SimulatorSettings

__all__ = [
    "Outcome",
    "RequestRecord",
    "Simulator",
    "SimulatorSettings",
    "add_arguments",
    "serve",
    "settings_from",
]
