"""The scenario: the accounts, what happens to them, the rules about them, and the incidents that have to be notified.

`crew.py` has the accounts that test channels and commands; `setup.py` has the configuration file.

Each cycle's amounts end in its number (`500.0007`), so that a message can be compared with its own cycle. Rules and
levels are chosen so that one more reading of a level changes nothing.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from campaigns.kills.script import FINAL, Level, Moment, Script

Json: TypeAlias = dict[str, Any]

FOR, WITHIN, AFTER = 2, 3, 6
"""Seconds: a threshold's `for`, a delta's `within`, a stale rule's `after`."""

LOCKED = "100.5000"
OPS = ("/first", "/second")
CURRENCIES = {22: "USDT", 1: "VNDC"}
_LONG_AGO = timedelta(hours=48)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The cause of a message: a moment of the script, and a text that only a message about it contains ("": none).

    The message comes after so many `responses` of that moment, at the earliest `later` seconds after the first of
    them, and not before the moment `not_before`. `in_reason`: the text is in the reason of the alert, so that the line
    of a group's message contains it too."""

    moment: Moment
    text: str = ""
    responses: int = 1
    later: float = 0.0
    in_reason: bool = True
    not_before: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident that has to be notified: exactly once fired and, unless it is open at the end, once resolved.

    `subject` is as in messages. Each recipient of `to` is notified from the firing on. Each of `later` is notified from
    a later message on, or by a fallback from the firing on. Of `either` at least one is. Whoever was notified gets the
    end. `repeats`: reminders come at least so many seconds apart (0: only those that `later` needs), and none that is
    due after the moment `known`, at which somebody acknowledged the incident."""

    rule: str
    subject: str
    severity: str
    fired: Mark
    resolved: Mark | None
    to: tuple[str, ...] = OPS
    later: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    repeats: float | None = None
    known: Moment | None = None

    @property
    def recipients(self) -> frozenset[str]:
        """Return all recipients that may be notified of it."""
        return frozenset((*self.to, *self.later, *self.either))


Incidents: TypeAlias = Callable[[int], list[Incident]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """An account's script, and the incidents that each of its cycles has to cause (FINAL: its end).

    `job` polls the account; `holds` are its available amounts at the end, by series. `timeless`: its rules do not
    depend on a clock, so that a wrong clock changes nothing."""

    script: Script
    incidents: Incidents
    job: str
    holds: Mapping[str, str]
    timeless: bool = False


def scenarios(began: datetime) -> list[Scenario]:
    """Return the scenarios of the accounts that test rules. The wallets' own clocks show `began` (UTC)."""
    return [
        _spot(),
        _futures(),
        replace(
            plain("DROP", "70000.1000000000000000055", began, _drop_cycle(began), _drop_incidents),
            timeless=True,
        ),
        plain("WINDOW", "123456789012345678901234.56", began, _window_cycle(began), _window_incidents),
        plain("FROZEN", "7.70", began, _frozen_cycle(began), _frozen_incidents),
        _missing(began),
        plain("STALE", "0.00", began, _stale_cycle(began), _stale_incidents, job="feed"),
    ]


def expected(cycles: Mapping[str, int], all_scenarios: Sequence[Scenario]) -> list[Incident]:
    """Return the incidents that so many cycles of each account, and its end, have to cause."""
    return [
        incident
        for one in all_scenarios
        for number in [*range(cycles[one.script.account]), FINAL]
        for incident in one.incidents(number)
    ]


ALERTS = {
    ("usdt-low", "spot/spot/USDT", "firing", "critical"),
    ("vndc-watch", "spot/spot/VNDC", "pending", "info"),
    ("failing", "clients/MISSING/*", "firing", "warning"),
}
"""Rule, series, state and severity of the alerts that are open at the end."""


def rules() -> list[Json]:
    """Return the rules about these accounts."""
    usdt, vndc = {"job": "spot", "currency": "USDT"}, {"job": "spot", "currency": "VNDC"}
    futures = {"job": "futures"}
    return [
        a_rule(
            "usdt-low", "threshold", usdt, below=1000, clear=1200, severity="critical", **{"for": f"{FOR}s"}
        ),
        a_rule("vndc-watch", "threshold", vndc, below=800, severity="info", **{"for": "1h"}),
        a_rule("futures-low", "threshold", futures, below=1000),
        a_rule("futures-rise", "delta", futures, rise="50%", severity="info"),
        a_rule("drop", "delta", {"account": "DROP"}, drop="20%", severity="critical"),
        a_rule("window", "delta", {"account": "WINDOW"}, drop=250, within=f"{WITHIN}s"),
        a_rule("frozen", "stale", {"account": "FROZEN"}, after="24h", clock="provider"),
        a_rule("stale", "stale", {"account": "STALE"}, after=f"{AFTER}s"),
        a_rule("failing", "failing", {"job": ["spot", "futures", "clients"]}, polls=2),
    ]


def a_rule(name: str, kind: str, match: Json, **more: object) -> Json:
    """Return a rule without reminders, unless `more` sets `repeat_every`."""
    return {"name": name, "type": kind, "match": match, "repeat_every": "never", **more}


