"""examples/ci/Jenkinsfile: a declarative pipeline, and its steps run as Jenkins runs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SHELL = ("sh", "-xe", "-c")
SECTIONS = {"agent", "environment", "options", "parameters", "post", "stages", "tools", "triggers"}
_TOKEN = re.compile(
    r"//[^\n]*|'''(?P<lines>.*?)'''|'(?P<line>[^'\n]*)'|(?P<mark>[{}\n])|(?P<word>[^\s{}']+)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a declarative pipeline."""

    words: tuple[str, ...]
    strings: tuple[str, ...]
    body: tuple[Statement, ...]

    @property
    def name(self) -> str:
        return self.words[0].partition("(")[0]

    def only(self, name: str) -> Statement:
        """The one statement of that name in the body."""
        (found,) = (statement for statement in self.body if statement.name == name)
        return found


def test_it_is_a_declarative_pipeline(examples: Path) -> None:
    (pipeline,) = statements((examples / "Jenkinsfile").read_text())
    assert pipeline.name == "pipeline"
    sections = [section.name for section in pipeline.body]
    assert len(set(sections)) == len(sections)
    assert {"agent", "stages"} <= set(sections) <= SECTIONS
    stages = pipeline.only("stages").body
    assert len({stage.strings for stage in stages}) == len(stages)
    for stage in stages:
        assert stage.name == "stage"
        assert {part.name for part in stage.body} <= {"steps", "when"}
        assert {step.name for step in stage.only("steps").body} == {"sh"}
    steps = pipeline.only("post").only("always").body
    assert [step.name for step in steps] == ["junit", "archiveArtifacts"]


@pytest.mark.parametrize("source", ["pipeline {\n", "pipeline {\n}\n}\n", "sh 'x\n", "sh '''x\n"])
def test_what_is_not_closed_is_found(source: str) -> None:
    with pytest.raises(ValueError, match="not"):
        statements(source)


def test_it_is_red_where_the_server_got_slower_than_on_main(gate: Callable[..., Any]) -> None:
    *_, slower = gate(run)
    summary = (slower.artifacts / "npuperf.md").read_text()
    assert summary.startswith("## Serving performance: 1 case: 1 failed")


def test_only_green_and_recent_runs_of_main_are_kept(keeping: Callable[..., None]) -> None:
    keeping(run)


def run(build: Any) -> bool:
    """Whether all stages that are due were green."""
    (pipeline,) = statements((build.checkout / "Jenkinsfile").read_text())
    branch = "main" if build.is_main else f"PR-{build.number}"
    build = build.with_environ(CI="true", JOB_NAME=f"team/adapter/{branch}", HOME=str(build.kept))
    due = [stage for stage in pipeline.only("stages").body if _is_due(stage, is_main=build.is_main)]
    scripts = [step.strings[0] for stage in due for step in stage.only("steps").body]
    is_green = all(build.run(*SHELL, script) for script in scripts)
    for step in pipeline.only("post").only("always").body:
        build.keep(pattern.strip().removesuffix("**") for pattern in step.strings[0].split(","))
    return is_green


def _is_due(stage: Statement, *, is_main: bool) -> bool:
    met = {"changeRequest": not is_main, "branch main": is_main}
    conditions = [condition for part in stage.body if part.name == "when" for condition in part.body]
    return all(met[" ".join((condition.name, *condition.strings))] for condition in conditions)


def statements(source: str) -> tuple[Statement, ...]:
    """The statements of a Jenkinsfile that has no other strings than those in single quotes.

    Raises:
        ValueError: A brace or a quote has no other one.
    """
    if _TOKEN.sub("", source).strip():
        raise ValueError("a quote is not closed")
    return tuple(_statements(_TOKEN.finditer(source), is_body=False))


def _statements(tokens: Iterator[re.Match[str]], *, is_body: bool) -> Iterator[Statement]:
    words: list[str] = []
    strings: list[str] = []
    for token in tokens:
        mark = token["mark"]
        if token["word"] is not None:
            words.append(token["word"])
        elif token["lines"] is not None:
            strings.append(token["lines"].replace("\\\n", ""))
        elif token["line"] is not None:
            strings.append(token["line"])
        elif mark is not None:
            body = tuple(_statements(tokens, is_body=True)) if mark == "{" else ()
            if words:
                yield Statement(tuple(words), tuple(strings), body)
            words, strings = [], []
        if mark == "}":
            if is_body:
                return
            raise ValueError("a brace is closed that was not opened")
    if is_body:
        raise ValueError("a brace is not closed")
