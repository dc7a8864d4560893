from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_npuperf.report.escaping import label_value, markdown_code, workflow_data, workflow_property
from pytest_npuperf.text import printable


@given(st.text(st.sampled_from("ab|`<>&*_~[]\\$@:/.w\n\x1b\x9b \u202e聊")))
def test_code_in_markdown_reads_as_the_text_and_holds_no_markup(text: str) -> None:
    inner = markdown_code(text).removeprefix("<code>").removesuffix("</code>")
    assert html.unescape(inner) == printable(text)
    assert not re.search(r"[|`<>*~\[\\$@\n\x1b]|://|www\.", inner)
    assert not re.search(r"(?<![^\W_])_|_(?![^\W_])", inner)


def test_code_in_markdown_stays_readable() -> None:
    assert markdown_code("test_chat.py::test_it[4]") == "<code>test_chat.py::test_it&#91;4]</code>"


def test_a_workflow_command_takes_its_text_for_no_further_command() -> None:
    assert workflow_data("100 %\r\n::error::x") == "100 %25%0D%0A::error::x"
    assert workflow_property("a:b,c%\n") == "a%3Ab%2Cc%25%0A"


@pytest.mark.parametrize(
    ("text", "value"),
    [("chat", '"chat"'), ('say "hi"', r'"say \"hi\""'), ("a\\b", r'"a\\b"'), ("a\nb", r'"a\\nb"')],
)
def test_a_label_s_value_is_quoted(text: str, value: str) -> None:
    assert label_value(text) == value