def of_cycle(amount: str, cycle: int) -> str:
    """Return an amount of a cycle: `500` of the seventh is `500.0007`."""
    return f"{amount}.{cycle:04d}"


# Responses


def _nami(name: str, wallet: int, available: Mapping[int, str], **more: Any) -> Level:
    entries = (
        f'"{currency}": {{"value": {Decimal(amount) + Decimal(LOCKED)}, "locked_value": {LOCKED}, '
        f'"type": {wallet}}}'
        for currency, amount in available.items()
    )
    body = f'{{"status": "ok", "data": {{{", ".join(entries)}}}}}'
    amounts = tuple((CURRENCIES[currency], amount) for currency, amount in available.items())
    return Level(name=name, status=200, body=body, amounts=amounts, **more)


def wdcf(name: str, client: str, amount: str, updated: datetime, **more: Any) -> Level:
    """Return a level with a response of WDCF: the balance of a client."""
    body = (
        '{"status": "success", "message": "Balance retrieved successfully", "data": {"userId": 1, '
        f'"clientId": "{client}", "balance": {amount}, "updatedAt": "{updated:%Y-%m-%dT%H:%M:%S.000Z}"}}}}'
    )
    return Level(name=name, status=200, body=body, amounts=(("USD", amount),), **more)


def failed(name: str, status: int, message: str, **more: Any) -> Level:
    """Return a level with a response that is an error."""
    body = json.dumps({"status": "failed", "statusCode": status, "message": message, "data": None})
    return Level(name=name, status=status, body=body, **more)


# One wallet with two currencies: a threshold with `for` and `clear`, a short dip that must not fire, and, while the
# threshold fires, responses without the other currency.


def _spot() -> Scenario:
    final = [
        _nami("end", 0, {22: "480.0900", 1: "700.0100"}, lasts=FOR),
        _nami("rest", 0, {22: "480.0900", 1: "700.0100"}),
    ]
    return Scenario(
        script=Script(account="spot", cycle=_spot_cycle, final=final),
        incidents=_spot_incidents,
        job="spot",
        holds={"spot/spot/USDT": "480.0900", "spot/spot/VNDC": "700.0100"},
    )


def _spot_cycle(n: int) -> list[Level]:
    before, after = of_cycle("9000", n), of_cycle("9100", n)
    return [
        _nami("plenty", 0, {22: of_cycle("2000", n), 1: before}),
        _nami("dip", 0, {22: of_cycle("900", n), 1: before}, once=True),
        _nami("again", 0, {22: of_cycle("2001", n), 1: before}),
        _nami("low", 0, {22: of_cycle("500", n), 1: before}, lasts=FOR),
        _nami("lacking", 0, {22: of_cycle("510", n)}, readings=2),
        _nami("between", 0, {22: of_cycle("1100", n), 1: after}),
        _nami("clear", 0, {22: of_cycle("1300", n), 1: after}),
    ]


def _spot_incidents(n: int) -> list[Incident]:
    if n == FINAL:
        end = Mark(moment=("spot", n, "end"), text="480.0900", responses=2, later=FOR)
        return [an_incident("usdt-low", "spot/spot/USDT", end, None, severity="critical")]
    low = Mark(moment=("spot", n, "low"), text=of_cycle("500", n), responses=2, later=FOR)
    clear = Mark(moment=("spot", n, "clear"), text=of_cycle("1300", n))
    lacking = Mark(moment=("spot", n, "lacking"), text=of_cycle("9000", n), responses=2, in_reason=False)
    between = Mark(moment=("spot", n, "between"), text=of_cycle("9100", n), in_reason=False)
    return [
        an_incident("usdt-low", "spot/spot/USDT", low, clear, severity="critical"),
        an_incident("failing", "spot/spot/VNDC", lacking, between),
    ]


# A provider with one wallet: an outage while a threshold fires; then two events of one poll, a resolution and a delta.


def _futures() -> Scenario:
    final = [_nami("end", 2, {22: "3200.5000"})]
    return Scenario(
        script=Script(account="futures", cycle=_futures_cycle, final=final),
        incidents=_futures_incidents,
        job="futures",
        holds={"futures/futures/USDT": "3200.5000"},
        timeless=True,
    )


def _futures_cycle(n: int) -> list[Level]:
    return [
        _nami("rich", 2, {22: of_cycle("3000", n)}),
        _nami("poor", 2, {22: of_cycle("400", n)}),
        failed("outage", 503, f"maintenance {n:04d}", readings=2),
        _nami("back", 2, {22: of_cycle("410", n)}),
        _nami("rich again", 2, {22: of_cycle("3100", n)}, readings=2),
    ]


def _futures_incidents(n: int) -> list[Incident]:
    if n == FINAL:
        return []
    poor = Mark(moment=("futures", n, "poor"), text=of_cycle("400", n))
    outage = Mark(moment=("futures", n, "outage"), text=f"maintenance {n:04d}", responses=2)
    rich = Mark(moment=("futures", n, "rich again"), text=of_cycle("3100", n))
    over = replace(rich, responses=2)
    return [
        an_incident("futures-low", "futures/futures/USDT", poor, rich),
        an_incident("failing", "second", outage, Mark(moment=("futures", n, "back"))),
        an_incident("futures-rise", "futures/futures/USDT", rich, over, severity="info"),
    ]


