"""The server under test as a case sees it: what it is called, and how it counts tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from pytest_npuperf.case import Case
from pytest_npuperf.traits import NOTHING_KNOWN, ServerTraits, gauge_for, probe_traits
from pytest_npuperf.wire.tls_settings import TlsSettings
from pytest_npuperf.workload import ESTIMATE, Gauge, is_made_to_measure
from pytest_npuperf.workload.tokenizer import TokenCounter, token_counter

__all__ = ["Target", "TargetFinder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The server that a plan is for, as far as the plan depends on it."""

    base_url: str
    model: str
    listed: tuple[str, ...] = ()
    """The names that it lists."""
    tls: TlsSettings = TlsSettings()
    traits: ServerTraits = NOTHING_KNOWN
    gauge: Gauge = ESTIMATE


class TargetFinder:
    """Asks one server what cases have to know of it, once for all cases of a seed that ask alike.

    What a case learns depends on no other case, so that it sends the same prompts when it runs alone.

    Args:
        base_url: As ``Target`` has it.
        model: The name to send.
        model_path: The directory of the weights, where it is known: its tokenizer counts exactly.
        api_key: Sent as a bearer token.
        tls: Whom to trust on https.
        listed: The names that the server lists.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        model_path: Path | None,
        api_key: str | None,
        tls: TlsSettings,
        listed: tuple[str, ...] = (),
    ) -> None:
        self._base_url = base_url
        self._model = model
        self._model_path = model_path
        self._api_key = api_key
        self._tls = tls
        self._listed = listed
        self._known: dict[bytes, Target] = {}

    def find(self, case: Case, note: Callable[[str], None]) -> Target:
        """The target of a case; ``note`` takes lines for its log.

        Raises:
            SettingsError: The file of authorities cannot be used.
        """
        if not is_made_to_measure(case.dataset):
            return Target(base_url=self._base_url, model=self._model, listed=self._listed, tls=self._tls)
        asked = msgspec.json.encode((case.seed, case.headers, case.extra_body))
        if asked not in self._known:
            self._known[asked] = self._ask(case, note)
        return self._known[asked]

    @cached_property
    def _counter(self) -> TokenCounter:
        return token_counter(self._model_path)

    def _ask(self, case: Case, note: Callable[[str], None]) -> Target:
        counter = self._counter
        note(f"tokens are counted by {counter.source}")
        traits = probe_traits(
            self._base_url,
            self._model,
            count=counter.count,
            lengths=True,
            exact=True,
            seed=str(case.seed),
            api_key=self._api_key,
            tls=self._tls,
            headers=case.headers,
            extra_body=case.extra_body,
        )
        note(
            f"the server counts {traits.scale:.3f} x as many and {traits.template_tokens} for its template; "
            f"exact output lengths by: {traits.exact_output}"
        )
        for text in traits.notes:
            note(text)
        return Target(
            base_url=self._base_url,
            model=self._model,
            listed=self._listed,
            tls=self._tls,
            traits=traits,
            gauge=gauge_for(traits, counter.count),
        )
