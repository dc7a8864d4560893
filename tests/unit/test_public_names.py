from __future__ import annotations

import pytest

import pytest_npuperf


@pytest.mark.parametrize("name", pytest_npuperf.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(pytest_npuperf, name)
    assert value.__name__ == name
    assert value.__doc__


def test_the_list_is_sorted() -> None:
    assert pytest_npuperf.__all__ == sorted(pytest_npuperf.__all__)


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = pytest_npuperf.Nothing  # type: ignore[attr-defined]
