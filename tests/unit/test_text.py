from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_npuperf.text import encodable, printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("two\nlines\r", r"two\nlines\r"),
        ("\x9b2J", r"\x9b2J"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\ud800", r"\ud800"),
        ("größer, 聊天", "größer, 聊天"),
    ],
)
def test_control_characters_stand_as_escapes(text: str, expected: str) -> None:
    assert printable(text) == expected


@given(st.text(alphabet=st.characters()))
def test_printable_text_is_printable_whatever_came(text: str) -> None:
    assert printable(text).isprintable()


def test_long_text_is_cut_with_dots() -> None:
    assert printable("a" * 11, 10) == "aaaaaaa..."
    assert printable("a" * 10, 10) == "a" * 10


def test_lone_surrogates_become_encodable() -> None:
    assert encodable("a\ud800b") == r"a\ud800b"
    assert encodable("聊天") == "聊天"
