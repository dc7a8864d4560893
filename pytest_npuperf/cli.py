"""The ``npuperf`` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_npuperf import __version__
from pytest_npuperf.errors import NpuperfError

__all__ = ["main"]

_Commands = argparse._SubParsersAction  # its type has no public name


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; the exit code is 2 where the arguments are not valid, or nothing comes of them."""
    parser = argparse.ArgumentParser(prog="npuperf", description="Tools beside the pytest plugin.")
    parser.add_argument("--version", action="version", version=f"npuperf {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_simulate, _add_calibrate, _add_judge, _add_compare, _add_noise, _add_report, _add_view):
        add(commands)
    own, of_pytest = _split(list(sys.argv[1:] if arguments is None else arguments))
    namespace = parser.parse_args(own, argparse.Namespace(pytest_arguments=of_pytest))
    try:
        code: int = namespace.run(namespace)
    except NpuperfError as exc:
        parser.error(str(exc))
    return code


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The command's own arguments, and those of pytest: what stands behind ``--`` of ``noise``."""
    if arguments[:1] != ["noise"] or "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _add_simulate(commands: _Commands[argparse.ArgumentParser]) -> None:
    from pytest_npuperf.simulator.arguments import add_arguments

    parser = commands.add_parser(
        "simulate", help="serve a simulated model with known timings", description="Serve a simulated model."
    )
    add_arguments(parser)
    parser.set_defaults(run=_simulate)


def _simulate(namespace: argparse.Namespace) -> int:
    from pytest_npuperf.simulator import serve
    from pytest_npuperf.simulator.arguments import settings_from

    def announce(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    serve(settings_from(namespace), truth_log=namespace.truth_log, announce=announce)
    return 0


def _add_calibrate(commands: _Commands[argparse.ArgumentParser]) -> None:
    from pytest_npuperf.calibration.settings import add_arguments

    parser = commands.add_parser(
        "calibrate",
        help="measure the client itself against the simulator on this machine",
        description="Measure the client itself against the simulator on this machine.",
    )
    add_arguments(parser)
    parser.set_defaults(run=_calibrate)


def _calibrate(namespace: argparse.Namespace) -> int:
    from pytest_npuperf.calibration.report import as_text, write_json
    from pytest_npuperf.calibration.settings import settings_from
    from pytest_npuperf.calibration.steps import calibrate

    def note(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    calibration = calibrate(settings_from(namespace), note=note)
    sys.stdout.write(f"{as_text(calibration)}\n")
    if namespace.json is not None:
        write_json(namespace.json, calibration)
    return 0


def _add_judge(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "judge",
        help="judge a saved report again, without a load",
        description="Judge the cases of a saved report again, without a load. "
        "The exit code is 0 where none fails, 1 where one does.",
    )
    add = parser.add_argument
    add("report", type=Path, metavar="REPORT", help="folder of a run, or the summary.json in it")
    add(
        "--slo",
        action="append",
        default=[],
        metavar="EXPR",
        help='budget, e.g. "ttft.p99 < 500 ms"; may be repeated (default: those that the report has)',
    )
    add("--case", metavar="NAME", help="the only case to judge (default: all)")
    add("--baseline", metavar="NAME|PATH", help="baseline to compare with")
    parser.set_defaults(run=_judge)


def _judge(namespace: argparse.Namespace) -> int:
    from pytest_npuperf.commands.judge import judge_report

    return judge_report(namespace.report, namespace.slo, case=namespace.case, baseline=namespace.baseline)


def _add_compare(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "compare",
        help="show the figures of two reports beside each other",
        description="Show the figures of two reports, or of a report and a baseline, beside each other.",
    )
    add = parser.add_argument
    add("a", metavar="A", help="folder of a run, or a baseline: its name, or its path with a slash in it")
    add("b", metavar="B", help="the other")
    add(
        "--between",
        action="extend",
        nargs="+",
        default=[],
        metavar="FIGURE",
        help="what to compare, e.g. ttft.p99 steady.itl.avg (default: the main figures)",
    )
    parser.set_defaults(run=_compare)


def _compare(namespace: argparse.Namespace) -> int:
    from pytest_npuperf.commands.compare import compare

    return compare(namespace.a, namespace.b, namespace.between)


def _add_noise(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "noise",
        help="measure how far runs of the same cases lie apart by chance",
        usage="npuperf noise [-h] [--name NAME] N -- PYTEST-ARGUMENTS",
        description="Run pytest N times with the arguments behind --, save the runs as a baseline, and show "
        "the noise floor of its figures.",
    )
    add = parser.add_argument
    add("runs", type=int, metavar="N", help="how often, 3 at least")
    add("--name", default="noise", metavar="NAME", help="of the baseline (default: noise)")
    parser.set_defaults(run=_noise)


def _noise(namespace: argparse.Namespace) -> int:
    from pytest_npuperf.commands.noise import measure_noise

    return measure_noise(namespace.runs, namespace.name, namespace.pytest_arguments)


def _add_report(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "report",
        help="show how figures went over many reports on one page",
        description="Write one page over many reports: how figures went from run to run.",
    )
    add = parser.add_argument
    add(
        "places",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="folder of a run, or a folder that has such folders in it",
    )
    add(
        "--figures",
        action="extend",
        nargs="+",
        default=[],
        metavar="FIGURE",
        help="what to show, e.g. ttft.p99 steady.itl.avg (default: a few of the main figures)",
    )
    add("--baseline", metavar="NAME|PATH", help="baseline to draw beside them")
    add(
        "--output",
        type=Path,
        default=Path("history.html"),
        metavar="FILE",
        help="the page (default: history.html)",
    )
    parser.set_defaults(run=_report)


def _report(namespace: argparse.Namespace) -> int:
    from pytest_npuperf.commands.report import write_history

    return write_history(
        namespace.places, namespace.figures, output=namespace.output, baseline=namespace.baseline
    )


def _add_view(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "view",
        help="serve a report directory to the browser of this machine",
        description="Serve a report directory on loopback, until Ctrl-C.",
    )
    add = parser.add_argument
    add("directory", type=Path, metavar="DIR", help="folder of a run, or a folder that has reports in it")
    add("--port", type=int, default=0, metavar="N", help="of 127.0.0.1 (default: a free one)")
    parser.set_defaults(run=_view)


def _view(namespace: argparse.Namespace) -> int:
    from pytest_npuperf.commands.view import view_directory

    return view_directory(namespace.directory, port=namespace.port)


if __name__ == "__main__":
    raise SystemExit(main())
