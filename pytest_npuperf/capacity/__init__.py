"""How much load a server bears: searches and sweeps over the load of one case."""

from pytest_npuperf.capacity.settings import Search, Sweep

__all__ = ["Search", "Sweep"]
