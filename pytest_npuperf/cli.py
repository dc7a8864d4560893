"""The ``npuperf`` command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pytest_npuperf import __version__
from pytest_npuperf.errors import NpuperfError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; the exit code is 2 where the arguments are not valid."""
    parser = argparse.ArgumentParser(prog="npuperf", description="Tools beside the pytest plugin.")
    parser.add_argument("--version", action="version", version=f"npuperf {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_simulate(commands)
    _add_calibrate(commands)
    namespace = parser.parse_args(arguments)
    try:
        code: int = namespace.run(namespace)
    except NpuperfError as exc:
        parser.error(str(exc))
    return code


def _add_simulate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from pytest_npuperf.simulator.arguments import add_arguments

    parser = commands.add_parser(
        "simulate", help="serve a simulated model with known timings", description="Serve a simulated model."
    )
    add_arguments(parser)
    parser.set_defaults(run=_simulate)


def _simulate(namespace: argparse.Namespace) -> int:
    import sys

    from pytest_npuperf.simulator import serve
    from pytest_npuperf.simulator.arguments import settings_from

    def announce(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    serve(settings_from(namespace), truth_log=namespace.truth_log, announce=announce)
    return 0


def _add_calibrate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from pytest_npuperf.calibration.settings import add_arguments

    parser = commands.add_parser(
        "calibrate",
        help="measure the client itself against the simulator on this machine",
        description="Measure the client itself against the simulator on this machine.",
    )
    add_arguments(parser)
    parser.set_defaults(run=_calibrate)


def _calibrate(namespace: argparse.Namespace) -> int:
    import sys

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


if __name__ == "__main__":
    raise SystemExit(main())