# Clients


def plain(
    client: str,
    end: str,
    began: datetime,
    cycle: Callable[[int], Sequence[Level]],
    incidents: Incidents,
    job: str = "clients",
) -> Scenario:
    """Return the scenario of a client that has this amount, and no alert, at the end."""
    return Scenario(
        script=Script(account=client, cycle=cycle, final=[wdcf("end", client, end, began)]),
        incidents=lambda n: [] if n == FINAL else incidents(n),
        job=job,
        holds={f"{job}/{client}/USD": end},
    )


def _drop_cycle(began: datetime) -> Callable[[int], Sequence[Level]]:
    """Return levels with a fall since the previous reading, which the reading after it resolves."""
    return lambda n: [
        wdcf("high", "DROP", of_cycle("1000", n), began),
        wdcf("low", "DROP", of_cycle("700", n), began, readings=2),
    ]


def _drop_incidents(n: int) -> list[Incident]:
    low = Mark(moment=("DROP", n, "low"), text=of_cycle("700", n))
    return [an_incident("drop", "clients/DROP/USD", low, replace(low, responses=2), severity="critical")]


def _window_cycle(began: datetime) -> Callable[[int], Sequence[Level]]:
    """Return levels with a fall within a window, which resolves when the window has passed."""
    return lambda n: [
        wdcf("high", "WINDOW", of_cycle("5000", n), began),
        wdcf("low", "WINDOW", of_cycle("4000", n), began, lasts=WITHIN),
    ]


def _window_incidents(n: int) -> list[Incident]:
    low = Mark(moment=("WINDOW", n, "low"), text=of_cycle("4000", n))
    return [an_incident("window", "clients/WINDOW/USD", low, replace(low, responses=2, later=WITHIN))]


def _frozen_cycle(began: datetime) -> Callable[[int], Sequence[Level]]:
    """Return levels of a wallet whose own clock stops for a while."""
    return lambda n: [
        wdcf("fresh", "FROZEN", of_cycle("100", n), began),
        wdcf("frozen", "FROZEN", of_cycle("101", n), began - _LONG_AGO),
        wdcf("thawed", "FROZEN", of_cycle("102", n), began),
    ]


def _frozen_incidents(n: int) -> list[Incident]:
    frozen = Mark(moment=("FROZEN", n, "frozen"), text=of_cycle("101", n), in_reason=False)
    thawed = Mark(moment=("FROZEN", n, "thawed"), text=of_cycle("102", n), in_reason=False)
    return [an_incident("frozen", "clients/FROZEN/USD", frozen, thawed)]


def _missing(began: datetime) -> Scenario:
    """Return the scenario of a client that the service does not know for a while, and not at the end either."""

    def cycle(n: int) -> list[Level]:
        return [
            wdcf("known", "MISSING", of_cycle("10", n), began),
            failed("unknown", 404, f"User not found {n:04d}", readings=2),
            wdcf("known again", "MISSING", of_cycle("11", n), began),
        ]

    def incidents(n: int) -> list[Incident]:
        text = "gone for good" if n == FINAL else f"User not found {n:04d}"
        unknown = Mark(moment=("MISSING", n, "unknown"), text=text, responses=2)
        again = None if n == FINAL else Mark(moment=("MISSING", n, "known again"))
        return [an_incident("failing", "clients/MISSING", unknown, again)]

    final = [
        wdcf("known", "MISSING", "10.5000", began),
        failed("unknown", 404, "gone for good", readings=2),
    ]
    return Scenario(
        script=Script(account="MISSING", cycle=cycle, final=final),
        incidents=incidents,
        job="clients",
        holds={"clients/MISSING/USD": "10.5000"},
        timeless=True,
    )


def _stale_cycle(began: datetime) -> Callable[[int], Sequence[Level]]:
    """Return levels of a client that cannot be read for a while, and that no failing rule covers."""
    return lambda n: [
        wdcf("read", "STALE", of_cycle("1500", n), began),
        failed("silent", 503, "try later", lasts=AFTER),
        wdcf("read again", "STALE", of_cycle("1600", n), began),
    ]


def _stale_incidents(n: int) -> list[Incident]:
    silent = Mark(moment=("STALE", n, "silent"), text=of_cycle("1500", n), in_reason=False)
    again = Mark(moment=("STALE", n, "read again"), text=of_cycle("1600", n), in_reason=False)
    return [an_incident("stale", "feed/STALE/USD", silent, again)]


def an_incident(
    rule: str, subject: str, fired: Mark, resolved: Mark | None, *, severity: str = "warning", **more: Any
) -> Incident:
    """Return an incident that the channel `ops` is notified of, unless `more` names other recipients."""
    return Incident(rule=rule, subject=subject, severity=severity, fired=fired, resolved=resolved, **more)
