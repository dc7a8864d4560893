"""Results: what is known of a case and of a run once they are measured."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_npuperf.capacity import Exploration
from pytest_npuperf.errors import ClientBoundError, NpuperfWarning
from pytest_npuperf.failing import require
from pytest_npuperf.metrics import ClientHealth, Sample, Summary
from pytest_npuperf.slo import (
    Budget,
    Evidence,
    Judging,
    StageEvidence,
    StageRun,
    Verdict,
    direction_warning,
    grounds_of,
    implied_budgets,
    judge,
    parse_budget,
    run_of_stage,
    vacuous_reasons,
)
from pytest_npuperf.trace import UNKNOWN, Ints, Trace

if TYPE_CHECKING:
    import pandas

__all__ = ["OTHER_SIDE", "CaseResult", "RunRecord"]


OTHER_SIDE = "@A"
"""What follows a case's name in the result of A, where it was measured on two servers by turns."""

_CACHED_BY_CHANCE = 0.05
"""Share of the input tokens that may be cached unasked: prompts share the chat template's first block."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
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
    stages: tuple[Summary, ...] = ()
    """The stages beside the total: ``steady``, or each turn of conversations."""
    warmup_window: tuple[float, float] | None = None
    """From the first warmup request sent to the last one ended, in seconds from the first measured request
    sent: it starts below 0 and mostly ends above. None without warmup, and where it is not known."""
    steady_window: tuple[float, float] | None = None
    """Bounds of the steady stage in seconds from the first request sent; None without one."""
    steady_rows: Ints | None = None
    """The rows of the trace that make up the steady stage; None without one."""
    no_steady: str = ""
    """Why there is no steady stage, '' where there is one or none was asked for."""
    cache_expected: bool = True
    """Whether requests are meant to share prefixes, so that the server may take them from its cache."""
    not_measured: str = ""
    """Why the figures are not the server's, '' where they are: such a case is never judged."""
    aborted: str = ""
    """Why the load was given up before its end, '' where it was not: such a case fails."""
    sent: int | None = None
    """Requests that the load generator says it sent, None where nobody counted them."""
    asked_models: tuple[str, ...] = ()
    """The model names that requests asked for; with none, any may answer."""
    listed_models: tuple[str, ...] = ()
    """Those that the server lists."""
    exploration: Exploration | None = None
    """The steps of a search or a sweep, this measurement among them; None for a case at one load."""
    location: tuple[str, int] = ("", 0)
    """The file that the case stands in and its line there, from 1; ``("", 0)`` where it stands in none."""
    prompts_hash: str = ""
    """Of all that was sent, in its order; '' where it is not known."""
    measurements: tuple[CaseResult, ...] = ()
    """Each measurement by itself, where the load was measured again: the trace holds all of them, pooled."""
    in_pairs: bool = False
    """Whether they were made by turns with those of another server, not because the first left doubt."""
    judging: Judging = field(default_factory=Judging)
    """How its budgets are judged."""
    verdicts: list[Verdict] = field(default_factory=list)
    """Every verdict given so far, each once, in the order they were given."""
    _stage_runs: dict[str, StageRun] = field(default_factory=dict, init=False)
    """Filled at first use: of many requests they take a while, and every judgement and table needs them."""

    def __repr__(self) -> str:
        summary = self.summary
        return (
            f"<CaseResult {self.name}: {summary.total_requests} requests, {summary.failed_requests} failed, "
            f"{len(self.verdicts)} verdicts>"
        )

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
        budgets = [parse_budget(expression) for expression in expressions]
        for warning in filter(None, map(direction_warning, budgets)):
            warnings.warn(NpuperfWarning(warning), stacklevel=2)
        require(self.judge(budgets))

    def judge(self, budgets: Iterable[Budget]) -> list[Verdict]:
        """Judge parsed budgets and keep their verdicts; raises nothing."""
        return self._keep(judge(budgets, self.evidence))

    def judge_implied(self) -> list[Verdict]:
        """Judge what every case has to keep without being asked, and keep the verdicts.

        A search has to find a load, and its budgets hold there. To be called once every other
        budget has been judged: what is implied depends on them.
        """
        searched = self._judge_search()
        implied = implied_budgets([verdict.budget for verdict in self.verdicts], self.summary)
        return searched + self.judge(implied)

    def _judge_search(self) -> list[Verdict]:
        if self.exploration is None or self.exploration.search is None:
            return []
        found = self.exploration.capacity_verdict()
        return self._keep([found]) + self.judge(self.exploration.search.budgets) if found else []

    def _keep(self, verdicts: list[Verdict]) -> list[Verdict]:
        for verdict in verdicts:
            if verdict not in self.verdicts:
                self.verdicts.append(verdict)
        return verdicts

    @property
    def confirmations(self) -> int:
        """How often the load was measured again."""
        return max(0, len(self.measurements) - 1)

    @property
    def evidence(self) -> Evidence:
        """What budgets are judged by."""
        pooled = self.stage_runs()
        each = [measurement.stage_runs() for measurement in self.measurements] or [pooled]
        stages = {
            stage: StageEvidence(run, tuple(runs[stage] for runs in each if stage in runs))
            for stage, run in pooled.items()
        }
        return Evidence(stages, self.no_steady, self.judging)

    def stage_runs(self) -> Mapping[str, StageRun]:
        """What was measured for each stage, by its name."""
        if not self._stage_runs:
            for summary in self.summaries:
                self._stage_runs[summary.stage] = run_of_stage(self._trace_of(summary.stage), summary)
        return self._stage_runs

    def _trace_of(self, stage: str) -> Trace:
        if stage == "total":
            return self.trace
        if stage == "steady":
            assert self.steady_rows is not None
            return self.trace.select(self.steady_rows)
        turn = int(stage.removeprefix("turn ")) - 1
        return self.trace.select(np.flatnonzero(self.trace.turn == turn))

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """The summaries of all stages, the total first."""
        return (self.summary, *self.stages)

    @property
    def vacuous(self) -> tuple[str, ...]:
        """Why a pass would mean nothing, whatever the budgets say; nothing where it means something.

        To be asked once every budget has been judged: one on ``missed_output_length`` takes the
        place of what is asked of the lengths here.
        """
        budgets = [verdict.budget for verdict in self.verdicts]
        each = [measurement._vacuous(budgets) for measurement in self.measurements or (self,)]
        return tuple(dict.fromkeys(reason for reasons in each for reason in reasons))

    def _vacuous(self, budgets: Iterable[Budget]) -> tuple[str, ...]:
        """The reasons of one measurement."""
        grounds = grounds_of(
            self.trace,
            self.health,
            budgets,
            sent=self.sent,
            max_concurrency=self.summary.max_concurrency,
            asked_models=self.asked_models,
            listed_models=self.listed_models,
        )
        if self.stopped or self.aborted:  # what was in flight then is in no row
            grounds = replace(grounds, sent=None, asked_rate=None)
        if self.exploration is not None and self.exploration.search is None:  # a sweep goes past the limit
            grounds = replace(grounds, asked_rate=None)
        return vacuous_reasons(grounds)

    @property
    def suspect(self) -> tuple[str, ...]:
        """Why the figures may be those of another load than was meant; nothing where they are not."""
        rate = self.summary.cache_hit_rate
        if self.cache_expected or rate is None or rate <= _CACHED_BY_CHANCE:
            return ()
        return (
            f"{rate:.1%} of the input tokens came from the server's prefix cache, though no prompt was to "
            "share its beginning with another: the server has seen them before, so TTFT is too short",
        )

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

        ``start_time`` counts from the first request sent, ``turn`` from 1, ``conversation`` from 0.
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
                "turn": pandas.Series(self.trace.turn + 1).where(self.trace.turn != UNKNOWN),
                "conversation": pandas.Series(self.trace.conversation).where(
                    self.trace.conversation != UNKNOWN
                ),
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
    outcomes: Mapping[str, str] = field(default_factory=dict)
    """Node id -> ``failed``, ``error`` or ``skipped``; an item that is not there passed."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Node id -> why it failed or ended in an error, on one line; of items that measured or were to."""

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """The node ids of items that failed before there was anything measured."""
        measured = {result.nodeid for result in self.results}
        return tuple(nodeid for nodeid in self.failures if nodeid not in measured)
