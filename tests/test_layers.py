"""Who may import whom: data goes down the list of stages, never back up."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pytest_npuperf"

VALUES = {"errors", "unknown", "durations", "text"}

# Each place and what it may import of the package. A folder stands for all its modules.
ALLOWED: dict[str, set[str]] = {
    "text": set(),
    "errors": {"text"},
    "unknown": set(),
    "durations": set(),
    "timers": set(),
    "folders": set(),
    "simulator": {"errors", "timers"},
    "adapter": {"errors"},
    "workload": {"errors", "durations"},
    "wire": VALUES,
    "trace": {"unknown"},
    "load": VALUES | {"wire", "trace", "timers"},
    "metrics": VALUES | {"trace"},
    "slo": VALUES | {"trace", "metrics"},
    "baselines": VALUES | {"metrics", "slo"},
    "failing": VALUES | {"slo", "result"},
    "result": VALUES | {"trace", "metrics", "slo", "capacity", "failing"},
    "report": VALUES | {"trace", "metrics", "slo", "capacity", "result"},
    "capacity": VALUES | {"metrics", "slo"},
    "case": VALUES | {"workload", "load", "slo", "wire", "capacity"},
    "traits": VALUES | {"wire", "workload"},
    "yaml_source": {"errors"},
    "case_schema": VALUES,
    "case_rules": VALUES | {"case", "load"},
    "load_section": VALUES | {"case_schema", "load", "capacity"},
    "case_file": VALUES
    | {"case", "case_schema", "case_rules", "load_section", "yaml_source", "workload", "load", "slo"}
    | {"wire", "capacity"},
    "target": VALUES | {"case", "workload", "wire", "traits"},
    "planning": VALUES | {"case", "workload", "load", "wire", "target", "traits"},
    "runner": VALUES
    | {"case", "target", "planning", "workload", "load", "wire", "trace", "metrics", "result"},
    "explorer": VALUES | {"case", "capacity", "load", "metrics", "slo", "result", "runner"},
    "confirming": VALUES | {"case", "load", "trace", "metrics", "result", "runner"},
    "measuring": VALUES | {"case", "target", "load", "result", "runner", "explorer", "confirming", "pairing"},
    "recorder": VALUES | {"load", "wire", "trace", "metrics", "result", "runner"},
    "settings": VALUES | {"wire"},
    "option_table": VALUES | {"settings"},
    "options": VALUES | {"folders", "wire", "settings", "option_table"},
    "comparing": VALUES | {"baselines", "slo", "result"},
    "pairing": VALUES | {"case", "load", "result", "runner", "confirming"},
    "environment": set(),
    "serving": VALUES | {"adapter", "case_file", "settings", "wire"},
    "terminal": {"load", "text"},
    "run_directory": {"reporting", "report", "result", "text"},
    "calibration": VALUES | {"wire", "load", "trace", "metrics"},
    "saved": VALUES | {"trace", "metrics", "slo", "capacity", "baselines", "result", "confirming", "report"},
    "commands": VALUES | {"folders", "metrics", "slo", "baselines", "result", "comparing", "report", "saved"},
    "cli": {"__init__", "errors", "simulator", "calibration", "commands"},
}

# The only places that know pytest, beside the tests.
KNOW_PYTEST = {
    "budgets",
    "plugin",
    "options",
    "hookspec",
    "fixtures",
    "cases",
    "session",
    "reporting",
    "terminal",
}

# Modules of the standard library and others that a stage must not touch.
FORBIDDEN: dict[str, set[str]] = {
    "metrics": {"httpx", "httptools", "socket", "asyncio"},
    "slo": {"httpx", "httptools", "socket", "asyncio"},
    "report": {"httpx", "httptools", "socket", "asyncio"},
    "workload": {"httpx", "httptools", "socket", "asyncio"},
    "load": {"httpx", "httptools", "socket", "ssl"},
}


def place_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            found.add(node.module)
            if node.module == "pytest_npuperf":
                found.update(f"pytest_npuperf.{alias.name}" for alias in node.names)
    return found


def own_places(path: Path) -> set[str]:
    """Places of the package that a module imports, its own left out."""
    places = {
        module.split(".")[1] if "." in module else "__init__"
        for module in imported_modules(path)
        if module.split(".")[0] == "pytest_npuperf"
    }
    names = {p.name.removesuffix(".py") for p in PACKAGE.iterdir()}
    return {p if p in names else "__init__" for p in places} - {place_of(path)}


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_place_may_know(path: Path) -> None:
    place = place_of(path)
    if place in ALLOWED:
        assert own_places(path) <= ALLOWED[place]
    external = {module.split(".")[0] for module in imported_modules(path)}
    assert not external & FORBIDDEN.get(place, set())
    assert "_pytest" not in external
    if place not in KNOW_PYTEST:
        assert "pytest" not in external


def test_every_place_is_in_the_list() -> None:
    at_the_top = {"__init__", "__main__", *KNOW_PYTEST}
    assert {place_of(path) for path in MODULES} <= {*ALLOWED, *at_the_top}
