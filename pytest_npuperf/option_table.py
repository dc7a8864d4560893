"""The table of all options."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any

from pytest_npuperf.durations import parse_duration
from pytest_npuperf.settings import TASKS

__all__ = ["OPTIONS", "Option"]


@dataclass(frozen=True, slots=True)
class Option:
    """One row of the table: ``--npuperf-<name>``, ``NPUPERF_<NAME>`` and the ini key ``npuperf_<name>``."""

    name: str
    help: str
    metavar: str | tuple[str, str] | None = None
    default: Any = None
    parse: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    many: bool = False
    pair: bool = False
    flag: bool = False
    ini: bool = True

    @property
    def option(self) -> str:
        """On the command line."""
        return f"--npuperf-{self.name}"

    @property
    def key(self) -> str:
        """In ``Settings``."""
        return self.name.replace("-", "_")

    @property
    def ini_key(self) -> str:
        """In pytest's ini file."""
        return f"npuperf_{self.key}"

    @property
    def variable(self) -> str:
        """In the environment."""
        return f"NPUPERF_{self.key.upper()}"


_MODES = ("fail", "warn", "skip")

_COLUMNS = ("Average", "Min", "Max", "Median")
_PERCENTILE = re.compile(r"P\d{1,2}(\.\d+)?")
# difflib alone would take a mean for a misspelt median.
_OTHER_NAMES = {"Mean": "Average", "Avg": "Average", "P100": "Max"}


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise ValueError("a port is a number between 1 and 65535")
    return port


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise ValueError("it is a number of 0 or more")
    return count


def _picture_format(text: str) -> str:
    if text == "png" and find_spec("vl_convert") is None:
        raise ValueError(
            "it needs the package vl-convert-python (pip install 'pytest-npuperf[pictures]'); svg needs none"
        )
    return text


def _boolean(text: str) -> bool:
    values = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if text.lower() not in values:
        raise ValueError(f"allowed are {', '.join(values)}")
    return values[text.lower()]


def _columns(text: str) -> tuple[str, ...]:
    """The headings of ``Average,P50,P99.9``, each once, in any case of letters."""
    return tuple(dict.fromkeys(_column(name.strip().capitalize()) for name in text.split(",")))


def _column(name: str) -> str:
    if name in _COLUMNS or _PERCENTILE.fullmatch(name):
        return name
    near = get_close_matches(_OTHER_NAMES.get(name, name), [*_COLUMNS, "P50", "P90", "P95", "P99"], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"unknown statistic {name!r}{hint}; allowed are {', '.join(_COLUMNS)} and percentiles such as P90 "
        "or P99.9, with commas between them"
    )


OPTIONS = (
    Option("model", "weights to deploy and measure: MODEL_PATH of deploy.sh", "PATH", ini=False),
    Option("base-url", "measure a server that already runs, e.g. http://127.0.0.1:8000", "URL"),
    Option(
        "adapter", "adapter repository with deploy.sh (default: where pytest runs, else its rootdir)", "DIR"
    ),
    Option("port", "port that deploy.sh serves on (default: 8000)", "PORT", 8000, _port),
    Option(
        "task", f"task of the model: {', '.join(TASKS)} (default: text-generation)", "TASK", choices=TASKS
    ),
    Option("dataset", "GSM8K test.jsonl, or its folder, for the built-in case (default: generated)", "PATH"),
    Option("slo", 'budget for every case, e.g. "ttft.p99 < 500 ms"; may be repeated', "EXPR", (), many=True),
    Option(
        "install",
        "where requirements.txt goes: overlay (an environment of its own over the current one), "
        "current, or never (default: overlay)",
        "MODE",
        "overlay",
        choices=("overlay", "current", "never"),
    ),
    Option(
        "deploy-env",
        "environment of deploy.sh: inherit (the one pytest runs in) or base (without pytest's own "
        "virtual environment) (default: inherit)",
        "MODE",
        "inherit",
        choices=("inherit", "base"),
    ),
    Option(
        "ready-timeout",
        "how long the server may take to be ready, in seconds or with a unit (default: 3600)",
        "DURATION",
        None,
        parse_duration,
    ),
    Option("api-key", "bearer token for the server; never written anywhere", "KEY", ini=False),
    Option(
        "client-health",
        "what becomes of a case whose client was the bottleneck: fail or warn (default: fail)",
        "MODE",
        "fail",
        choices=("fail", "warn"),
    ),
    Option(
        "stats",
        "columns of the Performance Parameters table on the terminal, e.g. Average,P50,P99.9",
        "NAMES",
        (),
        _columns,
    ),
    Option("markdown", "write a summary in Markdown", "FILE"),
    Option("openmetrics", "write the figures in the OpenMetrics format", "FILE"),
    Option(
        "confirm",
        "how often a load is measured again where chance may have broken a budget (default: 1)",
        "N",
        1,
        _count,
    ),
    Option(
        "inconclusive",
        "what becomes of a test by a verdict that is neither pass nor fail: fail, warn or skip "
        "(default: warn; fail where require_support asks for more values than there are)",
        "MODE",
        choices=_MODES,
    ),
    Option("save-baseline", "add this run to the baseline of that name", "NAME", ini=False),
    Option("baseline", "baseline to compare with: its name, or a path with a slash in it", "NAME|PATH"),
    Option(
        "baseline-mismatch",
        "what becomes of a budget whose baseline was measured with something else: fail, warn or skip "
        "(default: warn)",
        "MODE",
        "warn",
        choices=_MODES,
    ),
    Option(
        "ab",
        "measure every case on both servers, by turns, and compare B with A: URLs, or folders of adapters",
        ("A", "B"),
        pair=True,
        ini=False,
    ),
    Option("ca-file", "PEM file with the authorities to trust on https (default: the system's)", "FILE"),
    Option("insecure", "accept any certificate on https", None, False, _boolean, flag=True),
    Option("save-text", "keep the generated text in the report", None, False, _boolean, flag=True),
    Option("seed", "seed of prompts and schedules (default: drawn anew for each run)", "N", None, int),
    Option("report-dir", "parent of the report directories (default: .npuperf/reports)", "DIR"),
    Option(
        "report-single-file",
        "report.html without links to the files beside it, to be sent by itself",
        None,
        False,
        _boolean,
        flag=True,
    ),
    Option(
        "pictures",
        "write each chart as a picture, too: svg, or png (needs the extra pytest-npuperf[pictures])",
        "FORMAT",
        None,
        _picture_format,
        choices=("svg", "png"),
    ),
    Option(
        "abbr",
        "served model's name in the report's paths (default: vllm-api-stream-chat)",
        "NAME",
        "vllm-api-stream-chat",
    ),
    Option("zip", "pack the report directory into report.zip", None, False, _boolean, flag=True),
    Option(
        "debug",
        "print the steps of deployment and load on the terminal too",
        None,
        False,
        _boolean,
        flag=True,
    ),
)
