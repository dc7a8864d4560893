"""TLS over a socket that someone else reads and writes."""

from __future__ import annotations

import asyncio
import socket
import ssl

from pytest_npuperf.errors import SettingsError
from pytest_npuperf.wire.tls_settings import TlsSettings

__all__ = ["TlsSession", "client_context"]

_READ_SIZE = 65536


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """A context that trusts whom the settings say.

    Raises:
        SettingsError: The file of authorities cannot be read or has no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as exc:
        raise SettingsError(
            f"--npuperf-ca-file: {settings.ca_file!r} cannot be used: {exc}; "
            "it must be a PEM file with the certificates of authorities"
        ) from exc
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class TlsSession:
    """Turns plain bytes into TLS records and back; the socket stays with its owner.

    asyncio's own TLS would hide the socket, and with it the kernel's receive stamps.
    """

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self.ended = ""
        """Why nothing more can come, '' while something can; the socket may stay open after that."""

    async def handshake(self, sock: socket.socket) -> None:
        """Agree with the server.

        Raises:
            OSError: The connection broke or the server's certificate was refused (ssl.SSLError).
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                self._session.do_handshake()
            except ssl.SSLWantReadError:
                await loop.sock_sendall(sock, self._outgoing.read())
                data = await loop.sock_recv(sock, _READ_SIZE)
                if not data:
                    raise ConnectionResetError("the server closed the connection during TLS") from None
                self._incoming.write(data)
                continue
            await loop.sock_sendall(sock, self._outgoing.read())
            return

    def encrypt(self, data: bytes) -> bytes:
        """The TLS records of some plain bytes."""
        self._session.write(data)
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> bytes:
        """The plain bytes that have become whole with these records; b'' where none have."""
        self._incoming.write(data)
        plain = bytearray()
        while True:
            try:
                piece = self._session.read(_READ_SIZE)
            except ssl.SSLWantReadError:
                return bytes(plain)
            except ssl.SSLError as exc:
                self.ended = f"TLS broke: {exc}"
                return bytes(plain)
            if not piece:
                self.ended = "the server closed the connection"
                return bytes(plain)
            plain += piece
