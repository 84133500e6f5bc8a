"""What happens in a sandbox: the wallets with their scripted balances, and the faults with their times."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from monitor.sandbox.faults import PlannedFault, parse_fault
from monitor.sandbox.nami import NOTHING, Holding
from monitor.sandbox.scripts import Script, parse_script

CURRENCIES = {1: "VNDC", 22: "USDT"}
"""Nami's currency ids that the stories use, and their names."""

_USAGE = "nami/spot|futures/CURRENCY[/locked] SCRIPT` or `wdcf/CLIENT_ID SCRIPT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Nami's wallets (account, currency id), WDCF's clients (client id), and the faults; times from the start."""

    nami: Mapping[str, Mapping[int, Holding]]
    wdcf: Mapping[str, Script]
    faults: tuple[PlannedFault, ...] = ()

    def with_balance(self, text: str) -> "Scenario":
        """This story with one balance set, e.g. `nami/spot/USDT drain 1000 to 50 over 20s` or `wdcf/ID constant 7`.

        A currency is given by its name or its id; `nami/spot/USDT/locked …` sets the locked part. ValueError says
        what was expected.
        """
        where, _, script = text.strip().partition(" ")
        match where.split("/"):
            case ["wdcf", client] if client:
                return replace(self, wdcf={**self.wdcf, client: parse_script(script)})
            case ["nami", "spot" | "futures" as account, currency]:
                return self._with_nami(account, currency, value=parse_script(script))
            case ["nami", "spot" | "futures" as account, currency, "locked"]:
                return self._with_nami(account, currency, locked=parse_script(script))
            case _:
                raise ValueError(f"balance {text!r}: expected `{_USAGE}`")

    def with_fault(self, text: str) -> "Scenario":
        """This story with one more fault, e.g. `wdcf reset from 12s for 6s`; ValueError says what was expected."""
        return replace(self, faults=(*self.faults, parse_fault(text)))

    def _with_nami(self, account: str, currency: str, **changes: Script) -> "Scenario":
        number, holdings = _currency_id(currency), self.nami.get(account, {})
        holding = replace(holdings.get(number, Holding(value=NOTHING)), **changes)
        return replace(self, nami={**self.nami, account: {**holdings, number: holding}})


def demo_story() -> Scenario:
    """Twenty-five seconds in which everything happens.

    At about 9 s Nami's spot USDT, drained, falls below 1000; at 13 s it is topped up. From 15 s WDCF resets every
    connection for 6 s, then answers again; its balances stand as they stood. The rest moves a little.
    """
    return Scenario(
        nami={
            "spot": {
                1: Holding(value=parse_script("walk 26058942.333333325 step 150000 seed 1")),
                22: Holding(
                    value=parse_script(
                        "constant 2500.75 for 4s then drain 2500.75 to 600.10 over 6s for 9s then constant 3100.10"
                    ),
                    locked=parse_script("constant 100.25"),
                ),
            },
            "futures": {22: Holding(value=parse_script("constant 1009.8500524310101"))},
        },
        wdcf={
            "CLIENT_001": parse_script("constant 1500.50"),
            "CLIENT_002": parse_script("walk 820.00 step 3 seed 2"),
            "CLIENT_003": parse_script("constant 0"),
        },
        faults=(parse_fault("wdcf reset from 15s for 6s"),),
    )


def _currency_id(text: str) -> int:
    known = {name: number for number, name in CURRENCIES.items()}
    if text in known:
        return known[text]
    if text.isascii() and text.isdigit():
        return int(text)
    raise ValueError(f"currency {text!r}: expected an id or one of {', '.join(known)}")
