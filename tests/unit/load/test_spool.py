from __future__ import annotations

import tempfile
from array import array
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_npuperf.load.spool import SpoolReader, SpoolRecord, SpoolWriter
from pytest_npuperf.wire.exchange import Exchange

INT64 = st.integers(-(2**63), 2**63 - 1)


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    reads = draw(st.lists(st.tuples(INT64, INT64, INT64, st.integers(0, 1)), max_size=5))
    return Exchange(
        t_sent=draw(INT64),
        t_end=draw(INT64),
        connect_ns=draw(INT64),
        retries=draw(INT64),
        unstamped_reads=draw(INT64),
        status=draw(INT64),
        failure=draw(st.text(max_size=10)),
        failure_text=draw(st.text(max_size=10)),
        body=bytearray(draw(st.binary(max_size=100))),
        reads=array("q", [number for read in reads for number in read]),
    )


def record_bytes(request: int, body: bytes) -> bytes:
    """How the spool writes a record."""
    with tempfile.TemporaryDirectory() as directory:
        writer = SpoolWriter(Path(directory))
        writer.append(request, 0, Exchange(body=bytearray(body)), measured=True)
        writer.close()
        (segment,) = Path(directory).iterdir()
        return segment.read_bytes()


def numbers(reader: SpoolReader) -> list[int]:
    return [record.request for record in reader.records()]


@settings(max_examples=50)
@given(
    written=st.lists(st.tuples(INT64, st.booleans(), INT64, exchanges()), max_size=6),
    segment_bytes=st.sampled_from([1, 200, 16 << 20]),
)
def test_records_come_back_as_they_were_written(
    written: list[tuple[int, bool, int, Exchange]], segment_bytes: int
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        writer = SpoolWriter(Path(directory), segment_bytes)
        for request, measured, t_scheduled, exchange in written:
            writer.append(request, t_scheduled, exchange, measured=measured)
        writer.close()

        read = list(SpoolReader(Path(directory)).records())

    assert read == [SpoolRecord(*row) for row in written]


def test_a_record_can_be_read_as_soon_as_it_was_appended(tmp_path: Path) -> None:
    writer, reader = SpoolWriter(tmp_path), SpoolReader(tmp_path)

    for request in range(3):
        writer.append(request, 0, Exchange(), measured=True)
        assert numbers(reader) == [request]
    assert numbers(reader) == []
    writer.close()


def test_a_spool_that_was_not_begun_is_empty(tmp_path: Path) -> None:
    assert numbers(SpoolReader(tmp_path)) == []


def test_a_record_that_is_written_in_part_is_left_until_it_is_whole(tmp_path: Path) -> None:
    SpoolWriter(tmp_path).close()
    (segment,) = tmp_path.iterdir()
    reader = SpoolReader(tmp_path)
    first, second = record_bytes(1, b"x"), record_bytes(2, b"data: a\n\n" * 3)
    segment.write_bytes(first + second[:50])
    assert numbers(reader) == [1]

    for size in range(51, len(second)):
        segment.write_bytes(first + second[:size])
        assert numbers(reader) == []

    segment.write_bytes(first + second)
    assert numbers(reader) == [2]


def test_segments_that_were_read_are_removed_and_the_current_one_is_kept(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, segment_bytes=300)
    reader = SpoolReader(tmp_path)
    body = bytearray(100)
    for request in range(6):
        writer.append(request, 0, Exchange(body=body), measured=True)
    segments = sorted(tmp_path.iterdir())
    assert len(segments) == 3

    assert numbers(reader) == [0, 1, 2, 3, 4, 5]
    assert sorted(tmp_path.iterdir()) == segments[-1:]

    writer.append(6, 0, Exchange(body=body), measured=True)
    assert numbers(reader) == [6]
    writer.close()


@pytest.mark.parametrize("taken", range(5))
def test_reading_goes_on_in_the_next_segment_wherever_it_stood(taken: int, tmp_path: Path) -> None:
    writer, reader = SpoolWriter(tmp_path, segment_bytes=1), SpoolReader(tmp_path)
    for request in range(taken):
        writer.append(request, 0, Exchange(), measured=True)
    assert numbers(reader) == list(range(taken))

    for request in range(taken, 5):
        writer.append(request, 0, Exchange(), measured=True)
    writer.close()

    assert numbers(reader) == list(range(taken, 5))


def test_a_text_that_is_no_unicode_is_made_readable(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path)
    writer.append(0, 0, Exchange(failure="connect", failure_text="no \udcff"), measured=True)
    writer.close()

    (record,) = SpoolReader(tmp_path).records()

    assert record.exchange.failure_text == "no ?"
