"""One step: a number of streams, measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_npuperf.calibration.processors import on_processor
from pytest_npuperf.calibration.server import MODEL, Server
from pytest_npuperf.calibration.settings import CalibrationSettings
from pytest_npuperf.calibration.truth import Errors, errors_of, server_lag
from pytest_npuperf.load.plan import LoadPlan, PlannedRequest
from pytest_npuperf.load.run import LoadRun
from pytest_npuperf.metrics import ClientHealth, Sample, client_health, summarize
from pytest_npuperf.trace import ClientUsage, Trace
from pytest_npuperf.wire.chat import request_body
from pytest_npuperf.wire.timeouts import Timeouts

__all__ = ["Step", "run_step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the client did with so many streams; rates in token/s, CPU times in seconds a token."""

    streams: int
    token_rate_asked: float
    token_rate: float
    """What arrived, from the first request to the last answer."""
    generator_cpu: float
    decoder_cpu: float
    errors: Errors
    server_lag: Sample
    """How late the server sent its chunks, in seconds."""
    server_is_full: bool
    """More than half of its chunks were later than a whole ITL: it was the bottleneck."""
    health: ClientHealth
    failures: dict[str, int]
    """Failed requests by kind; there should be none."""

    @property
    def is_clean(self) -> bool:
        """Whether neither side was at its limit."""
        return self.health.state == "ok" and not self.server_is_full and not self.failures


def run_step(server: Server, settings: CalibrationSettings, streams: int, *, processor: int | None) -> Step:
    """Load the server by a client on a processor.

    Raises:
        LoadError: The load generator died.
    """
    requests = settings.requests(streams)
    plan = LoadPlan(
        base_url=server.url,
        concurrency=streams,
        warmup=streams,
        requests=requests,
        timeouts=Timeouts(),
        request_id_prefix=f"calibration-{streams}",
    )
    message = {"role": "user", "content": "Tell me how long this takes."}
    warmup, measured = (
        PlannedRequest(body=request_body([message], model=MODEL, max_tokens=tokens))
        for tokens in (1, settings.output_tokens)
    )
    trace, usage = _run(plan, [warmup] * streams + [measured] * requests, processor)
    answered = server.take_answered()[streams:]
    summary, lag = summarize(trace, max_concurrency=streams), server_lag(answered, settings)
    tokens = summary.total_output_tokens or 0
    return Step(
        streams=streams,
        token_rate_asked=settings.token_rate(streams),
        token_rate=summary.output_token_throughput or 0.0,
        generator_cpu=_each(usage.cpu_time, tokens),
        decoder_cpu=_each(usage.decoder_cpu_time, tokens),
        errors=errors_of(trace, answered),
        server_lag=lag,
        server_is_full=(lag.median or 0.0) > settings.itl,
        health=client_health(trace, usage),
        failures=summary.errors,
    )


def _run(plan: LoadPlan, planned: list[PlannedRequest], processor: int | None) -> tuple[Trace, ClientUsage]:
    with TemporaryDirectory(prefix="npuperf-") as directory:
        with on_processor(processor):
            load = LoadRun(plan, planned, log=Path(directory, "load.log"), api_key=None)
        try:
            load.wait()
            return load.trace(), load.usage()
        finally:
            load.close()


def _each(nanoseconds: int, tokens: int) -> float:
    return nanoseconds / 1e9 / tokens if tokens else 0.0
