"""YAML with its line numbers, so that an error can say where it is."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec
import yaml

from pytest_npuperf.errors import CaseError

__all__ = ["YamlSource"]

_T = TypeVar("_T")

# "Expected `int`, got `str` - at `$.cases[0].requests`"
_LOCATED = re.compile(r"(?P<what>.*?)(?: - at `(?P<place>\$.*)`)?", re.DOTALL)
_UNKNOWN_KEY = re.compile(r"Object contains unknown field `(.*)`")
_UNKNOWN_WORD = re.compile(r"Invalid enum value '(.*)'")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class YamlSource:
    """A YAML file: its values, and the nodes they came from.

    Places are written as msgspec writes them: ``$.cases[0].load``.
    """

    path: Path
    value: Any
    node: yaml.Node | None

    @classmethod
    def read(cls, path: Path) -> YamlSource:
        """Parse a file.

        Raises:
            CaseError: It cannot be read, is not YAML, or has a key twice.
        """
        try:
            text = path.read_text(encoding="utf-8")
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            value = yaml.safe_load(text)
        except yaml.MarkedYAMLError as exc:
            line = f":{exc.problem_mark.line + 1}" if exc.problem_mark else ""
            raise CaseError(f"{path.name}{line}: not valid YAML: {exc.problem}") from exc
        except (OSError, ValueError, yaml.YAMLError) as exc:
            raise CaseError(f"{path.name}: cannot be read: {exc}") from exc
        source = cls(path, value, node)
        source._refuse_repeated_keys(node)
        return source

    def convert(self, wanted: type[_T], decode: Callable[[type, Any], Any]) -> _T:
        """The values as a msgspec type.

        Raises:
            CaseError: They do not fit it.
        """
        try:
            return msgspec.convert(self.value, wanted, dec_hook=decode)
        except msgspec.ValidationError as exc:
            located = _LOCATED.fullmatch(str(exc))
            assert located is not None
            # msgspec does not say which entry of a mapping it means: the mapping has to do
            place = (located["place"] or "$").partition("[...]")[0]
            raise self._invalid(located["what"], place, wanted) from exc

    def error(self, place: str, what: str) -> CaseError:
        """An error at a place of the file."""
        key_path = place.removeprefix("$").removeprefix(".")
        where = f"{self.path.name}:{self.line(place)}"
        return CaseError(f"{where}: {key_path}: {what}" if key_path else f"{where}: {what}")

    def _invalid(self, what: str, place: str, wanted: type) -> CaseError:
        if match := _UNKNOWN_KEY.fullmatch(what):
            allowed = _keys(_struct_in(_type_at(wanted, place)))
            return self.error(f"{place}.{match[1]}", f"unknown key; {_allowed(match[1], allowed)}")
        if match := _UNKNOWN_WORD.fullmatch(what):
            words = _words(_type_at(wanted, place))
            return self.error(place, f"{match[1]!r} is not allowed; {_allowed(match[1], words)}")
        return self.error(place, f"{what}; the value is {self._value(place)!r}")

    def _value(self, place: str) -> Any:
        value = self.value
        for key, index in _STEP.findall(place):
            value = value[int(index)] if index else value[key]
        return value

    def line(self, place: str) -> int:
        """The line that a place begins on, counted from 1."""
        node, line = self.node, 1
        for key, index in _STEP.findall(place):
            if isinstance(node, yaml.SequenceNode) and index:
                node = node.value[int(index)]
                line = node.start_mark.line + 1
            elif isinstance(node, yaml.MappingNode):
                for key_node, value_node in node.value:
                    if key_node.value == key:
                        node, line = value_node, key_node.start_mark.line + 1
        return line

    def _refuse_repeated_keys(self, node: yaml.Node | None) -> None:
        """PyYAML lets the last of them win without a word."""
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._refuse_repeated_keys(item)
        elif isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key_node, value_node in node.value:
                if key_node.value in seen:
                    line = key_node.start_mark.line + 1
                    raise CaseError(f"{self.path.name}:{line}: the key {key_node.value!r} is there twice")
                seen.add(key_node.value)
                self._refuse_repeated_keys(value_node)


def _allowed(seen: str, allowed: list[str]) -> str:
    near = difflib.get_close_matches(seen, allowed, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"allowed are {', '.join(allowed)}{hint}"


def _type_at(wanted: Any, place: str) -> Any:
    for key, index in _STEP.findall(place):
        if index:
            wanted = next(get_args(o)[0] for o in _options(wanted) if get_origin(o) is list)
        else:
            struct = _struct_in(wanted)
            fields = msgspec.structs.fields(struct)
            wanted = next(field.type for field in fields if field.encode_name == key)
    return wanted


def _options(wanted: Any) -> tuple[Any, ...]:
    """The types of a union; of another type, itself."""
    return (wanted, *get_args(wanted))


def _struct_in(wanted: Any) -> Any:
    return next(o for o in _options(wanted) if isinstance(o, type) and issubclass(o, msgspec.Struct))


def _keys(struct: Any) -> list[str]:
    return sorted(field.encode_name for field in msgspec.structs.fields(struct))


def _words(wanted: Any) -> list[str]:
    """The words that may stand somewhere, and the keys where a mapping may stand there too."""
    literals = [o for o in _options(wanted) if get_origin(o) is Literal]
    structs = [o for o in _options(wanted) if isinstance(o, type) and issubclass(o, msgspec.Struct)]
    words = [word for literal in literals for word in get_args(literal)]
    return words + [f"{{{key}: ...}}" for struct in structs for key in _keys(struct)]
