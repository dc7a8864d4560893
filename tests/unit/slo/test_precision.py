from __future__ import annotations

import pytest

from pytest_npuperf.errors import BudgetError
from pytest_npuperf.slo import Precision, parse_precision


def test_precision_is_a_figure_and_a_share() -> None:
    assert parse_precision("ttft.p99", "5 %") == Precision(
        expression="ttft.p99: 5 %", metric="ttft", statistic="p99", share=0.05
    )


@pytest.mark.parametrize("share", ["5 %", "5%", " 5.0 % ", "0.05", ".05", 0.05])
def test_share_may_be_written_in_percent_or_as_a_number(share: object) -> None:
    assert parse_precision("itl.avg", share).share == 0.05


@pytest.mark.parametrize("figure", ["e2el.avg", "e2el.median", "itl.p50", "ttft_scheduled.p99.9"])
def test_means_and_percentiles_can_be_known_precisely(figure: str) -> None:
    assert (
        ".".join((parse_precision(figure, "1 %").metric, parse_precision(figure, "1 %").statistic)) == figure
    )


METRICS_ALLOWED = (
    "allowed are e2el, ttft, tpot, itl, input_tokens, output_tokens, request_output_token_throughput, "
    "ttft_scheduled, e2el_scheduled, schedule_delay"
)
STATISTICS_ALLOWED = "allowed are avg, median and percentiles such as p90 or p99.9"
SHARES_ALLOWED = "allowed are numbers between 0 and 1, such as 0.05, or 5 %"


@pytest.mark.parametrize(
    ("figure", "share", "message"),
    [
        ("tttf.p99", "5 %", f"'tttf' is no metric of many values; did you mean 'ttft'?; {METRICS_ALLOWED}"),
        (
            "request_throughput",
            "5 %",
            "'request_throughput' is no metric of many values; "
            f"did you mean 'request_output_token_throughput'?; {METRICS_ALLOWED}",
        ),
        ("receive_lag.p99", "5 %", f"'receive_lag' is no metric of many values; {METRICS_ALLOWED}"),
        (99, "5 %", f"'99' is no metric of many values; {METRICS_ALLOWED}"),
        ("ttft", "5 %", f"name a statistic, such as ttft.p99; {STATISTICS_ALLOWED}"),
        ("ttft.mean", "5 %", f"unknown statistic 'mean'; did you mean 'avg'?; {STATISTICS_ALLOWED}"),
        ("ttft.p100", "5 %", f"unknown statistic 'p100'; {STATISTICS_ALLOWED}"),
        ("ttft.max", "5 %", f"max has no confidence interval; {STATISTICS_ALLOWED}"),
        ("ttft.p0", "5 %", f"p0 has no confidence interval; {STATISTICS_ALLOWED}"),
        ("ttft.p99", "5 ms", f"'5 ms' is no share of the figure; {SHARES_ALLOWED}"),
        ("ttft.p99", "0 %", f"'0 %' is no share of the figure; {SHARES_ALLOWED}"),
        ("ttft.p99", 5, f"5 is no share of the figure; {SHARES_ALLOWED}"),
        ("ttft.p99", True, f"True is no share of the figure; {SHARES_ALLOWED}"),
        ("ttft.p99", None, f"None is no share of the figure; {SHARES_ALLOWED}"),
    ],
)
def test_what_is_no_precision_is_refused(figure: object, share: object, message: str) -> None:
    with pytest.raises(BudgetError) as caught:
        parse_precision(figure, share)

    assert str(caught.value) == f"until '{figure}: {share}': {message}"
