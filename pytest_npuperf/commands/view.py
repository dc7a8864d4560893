"""``npuperf view``: a report directory for the browser of this machine."""

from __future__ import annotations

import os
import re
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pytest_npuperf.commands.output import write_lines
from pytest_npuperf.errors import SettingsError
from pytest_npuperf.text import printable

__all__ = ["serving", "view_directory"]

_LOOPBACK = "127.0.0.1"
_PAGES = ("report.html", "history.html")
"""What stands for a folder, where it is there, in this order."""
_OWN_HOSTS = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?", re.IGNORECASE)
_LAST_PORT = 65535


def view_directory(directory: Path, *, port: int) -> int:
    """Serve a report directory on loopback until Ctrl-C; always 0.

    Args:
        directory: A report, or any folder that has reports in it.
        port: 0 takes a free one.

    Raises:
        SettingsError: There is no such directory, or the port cannot be had.
    """
    with serving(directory, port=port) as server:
        write_lines([f"http://{_LOOPBACK}:{server.server_port}/ (ends on Ctrl-C)"])
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


def serving(directory: Path, *, port: int = 0) -> ThreadingHTTPServer:
    """A server that has its port and is not answering yet; the arguments are those of ``view_directory``.

    Raises:
        SettingsError: There is no such directory, or the port cannot be had.
    """
    if not directory.is_dir():
        raise SettingsError(
            f"{printable(str(directory))} is no directory: give the folder of a run; a report.zip has to be "
            "unpacked first"
        )
    if not 0 <= port <= _LAST_PORT:
        raise SettingsError(f"--port {port} is no port: it has to be 1 to {_LAST_PORT}, or 0 for a free one")
    handler = partial(_Handler, directory=str(directory.resolve()))
    try:
        return ThreadingHTTPServer((_LOOPBACK, port), handler)
    except OSError as exc:
        raise SettingsError(
            f"port {port} of {_LOOPBACK} cannot be had: {exc}; leave --port out to take a free one"
        ) from exc


class _Handler(SimpleHTTPRequestHandler):
    """Files below the directory, to who asks for this machine by its own name."""

    server_version = "npuperf"
    sys_version = ""
    extensions_map = {  # noqa: RUF012
        **SimpleHTTPRequestHandler.extensions_map,
        ".log": "text/plain; charset=utf-8",
        ".json": "application/json",
    }

    def send_head(self) -> BytesIO | BinaryIO | None:
        """Refuse what is not below the directory, and what a page of another host asks for.

        A name that leads to loopback only when it is asked for a second time would let any page on the
        web read a report; such a request carries that name.
        """
        if not _OWN_HOSTS.fullmatch(self.headers.get("Host", "")):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "only 127.0.0.1 and localhost are served")
            return None
        if not self._is_below():
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def _is_below(self) -> bool:
        """Whether the path leads to something below the directory, links followed."""
        path = self.translate_path(self.path)
        if "\0" in path:
            return False
        try:
            return Path(path).resolve().is_relative_to(self.directory)
        except (OSError, RuntimeError):  # a loop of links
            return False

    def list_directory(self, path: str | os.PathLike[str]) -> BytesIO | None:
        """Show the page of a folder in the place of what is in it, where there is one."""
        page = next((name for name in _PAGES if (Path(path) / name).is_file()), None)
        if page is None:
            return super().list_directory(path)
        self.send_response(HTTPStatus.FOUND)
        self.send_header("Location", page)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def end_headers(self) -> None:
        """Say of every answer that it is not to be kept, nor to be taken for another kind of file."""
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Requests are no news."""
