"""Results: what is known of a case and of a run once they are measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_npuperf.errors import ClientBoundError
from pytest_npuperf.metrics import ClientHealth, Sample, Summary
from pytest_npuperf.slo import Budget, Verdict, implied_budgets, judge, parse_budget
from pytest_npuperf.trace import Trace

if TYPE_CHECKING:
    import pandas

__all__ = ["BudgetsBroken", "CaseResult", "RunRecord", "require"]


class BudgetsBroken(AssertionError):
    """At least one budget of a case does not hold; ``verdicts`` has all that were judged."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        self.verdicts = verdicts
        broken = [verdict.budget.expression for verdict in verdicts if verdict.outcome == "fail"]
        super().__init__(f"broken: {', '.join(broken)}")


def require(verdicts: Sequence[Verdict]) -> None:
    """Raise BudgetsBroken, with all the verdicts, where one of them is a failure."""
    __tracebackhide__ = True
    if any(verdict.outcome == "fail" for verdict in verdicts):
        raise BudgetsBroken(verdicts)


def require_measured(results: Iterable[CaseResult]) -> None:
    """Raise ClientBoundError where a case's figures are not the server's."""
    reasons = [f"{result.name}: {result.not_measured}" for result in results if result.not_measured]
    if reasons:
        raise ClientBoundError("\n".join(reasons))


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One measured case."""

    name: str
    """The case's name with its parameters: ``chat[concurrency=4]``."""
    nodeid: str
    settings: Mapping[str, Any]
    """The case as it was run, as plain data."""
    started: str
    """Wall clock at the start of the load, ISO 8601 with offset."""
    stopped: bool
    """True where the load was interrupted: the trace holds what was measured until then."""
    trace: Trace
    summary: Summary
    health: ClientHealth
    not_measured: str = ""
    """Why the figures are not the server's, '' where they are: such a case is never judged."""
    verdicts: list[Verdict] = field(default_factory=list)
    """Every verdict given so far, each once, in the order they were given."""

    def check(self, *expressions: str) -> None:
        """Judge budgets such as ``ttft.p99 < 500 ms`` and fail where one does not hold.

        Raises:
            BudgetError: An expression is not valid.
            BudgetsBroken: A budget does not hold.
            ClientBoundError: The client was the bottleneck, so there is nothing to judge.
        """
        __tracebackhide__ = True
        if self.not_measured:
            raise ClientBoundError(self.not_measured)
        require(self.judge([parse_budget(expression) for expression in expressions]))

    def judge(self, budgets: Iterable[Budget]) -> list[Verdict]:
        """Judge parsed budgets and keep their verdicts; raises nothing."""
        verdicts = judge(budgets, self.summary)
        for verdict in verdicts:
            if verdict not in self.verdicts:
                self.verdicts.append(verdict)
        return verdicts

    def judge_implied(self) -> list[Verdict]:
        """Judge what every case has to keep without being asked, and keep the verdicts.

        To be called once every other budget has been judged: what is implied depends on them.
        """
        return self.judge(implied_budgets([verdict.budget for verdict in self.verdicts], self.summary))

    @property
    def e2el(self) -> Sample:
        """End-to-end latency in seconds."""
        return self.summary.e2el

    @property
    def ttft(self) -> Sample:
        """Time to first token in seconds."""
        return self.summary.ttft

    @property
    def tpot(self) -> Sample:
        """Time per output token in seconds."""
        return self.summary.tpot

    @property
    def itl(self) -> Sample:
        """Gaps between neighbouring chunks in seconds."""
        return self.summary.itl

    @property
    def input_tokens(self) -> Sample:
        """Input tokens of a request."""
        return self.summary.input_tokens

    @property
    def output_tokens(self) -> Sample:
        """Output tokens of a request."""
        return self.summary.output_tokens

    def to_frame(self) -> pandas.DataFrame:
        """One row a request; seconds, tokens and token/s, NaN where there is no value.

        ``start_time`` counts from the first request sent.
        """
        import pandas

        from pytest_npuperf.metrics import request_values

        values = request_values(self.trace)
        frame: pandas.DataFrame = pandas.DataFrame(
            {
                "request_id": self.trace.request_id,
                "success": self.trace.succeeded,
                "error": self.trace.error,
                "start_time": values.start_time,
                "ttft": values.ttft,
                "e2el": values.e2el,
                "tpot": values.tpot,
                "input_tokens": values.input_tokens,
                "output_tokens": values.output_tokens,
                "output_token_throughput": values.output_token_throughput,
                "schedule_delay": values.schedule_delay,
                "finish_reason": self.trace.finish_reason,
            }
        )
        return frame


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """Everything a report says about one pytest run."""

    run_id: str
    """32 hexadecimal digits: the report directory's name."""
    abbr: str
    """The served model's abbreviation in paths and headings (AISBench's ``abbr``)."""
    started: str
    finished: str
    stopped: bool
    """True where the run was interrupted."""
    settings: Mapping[str, Mapping[str, Any]]
    """Option name -> its value and where the value came from; no secrets."""
    environment: Mapping[str, Any]
    """Versions, machine, git commit, command line: what is needed to repeat the run."""
    server: Mapping[str, Any]
    """Base URL, the model name asked for and used, names listed; empty where none was reached."""
    results: tuple[CaseResult, ...]
