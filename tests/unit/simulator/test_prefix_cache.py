from __future__ import annotations

import random

import pytest

from pytest_npuperf.simulator.prefix_cache import PrefixCache

BLOCK = 64


def text(blocks: float, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(round(blocks * BLOCK))


def test_a_prompt_that_was_never_seen_is_not_cached() -> None:
    cache = PrefixCache()
    assert [cache.reuse(text(5, seed)) for seed in range(3)] == [0, 0, 0]


@pytest.mark.parametrize(("blocks", "tokens"), [(3.5, 48), (3, 32), (3 + 1 / BLOCK, 48), (1, 0), (0.5, 0)])
def test_of_a_prompt_seen_before_all_whole_blocks_are_but_its_last_token(blocks: float, tokens: int) -> None:
    cache = PrefixCache()
    cache.reuse(text(blocks))
    assert cache.reuse(text(blocks)) == tokens


def test_as_much_is_cached_as_is_the_same_at_the_beginning() -> None:
    cache = PrefixCache()
    cache.reuse(text(4))
    assert cache.reuse(text(4)[: 2 * BLOCK + 1] + text(4, seed=1)) == 2 * 16
    assert cache.reuse(text(4) + text(4, seed=2)) == 4 * 16


def test_the_same_block_behind_another_beginning_is_not_cached() -> None:
    cache = PrefixCache()
    first, second = text(4), text(4, seed=1)
    cache.reuse(first)
    cache.reuse(second)
    assert cache.reuse(first[:BLOCK] + second[BLOCK:]) == 16


def test_only_so_many_blocks_are_remembered_and_beginnings_longest() -> None:
    cache = PrefixCache(blocks=10)
    cache.reuse(text(8))
    cache.reuse(text(6, seed=1))
    assert cache.reuse(text(8)) == 4 * 16


def test_what_is_used_again_is_remembered_longer() -> None:
    cache = PrefixCache(blocks=10)
    cache.reuse(text(5))
    cache.reuse(text(5, seed=1))
    cache.reuse(text(5))
    cache.reuse(text(5, seed=2))
    assert cache.reuse(text(5) + b".") == 5 * 16
    assert cache.reuse(text(5, seed=1) + b".") == 0


def test_nothing_is_known_after_clear() -> None:
    cache = PrefixCache()
    cache.reuse(text(4))
    cache.clear()
    assert cache.reuse(text(4)) == 0
