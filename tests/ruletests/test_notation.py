"""Readings in a compact notation: what each part means, and what is none."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import Outcome
from monitor.ruletests.notation import Failure, Gap, Lacking, Sample, Value, samples


def values(*amounts: str) -> list[Sample]:
    return [Value(Decimal(amount)) for amount in amounts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1500", values("1500"), id="a-reading"),
        pytest.param("1500 900.10", values("1500", "900.10"), id="one-after-another"),
        pytest.param("7x2", values("7", "7", "7"), id="and-so-many-times-more"),
        pytest.param("10-5x3", values("10", "5", "0", "-5"), id="falling"),
        pytest.param("1+0.10x2", values("1", "1.10", "1.20"), id="rising-exactly"),
        pytest.param("-3+1x1", values("-3", "-2"), id="from-below-zero"),
        pytest.param("_ 1 _x2", [Gap(), *values("1"), Gap(), Gap()], id="no-poll"),
        pytest.param("~", [Lacking()], id="an-answer-that-lacks-it"),
        pytest.param("!timeout", [Failure(Outcome.TIMEOUT)], id="a-failure"),
        pytest.param("!bad_payloadx2", [Failure(Outcome.BAD_PAYLOAD)] * 2, id="several-failures"),
        pytest.param("0x1", values("0", "0"), id="zero-is-a-reading"),
    ],
)
def test_what_is_meant(text: str, expected: list[Sample]) -> None:
    assert list(samples(text)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "is empty", id="nothing"),
        pytest.param("15oo", "'15oo': expected a reading", id="no-number"),
        pytest.param("1 x3", "'x3': expected a reading", id="a-blank-too-many"),
        pytest.param("!tmeout", "unknown kind of failure; known: timeout, connect", id="an-unknown-failure"),
        pytest.param("!ok", "unknown kind of failure", id="ok-is-no-failure"),
        pytest.param("1x99999", "more than 10000", id="too-many"),
        pytest.param("NaN", "expected a reading", id="nan"),
    ],
)
def test_what_is_none(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        samples(text)


@given(st.text(alphabet="0123456789+-x._~! timeou", max_size=30))
def test_anything_is_meant_or_refused(text: str) -> None:
    """With ValueError and nothing else, and never without end."""
    try:
        found = samples(text)
    except ValueError:
        return
    assert 0 < len(found) <= 10_000
