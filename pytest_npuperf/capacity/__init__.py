"""How much load a server bears: searches and sweeps over the load of one case."""

from pytest_npuperf.capacity.exploration import EarlyEnd, End, Exploration, Step, measured_step
from pytest_npuperf.capacity.saturation import LoadPoint, is_saturated
from pytest_npuperf.capacity.search import AGREEING, loads_of, next_load
from pytest_npuperf.capacity.settings import LoadAxis, Search, Sweep
from pytest_npuperf.capacity.sweep import next_value

__all__ = [
    "AGREEING",
    "EarlyEnd",
    "End",
    "Exploration",
    "LoadAxis",
    "LoadPoint",
    "Search",
    "Step",
    "Sweep",
    "is_saturated",
    "loads_of",
    "measured_step",
    "next_load",
    "next_value",
]
