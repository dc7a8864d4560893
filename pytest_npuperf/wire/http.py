"""HTTP/1.1 requests as bytes, made before the clock starts."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_npuperf.wire.endpoint import Endpoint

__all__ = ["RequestWriter"]


class RequestWriter:
    """Writes POST requests for one endpoint; all but two headers are made once."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        api_key: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        # identity: a compressed stream arrives in the compressor's blocks, not token by token
        lines = [
            f"POST {endpoint.path} HTTP/1.1",
            f"Host: {endpoint.host}",
            "Content-Type: application/json",
            "Accept: text/event-stream",
            "Accept-Encoding: identity",
            "User-Agent: pytest-npuperf",
        ]
        if api_key:
            lines.append(f"Authorization: Bearer {api_key}")
        lines += [f"{name}: {value}" for name, value in headers]
        self._head = "\r\n".join(lines).encode() + b"\r\n"

    def request(self, body: bytes, request_id: str) -> bytes:
        """One whole request."""
        own = f"x-request-id: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
        return b"".join((self._head, own.encode(), body))
