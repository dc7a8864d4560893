from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_npuperf.workload.tool_definitions import MOST_TOOLS, tool_definitions


def test_each_tool_has_a_name_of_its_own_that_the_api_allows() -> None:
    names = [tool["function"]["name"] for tool in tool_definitions(MOST_TOOLS)]

    assert len(set(names)) == MOST_TOOLS == 128
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in names)


@pytest.mark.parametrize("tool", tool_definitions(16), ids=lambda tool: tool["function"]["name"])
def test_a_tool_is_a_function_whose_parameters_are_a_json_schema(tool: dict[str, Any]) -> None:
    function = tool["function"]
    parameters = function["parameters"]

    assert tool["type"] == "function"
    assert function["name"].split("_")[1] in function["description"]
    assert parameters["type"] == "object"
    assert set(parameters["required"]) <= set(parameters["properties"])
    assert all("type" in schema for schema in parameters["properties"].values())


def test_more_tools_begin_with_the_same_ones() -> None:
    assert tool_definitions(20)[:3] == tool_definitions(3)
    assert tool_definitions(0) == []
