from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_npuperf.wire.sse import events

LF, CR = 0x0A, 0x0D


def reference(body: bytes) -> list[tuple[int, bytes]]:
    """The specification's algorithm, a byte at a time: nothing is looked at before it is there."""
    found: list[tuple[int, bytes]] = []
    line, data = bytearray(), bytearray()
    start = 3 if body.startswith(b"\xef\xbb\xbf") else 0
    previous = None
    for place in range(start, len(body)):
        byte = body[place]
        if byte == LF and previous == CR:
            pass  # the second half of a line end
        elif byte in (LF, CR):
            if line:
                _process(bytes(line), data)
            else:
                if data:
                    found.append((place + 1, bytes(data[:-1])))
                data.clear()
            line.clear()
        else:
            line.append(byte)
        previous = byte
    return found


def _process(line: bytes, data: bytearray) -> None:
    name, colon, value = line.partition(b":")
    if colon and not name:
        return
    if name == b"data":
        data += (value[1:] if value[:1] == b" " else value) + b"\n"


PIECES = st.sampled_from(
    [
        *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r\n"),
        *(b"data", b"data:", b"data: ", b"data: x", b'data: {"a":1}\n\n', b"data: [DONE]\n\n", b" data: x"),
        *(b":", b": keep-alive", b" ", b"event: done", b"id: 7", b"retry: 10", b"datax: y", b"x"),
        *("data: \u2028\u2029\x85é".encode(), b"\xe2\x80", b"\x00", b"\xef\xbb\xbf"),
    ]
)


@given(st.lists(PIECES, max_size=30).map(b"".join))
@example(b"\xef\xbb\xbfdata: x\r\n\r\ndata: y\n\n")
def test_events_are_those_of_the_specifications_algorithm(body: bytes) -> None:
    assert list(events(body)) == reference(body)


@given(st.lists(PIECES, max_size=30).map(b"".join))
def test_an_event_is_complete_exactly_with_the_byte_that_is_named(body: bytes) -> None:
    for number, (complete, _) in enumerate(events(body)):
        assert len(list(events(body[:complete]))) == number + 1
        assert len(list(events(body[: complete - 1]))) == number


@given(st.binary(max_size=200))
def test_any_bytes_are_taken(body: bytes) -> None:
    assert list(events(body)) == reference(body)


def texts(body: bytes) -> list[bytes]:
    return [data for _, data in events(body)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_lines_may_end_in_any_of_three_ways(end: bytes) -> None:
    body = end.join(
        [b": hello", b"event: token", b"data: a", b"id: 1", b"", b"data: b", b"data: c", b"", b""]
    )

    assert texts(body) == [b"a", b"b\nc"]


def test_line_ends_may_be_mixed() -> None:
    assert texts(b"data: a\r\n\ndata: b\n\r\ndata: c\r\rdata: d\n\n") == [b"a", b"b", b"c", b"d"]


def test_crlf_event_is_complete_at_the_cr_of_its_blank_line() -> None:
    assert [complete for complete, _ in events(b"data: a\r\n\r\n")] == [len(b"data: a\r\n\r")]


def test_comments_and_other_fields_make_no_event() -> None:
    assert texts(b":\n\n: keep-alive\n\nevent: ping\n\nid: 3\nretry: 5\n\n") == []


def test_only_one_space_after_the_colon_is_dropped() -> None:
    assert texts(b"data:a\n\ndata: b\n\ndata:  c\n\n") == [b"a", b"b", b" c"]


def test_a_data_field_without_colon_or_value_is_an_empty_line() -> None:
    assert texts(b"data\n\ndata:\n\ndata\ndata: x\n\n") == [b"", b"", b"\nx"]


def test_unicode_line_separators_inside_a_json_string_end_no_line() -> None:
    value = '{"content":"a\u2028b\u2029c\x85d\x0be"}'.encode()

    assert texts(b"data: " + value + b"\n\n") == [value]


def test_a_byte_order_mark_is_dropped_at_the_start_only() -> None:
    mark = "\ufeff".encode()

    assert texts(mark + b"data: a\n\n" + mark + b"data: b\n\n") == [b"a"]


@pytest.mark.parametrize("tail", [b"data: b", b"data: b\n", b"data: b\r\n", b"dat"])
def test_an_event_that_the_end_cuts_short_is_dropped(tail: bytes) -> None:
    assert texts(b"data: a\n\n" + tail) == [b"a"]


def test_offsets_count_bytes_not_characters() -> None:
    body = "data: 🐙\n\ndata: é\n\n".encode()

    assert list(events(body)) == [(12, "🐙".encode()), (len(body), "é".encode())]


def test_a_bytearray_is_read_as_well() -> None:
    found: Iterable[tuple[int, bytes]] = events(bytearray(b"data: a\r\n\r\ndata: b\n\n"))

    assert [data for _, data in found] == [b"a", b"b"]
