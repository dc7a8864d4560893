from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_npuperf.report import case_stems
from pytest_npuperf.report.names import safe_stem


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("gsm8kdataset", "gsm8kdataset"),
        ("chat[concurrency=4]", "chat-concurrency-4"),
        ("test_chat[16-1.5]", "test_chat-16-1.5"),
        ("../../etc/passwd", "etc-passwd"),
        ("/absolute\\and\\windows", "absolute-and-windows"),
        ("..", "case"),
        ("", "case"),
        (".hidden", "hidden"),
        ("nul", "case-nul"),
        ("COM1.log", "case-COM1.log"),
        ("聊天 测试", "聊天-测试"),
        ("bell\x07\x1b[31m", "bell-31m"),
        ("\ud800", "case"),
    ],
)
def test_a_name_becomes_a_safe_stem(name: str, stem: str) -> None:
    assert safe_stem(name) == stem


def test_a_repeated_name_is_numbered() -> None:
    assert case_stems(["chat", "chat", "chat"]) == ["chat", "chat-2", "chat-3"]


def test_a_number_does_not_meet_a_case_of_that_name() -> None:
    assert case_stems(["chat", "chat-2", "chat"]) == ["chat", "chat-2", "chat-3"]


def test_names_that_differ_in_case_only_are_numbered() -> None:
    assert case_stems(["Chat", "chat", "straße", "STRASSE"]) == ["Chat", "chat-2", "straße", "STRASSE-2"]


@pytest.mark.parametrize("names", [["chat", "chat_details"], ["chat_details", "chat"]])
def test_no_case_writes_another_s_details_file(names: list[str]) -> None:
    stems = case_stems(names)
    files = [name for stem in stems for name in (f"{stem}.json", f"{stem}_details.json")]
    assert len(set(files)) == 4


def test_a_long_name_is_cut_to_whole_characters() -> None:
    stem = safe_stem("é" * 300)
    assert stem == "é" * 50


@given(
    st.lists(
        st.text(alphabet=st.characters(), max_size=150) | st.sampled_from(["a", "A", "a-2", "a_details"])
    )
)
def test_stems_are_unique_files_inside_their_folder(names: list[str]) -> None:
    stems = case_stems(names)
    files = [f"{stem}{end}" for stem in stems for end in (".csv", ".json", "_details.json", "_plot.html")]
    assert len(stems) == len(names)
    assert len({unicodedata.normalize("NFKC", file.casefold()) for file in files}) == 4 * len(names)
    for file in files:
        assert "/" not in file
        assert "\\" not in file
        assert not file.startswith(".")
        assert len(file.encode()) < 200
