"""Which silences match nothing any more."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.domain.coverage import matching_nothing
from monitor.domain.matching import Match
from monitor.domain.model import Account
from monitor.domain.mutes import Silence
from monitor.domain.rules import Failing, Rule, Threshold

NOW = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
SPOT = Account(provider="nami", job="spot", name="spot", currencies=("USDT",), labels=(("team", "pay"),))
CLIENT = Account(provider="wdcf", job="clients", name="CLIENT_001")
RULES: tuple[Rule, ...] = (Threshold(name="low"), Failing(name="failing", polls=3))


@pytest.mark.parametrize(
    ("match", "idle"),
    [
        pytest.param({"rule": ("low",)}, False, id="a-rule-that-there-is"),
        pytest.param({"rule": ("lower",)}, True, id="a-rule-that-was-renamed"),
        pytest.param({"rule": ("lower", "low")}, False, id="two-rules-one-of-which-is-gone"),
        pytest.param({"account": ("CLIENT_001",)}, False, id="an-account-that-there-is"),
        pytest.param({"account": ("CLIENT_002",)}, True, id="an-account-that-is-gone"),
        pytest.param({"subject": ("clients/CLIENT_001/USD",)}, False, id="a-series-that-was-read"),
        pytest.param({"subject": ("clients/CLIENT_001/EUR",)}, True, id="a-series-that-was-never-read"),
        pytest.param({"subject": ("wdcf",)}, False, id="a-provider"),
        pytest.param({"team": ("pay",)}, False, id="a-label-that-there-is"),
        pytest.param({"region": ("eu",)}, True, id="a-label-that-nobody-has-any-more"),
        pytest.param({"rule": ("failing",), "currency": ("VNDC",)}, True, id="each-part-but-not-all-of-them"),
    ],
)
def test_a_silence_matches_nothing_once_what_it_names_is_gone(
    match: dict[str, tuple[str, ...]], *, idle: bool
) -> None:
    """By the rules and the accounts as they are now."""
    silence = Silence(
        id=7, match=Match(match), starts_at=NOW, ends_at=NOW + timedelta(hours=1), by="lena", reason="x"
    )
    found = matching_nothing([silence], RULES, [SPOT, CLIENT], [("clients", "CLIENT_001", "USD")])
    assert found == ({7} if idle else frozenset())
