from __future__ import annotations

import pytest

from pytest_npuperf.workload.gauge import ESTIMATE, Gauge


@pytest.mark.parametrize(
    ("gauge", "tokens", "of_the_text"),
    [
        (ESTIMATE, 100, 100),
        (Gauge(template_tokens=31), 100, 69),
        (Gauge(scale=1.25), 100, 80),
        (Gauge(scale=1.25, template_tokens=30), 100, 56),
        (Gauge(template_tokens=31), 10, 0),
    ],
)
def test_a_text_has_the_tokens_that_the_template_leaves(gauge: Gauge, tokens: int, of_the_text: int) -> None:
    assert gauge.text_tokens(tokens) == of_the_text
