from __future__ import annotations

from pathlib import Path

import pytest

from pytest_npuperf.adapter.script import script_command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("echo no first line of that kind\n", ["sh"]),
        ("", ["sh"]),
        ("#!\necho\n", ["sh"]),
        ("#!/bin/bash\n", ["/bin/bash"]),
        ("#! /bin/bash \t\n", ["/bin/bash"]),
        ("#!/usr/bin/env bash\n", ["/usr/bin/env", "bash"]),
        ("#!/usr/bin/env -S bash -eu\n", ["/usr/bin/env", "-S bash -eu"]),
        ("#!/bin/sh\r\n", ["/bin/sh\r"]),
    ],
)
def test_the_first_line_is_read_as_the_kernel_reads_it(tmp_path: Path, text: str, command: list[str]) -> None:
    script = tmp_path / "deploy.sh"
    script.write_bytes(text.encode())
    assert script_command(script) == [*command, str(script)]
