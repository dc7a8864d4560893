"""Where requests go: a base URL, taken apart and resolved once."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from pytest_npuperf.errors import LoadError, SettingsError
from pytest_npuperf.wire.tls import client_context
from pytest_npuperf.wire.tls_settings import TlsSettings

__all__ = ["Endpoint", "normal_base_url", "split_base_url"]

Address = tuple[str | int | bytes, ...]

_CHAT_PATH = "/chat/completions"
_PROBE_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A resolved server address; ``tls`` is None for plain HTTP."""

    host: str
    """Value of the Host header, IPv6 addresses in brackets."""
    server_name: str
    """Host name without brackets and port, for TLS."""
    path: str
    """Path of the chat completions endpoint, with the base URL's prefix."""
    family: socket.AddressFamily
    address: Address
    tls: ssl.SSLContext | None

    @classmethod
    def resolve(cls, base_url: str, tls: TlsSettings = TlsSettings()) -> Endpoint:
        """Resolve the host of a base URL.

        Raises:
            SettingsError: The URL or the file of authorities is not valid.
            LoadError: The host name cannot be resolved.
        """
        scheme, host, port, prefix = split_base_url(base_url)
        try:
            family, address = _resolve(host, port)
        except (OSError, UnicodeError) as exc:  # UnicodeError: a label of the name is empty or too long
            raise LoadError(
                f"cannot resolve the host of {base_url}: {exc}; check --npuperf-base-url"
            ) from exc
        bracketed = f"[{host}]" if ":" in host else host
        default_port = 443 if scheme == "https" else 80
        return cls(
            host=bracketed if port == default_port else f"{bracketed}:{port}",
            server_name=host,
            path=f"{prefix}/v1{_CHAT_PATH}",
            family=family,
            address=address,
            tls=client_context(tls) if scheme == "https" else None,
        )


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, Address]:
    """The first address of a host; of several the first that takes a connection, if one does.

    localhost is often ::1 and then 127.0.0.1, where a server often listens on one of them alone.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if len(found) > 1:
        with suppress(OSError), socket.create_connection((host, port), _PROBE_TIMEOUT) as probe:
            return socket.AddressFamily(probe.family), probe.getpeername()
    family, _, _, _, address = found[0]
    return family, address


def normal_base_url(base_url: str) -> str:
    """A base URL without what people copy along: ``/v1``, the path of chat completions, slashes at its end.

    Raises:
        SettingsError: The URL is not an http or https URL with a host.
    """
    split_base_url(base_url)
    return base_url.rstrip("/").removesuffix(_CHAT_PATH).removesuffix("/v1").rstrip("/")


def split_base_url(base_url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and path prefix of a base URL.

    Raises:
        SettingsError: The URL is not an http or https URL with a host, or names a user.
    """
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as exc:
        raise SettingsError(f"the base URL {base_url!r} is not valid: {exc} (--npuperf-base-url)") from exc
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError(
            f"the base URL {base_url!r} is not valid: it must look like http://host:port or "
            "https://host/prefix (--npuperf-base-url)"
        )
    if "@" in parts.netloc:
        raise SettingsError(
            f"the base URL of {parts.hostname} has a user or password in it, which is not supported: "
            "leave them out, and give a bearer token by --npuperf-api-key or NPUPERF_API_KEY"
        )
    prefix = parts.path.rstrip("/").removesuffix("/v1")
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), prefix
