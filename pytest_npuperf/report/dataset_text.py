"""A dataset in words, from the settings that a case was run with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pytest_npuperf.report.phrases import counted, duration, length, others, plain, share

__all__ = ["dataset_text", "has_conversations"]

_Settings = Mapping[str, Any]
_CEILING = frozenset(("gsm8k", "gsm8kshaped", "jsonl", "csv", "text"))
"""Datasets whose answers are as long as the case allows."""


def dataset_text(dataset: Mapping[str, Any], *, max_tokens: Any = None) -> Iterator[str]:
    """What a dataset sends, in parts; nothing where none is known.

    Settings without words of their own come last, by name and value.

    Args:
        dataset: Its kind -> its settings, as ``CaseResult.settings`` has it.
        max_tokens: The ceiling of answers, where the dataset asks for no length of its own.
    """
    for kind, settings in dataset.items():
        if not isinstance(settings, Mapping):
            yield f"{kind} {plain(settings)}"
        elif kind not in _TEXTS:
            yield f"dataset {kind}"
            yield from others(settings, without=())
        else:
            text, known = _TEXTS[kind]
            yield from text(settings)
            if kind in _CEILING and max_tokens is not None:
                yield f"answers of at most {counted(max_tokens, 'token')}"
            yield from others(settings, without=known)


def has_conversations(dataset: Mapping[str, Any]) -> bool:
    """Whether what arrives or is in flight is a conversation, not a request."""
    sharegpt = dataset.get("sharegpt")
    return "conversation" in dataset or (isinstance(sharegpt, Mapping) and sharegpt.get("turns", 1) != 1)


def _gsm8k_shaped(settings: _Settings) -> Iterator[str]:
    yield f"GSM8K-shaped prompts aimed at {length(settings.get('input_tokens'), 'token')}"


def _gsm8k(settings: _Settings) -> Iterator[str]:
    shots = settings.get("shots")
    examples = f" behind {counted(shots, 'worked example')}" if shots else ""
    yield f"GSM8K questions of {plain(settings.get('path'))}{examples}"


def _rows(settings: _Settings) -> Iterator[str]:
    yield f"questions of {plain(settings.get('path'))}"


def _text(settings: _Settings) -> Iterator[str]:
    separator = settings.get("separator")
    between = {None: "one a line", "": "between blank lines"}.get(separator, f"between lines {separator!r}")
    yield f"prompts of {plain(settings.get('path'))}, {between}"


def _sharegpt(settings: _Settings) -> Iterator[str]:
    turns, path = settings.get("turns", 1), plain(settings.get("path"))
    if turns == 1:
        yield f"first messages of the conversations of {path}"
    else:
        yield f"conversations of {path}, " + (
            "all turns" if turns == "all" else f"at most {plain(turns)} turns"
        )
    yield from _think_time(settings)
    most, with_answer = settings.get("max_input_tokens"), settings.get("max_total_tokens")
    if most is not None and with_answer is not None:
        yield f"at most {plain(most)} input tokens, {plain(with_answer)} with the answer"
    yield "answers of the recorded lengths"


def _multimodal(settings: _Settings) -> Iterator[str]:
    media = [
        *_pictures("image", settings.get("images")),
        *_video(settings.get("video")),
        *_audio(settings.get("audio")),
    ]
    with_media = f" with {', '.join(media)}" if media else ""
    yield f"prompts of {length(settings.get('input_tokens'), 'token')}{with_media}"
    yield from _answers(settings)
    if settings.get("modalities"):
        yield f"answers as {' and '.join(map(plain, settings['modalities']))}"
    if settings.get("speech"):
        yield f"speech: {plain(settings['speech'])}"


def _pictures(noun: str, settings: Any) -> Iterator[str]:
    if not isinstance(settings, Mapping):
        return
    number = counted(settings.get("count", 1), noun)
    if "folder" in settings:
        again = ", again from the first after the last" if settings.get("repeat") else ""
        yield f"{number} of {plain(settings['folder'])}{again}"
    else:
        size = f"{plain(settings.get('width'))} x {plain(settings.get('height'))}"
        yield f"{number} of {size} ({plain(settings.get('format')).upper()})"


def _video(settings: Any) -> Iterator[str]:
    if isinstance(settings, Mapping) and "path" in settings:
        yield f"the video {plain(settings['path'])}"
    else:
        yield from _pictures("video frame", settings)


def _audio(settings: Any) -> Iterator[str]:
    if isinstance(settings, Mapping):
        yield f"{duration(settings.get('seconds'))} of sound"


def _mooncake(settings: _Settings) -> Iterator[str]:
    yield f"recorded traffic of {plain(settings.get('path'))}, prompts and answers of the recorded lengths"


def _conversation(settings: _Settings) -> Iterator[str]:
    yield (
        f"conversations of {length(settings.get('turns'), 'turn')}, "
        f"messages of {length(settings.get('input_tokens'), 'token')}"
    )
    yield from _answers(settings)
    if settings.get("system_tokens"):
        yield f"a system prompt of {counted(settings['system_tokens'], 'token')}"
    yield from _think_time(settings)
    if settings.get("tools"):
        yield counted(settings["tools"], "tool")


def _synthetic(settings: _Settings) -> Iterator[str]:
    yield f"synthetic prompts of {length(settings.get('input_tokens'), 'token')}"
    yield from _answers(settings)
    prefix = settings.get("prefix")
    if isinstance(prefix, Mapping):
        texts, tokens = counted(prefix.get("pool"), "text"), counted(prefix.get("tokens"), "token")
        yield f"{share(prefix.get('share'))} begin with one of {texts} of {tokens}"


def _answers(settings: _Settings) -> Iterator[str]:
    if settings.get("output_tokens") is not None:
        yield f"answers of {length(settings['output_tokens'], 'token')}"


def _think_time(settings: _Settings) -> Iterator[str]:
    think = settings.get("think_time")
    if isinstance(think, Mapping):
        yield f"{duration(think.get('mean'))} between turns on average (exponential)"
    elif think:
        yield f"{duration(think)} between turns"


# How each kind is told, and the settings that this tells.
_TEXTS: dict[str, tuple[Callable[[_Settings], Iterator[str]], frozenset[str]]] = {
    "gsm8kshaped": (_gsm8k_shaped, frozenset(("input_tokens",))),
    "gsm8k": (_gsm8k, frozenset(("path", "shots"))),
    "jsonl": (_rows, frozenset(("path",))),
    "csv": (_rows, frozenset(("path",))),
    "text": (_text, frozenset(("path", "separator"))),
    "sharegpt": (
        _sharegpt,
        frozenset(("path", "turns", "think_time", "max_input_tokens", "max_total_tokens")),
    ),
    "multimodal": (
        _multimodal,
        frozenset(("images", "audio", "video", "input_tokens", "output_tokens", "modalities", "speech")),
    ),
    "mooncake": (_mooncake, frozenset(("path",))),
    "conversation": (
        _conversation,
        frozenset(("turns", "input_tokens", "output_tokens", "system_tokens", "think_time", "tools")),
    ),
    "synthetic": (_synthetic, frozenset(("input_tokens", "output_tokens", "prefix"))),
}
