"""The kinds of failed requests, as they stand in traces, tables and files."""

__all__ = [
    "BAD_EVENT",
    "BROKEN",
    "CANCELLED",
    "CONNECT",
    "EMPTY",
    "HTTP_STATUS",
    "SERVER_ERROR",
    "TIMEOUT_BETWEEN_CHUNKS",
    "TIMEOUT_CONNECT",
    "TIMEOUT_FIRST_CHUNK",
    "TIMEOUT_TOTAL",
    "TRUNCATED",
]

CANCELLED = "cancelled"
"""The client gave the request up because it was told to: no failure of the server's."""
CONNECT = "connect"
"""No connection, or no TLS on it."""
TIMEOUT_CONNECT = "timeout_connect"
TIMEOUT_FIRST_CHUNK = "timeout_first_chunk"
TIMEOUT_BETWEEN_CHUNKS = "timeout_between_chunks"
TIMEOUT_TOTAL = "timeout_total"
BROKEN = "broken"
"""The connection ended before the response did, or the response is not HTTP."""
HTTP_STATUS = "http_status"
"""The status is not 200."""
SERVER_ERROR = "server_error"
"""An error object inside a stream that began with 200."""
BAD_EVENT = "bad_event"
"""An event of the stream is not what the chat completions protocol allows."""
TRUNCATED = "truncated"
"""The stream ended without a finish reason."""
EMPTY = "empty"
"""The stream ended in order but carried no generated output."""
