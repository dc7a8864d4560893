"""The simulator in a process of its own."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import msgspec

from pytest_npuperf.calibration.processors import on_processor
from pytest_npuperf.calibration.settings import CalibrationSettings
from pytest_npuperf.errors import NpuperfError

__all__ = ["MODEL", "Answered", "Server"]

MODEL = "calibration"
_STOP_GRACE = 10.0
_TIMEOUT = 60.0
_ADDRESS = re.compile(r"http://([\w.]+:\d+)")


class Answered(msgspec.Struct, frozen=True):
    """What the simulator did for one request; monotonic ns of this machine."""

    request_id: str
    t_received: int
    stamps: list[int]
    """Taken directly before each chunk was handed to the kernel; the last brings the end."""


class Server:
    """A simulator that is ready."""

    def __init__(self, address: str) -> None:
        self._address = address

    @classmethod
    @contextmanager
    def run(cls, settings: CalibrationSettings, processor: int | None) -> Iterator[Server]:
        """Start a simulator on a processor; end it.

        Raises:
            NpuperfError: It did not start.
        """
        command = [
            *(sys.executable, "-m", "pytest_npuperf.cli", "simulate", "--port=0", f"--model={MODEL}"),
            *(f"--ttft={settings.ttft}", f"--itl={settings.itl}"),
            f"--output-tokens={settings.output_tokens}",
        ]
        with on_processor(processor):
            process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        try:
            announced = process.stderr.readline()
            address = _ADDRESS.search(announced)
            if address is None:
                said = announced + process.communicate(timeout=_STOP_GRACE)[1]
                raise NpuperfError(
                    f"the simulator did not start; `npuperf simulate` must run here, but it said:\n{said}"
                )
            yield cls(address[1])
        finally:
            process.terminate()
            process.wait(_STOP_GRACE)
            process.stderr.close()

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://{self._address}"

    def take_answered(self) -> list[Answered]:
        """What it did since the last call."""
        answered = msgspec.json.decode(self._call("GET", "/simulator/requests?stamps=1"), type=list[Answered])
        self._call("POST", "/simulator/reset")
        return answered

    def _call(self, method: str, path: str) -> bytes:
        with closing(http.client.HTTPConnection(self._address, timeout=_TIMEOUT)) as connection:
            connection.request(method, path)
            return connection.getresponse().read()
