"""``--npuperf-seed``."""

from __future__ import annotations

import pytest

from pytest_npuperf.options import read_settings


def test_without_one_each_run_draws_its_own(pytester: pytest.Pytester) -> None:
    config = pytester.parseconfig()
    drawn = [read_settings(config, {}) for _ in range(3)]
    # three equal ones of 2 ** 32 would be a wonder
    assert len({settings.seed for settings in drawn}) > 1
    assert {settings.sources["seed"] for settings in drawn} == {"drawn"}
    assert drawn[0].described()["seed"] == {"value": drawn[0].seed, "source": "drawn"}


def test_a_given_one_is_kept(pytester: pytest.Pytester) -> None:
    settings = read_settings(pytester.parseconfig("--npuperf-seed=0"), {})
    assert (settings.seed, settings.sources["seed"]) == (0, "option")
