"""Which series a rule looks at: globs, lists of them, labels."""

from collections.abc import Mapping

import pytest

from monitor.domain.matching import Match
from monitor.domain.model import Account

SPOT = Account(
    provider="nami-main", job="nami-spot", name="spot", labels=(("team", "treasury"), ("site", "hanoi"))
)
CLIENT = Account(provider="wdcf-main", job="clients", name="CLIENT_001", currencies=("VND",))

Globs = Mapping[str, tuple[str, ...]]


@pytest.mark.parametrize(
    ("globs", "fits"),
    [
        pytest.param({}, True, id="nothing-asked-is-everything"),
        pytest.param({"job": ("nami-spot",)}, True, id="a-job"),
        pytest.param({"job": ("nami-futures",)}, False, id="another-job"),
        pytest.param({"job": ("nami-*",)}, True, id="a-glob"),
        pytest.param({"job": ("nami",)}, False, id="a-part-is-not-enough"),
        pytest.param({"job": ("NAMI-SPOT",)}, False, id="case-counts"),
        pytest.param({"job": ("other", "nami-spot")}, True, id="one-of-a-list"),
        pytest.param({"job": ("other", "another")}, False, id="none-of-a-list"),
        pytest.param({"job": ()}, False, id="an-empty-list-fits-nothing"),
        pytest.param({"provider": ("nami-????",)}, True, id="a-question-mark-is-one-character"),
        pytest.param({"account": ("[rs]pot",)}, True, id="a-set-of-characters"),
        pytest.param({"currency": ("USDT",)}, True, id="a-currency"),
        pytest.param({"currency": ("VNDC",)}, False, id="another-currency"),
        pytest.param({"team": ("treasury",)}, True, id="a-label"),
        pytest.param({"team": ("sales",)}, False, id="a-label-with-another-value"),
        pytest.param({"desk": ("*",)}, False, id="a-label-it-does-not-have"),
        pytest.param({"team": ("tr*",), "site": ("hanoi",)}, True, id="all-keys-fit"),
        pytest.param({"team": ("tr*",), "site": ("hue",)}, False, id="one-key-does-not-fit"),
    ],
)
def test_series(globs: Globs, fits: bool) -> None:
    assert Match(globs).series(SPOT.series("USDT")) is fits


@pytest.mark.parametrize("name", ["job", "provider", "account", "currency"])
def test_a_label_cannot_pass_for_something_else(name: str) -> None:
    """What the account is called counts, not a label of the same name."""
    disguised = Account(provider="p", job="j", name="a", labels=((name, "disguise"),))
    assert not Match({name: ("disguise",)}).series(disguised.series("USDT"))


def test_an_account_fits_whatever_it_turns_out_to_hold() -> None:
    """Where the account names no currencies, any of them may come."""
    assert Match({"currency": ("USDT",)}).account(SPOT)


def test_an_account_that_should_hold_the_currency_fits() -> None:
    """Its failing says that this currency is not known any more."""
    assert Match({"currency": ("V*",)}).account(CLIENT)
