"""Which beginnings of prompts were seen before."""

from __future__ import annotations

from collections import OrderedDict
from itertools import takewhile

from pytest_npuperf.simulator.request import BYTES_PER_TOKEN

__all__ = ["BLOCK_TOKENS", "PrefixCache"]

BLOCK_TOKENS = 16
"""Only whole blocks are cached: vLLM's default."""

_BLOCK = BLOCK_TOKENS * BYTES_PER_TOKEN


class PrefixCache:
    """Remembers blocks of prompts, each with all that was before it: the ``blocks`` that were last used."""

    def __init__(self, blocks: int = 65_536) -> None:
        self._blocks = blocks
        self._known: OrderedDict[int, None] = OrderedDict()

    def reuse(self, prompt: bytes) -> int:
        """Tokens at the beginning of a prompt that are known; from now on all its whole blocks are.

        The last token of a prompt is never among them: a server computes it to have an output.
        """
        keys = _block_keys(prompt)
        usable = keys[: (len(prompt) - 1) // _BLOCK]
        known = sum(1 for _ in takewhile(self._known.__contains__, usable))
        # Backwards, so that beginnings are forgotten last: nothing is found without them.
        for key in reversed(keys):
            self._known[key] = None
            self._known.move_to_end(key)
        while len(self._known) > self._blocks:
            self._known.popitem(last=False)
        return known * BLOCK_TOKENS

    def clear(self) -> None:
        """Forgets all."""
        self._known.clear()


def _block_keys(prompt: bytes) -> list[int]:
    keys = []
    key = 0
    for end in range(_BLOCK, len(prompt) + 1, _BLOCK):
        key = hash((key, prompt[end - _BLOCK : end]))
        keys.append(key)
    return keys
