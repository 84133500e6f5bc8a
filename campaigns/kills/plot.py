"""The plot: which accounts there are, what happens to them, how it is configured, and what has to be told of it.

Each cycle's amounts end in its number (`500.0007`), so that a message can be held against the very cycle that it
tells of. Rules and levels are chosen so that reading a level once more changes nothing.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from campaigns.kills.story import FINAL, Level, Moment, Part

Json: TypeAlias = dict[str, Any]

FOR, WITHIN, AFTER = 2, 3, 6
"""Seconds: a threshold's `for`, a delta's `within`, a stale rule's `after`."""

LOCKED = "100.5000"
URLS = ("/first", "/second")
_LONG_AGO = timedelta(hours=48)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What causes a message: a moment of the story, and a text that only a message about it holds ("": none).

    It takes so many `answers` of that moment, and comes `later` seconds after the first of them at the earliest.
    `in_reason`: the text is in the alert's reason, so that also the one line holds it that a group's message has."""

    moment: Moment
    text: str = ""
    answers: int = 1
    later: float = 0.0
    in_reason: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that has to be told: exactly once fired and, unless it is open at the end, once resolved.

    `subject` is what messages call it."""

    rule: str
    subject: str
    severity: str
    fired: Mark
    resolved: Mark | None


Incidents: TypeAlias = Callable[[int], list[Incident]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """An account's part, where it is asked for, and what has to be told of each cycle (FINAL: of the end)."""

    part: Part
    incidents: Incidents


def plots(began: datetime) -> list[Plot]:
    """The whole plot. `began` (UTC) is what the wallets' own clocks go by."""
    return [
        _spot(),
        _desk(),
        _plain(
            "DROP",
            _drop_cycle(began),
            _wdcf("end", "DROP", "70000.1000000000000000055", began),
            _drop_incidents,
        ),
        _plain(
            "WINDOW",
            _window_cycle(began),
            _wdcf("end", "WINDOW", "123456789012345678901234.56", began),
            _window_incidents,
        ),
        _plain("FROZEN", _frozen_cycle(began), _wdcf("end", "FROZEN", "7.70", began), _frozen_incidents),
        _missing(began),
        _plain("STALE", _stale_cycle(began), _wdcf("end", "STALE", "0.00", began), _stale_incidents),
    ]


def expected(cycles: Mapping[str, int], all_plots: Sequence[Plot]) -> list[Incident]:
    """What has to be told of so many cycles of each account, and of the end."""
    return [
        incident
        for plot in all_plots
        for number in [*range(cycles[plot.part.account]), FINAL]
        for incident in plot.incidents(number)
    ]


BALANCES = {
    "spot/spot/USDT": "480.0900",
    "spot/spot/VNDC": "700.0100",
    "desk/futures/USDT": "3200.5000",
    "clients/DROP/USD": "70000.1000000000000000055",
    "clients/WINDOW/USD": "123456789012345678901234.56",
    "clients/FROZEN/USD": "7.70",
    "clients/MISSING/USD": "10.5000",
    "feed/STALE/USD": "0.00",
}
"""What is available at the end."""

ALERTS = {
    ("usdt-low", "spot/spot/USDT", "firing", "critical"),
    ("vndc-watch", "spot/spot/VNDC", "pending", "info"),
    ("failing", "clients/MISSING/*", "firing", "warning"),
}
"""Rule, series, state and severity of what is not over at the end."""


def configuration(service: str, receiver: str) -> Json:
    """The configuration file: every account polled each second, two URLs told. Arguments are host:port."""
    exchange = {"type": "nami", "api_key": "campaign-key", "api_secret": "campaign-secret"}
    wallets = {"type": "wdcf", "client_secret": "campaign-client-secret"}
    common = {"retries": 0, "timeout": "8s"}
    return {
        "store": {"url": "sqlite:///balances.db"},
        "providers": {
            "exchange": {**exchange, **common, "rate_limit": "6000/1m", "base_url": f"http://{service}/spot"},
            "second": {**exchange, **common, "rate_limit": "6000/1m", "base_url": f"http://{service}/desk"},
            "wallets": {**wallets, **common, "base_url": f"http://{service}/wallets"},
            "feeds": {**wallets, **common, "base_url": f"http://{service}/feeds"},
        },
        "channels": {"ops": {"urls": [f"json://{receiver}{path}" for path in URLS]}},
        "routes": [
            {"group_by": ["rule", "subject"], "group_wait": "0s"}
        ],  # told at once; a group is of one alert
        "jobs": [
            {**_job("spot", "exchange"), "wallet": "spot", "currencies": {22: "USDT", 1: "VNDC"}},
            {**_job("desk", "second"), "wallet": "futures", "currencies": {22: "USDT"}},
            {**_job("clients", "wallets"), "clients": ["DROP", "WINDOW", "FROZEN", "MISSING"]},
            {**_job("feed", "feeds"), "clients": ["STALE"]},
        ],
        "failing": "off",
        "rules": _rules(),
    }


def _job(name: str, provider: str) -> Json:
    return {"name": name, "provider": provider, "every": "1s"}


def _rules() -> list[Json]:
    usdt, vndc = {"job": "spot", "currency": "USDT"}, {"job": "spot", "currency": "VNDC"}
    desk = {"job": "desk"}
    return [
        _rule(
            "usdt-low", "threshold", usdt, below=1000, clear=1200, severity="critical", **{"for": f"{FOR}s"}
        ),
        _rule("vndc-watch", "threshold", vndc, below=800, severity="info", **{"for": "1h"}),
        _rule("desk-low", "threshold", desk, below=1000),
        _rule("desk-rise", "delta", desk, rise="50%", severity="info"),
        _rule("drop", "delta", {"account": "DROP"}, drop="20%", severity="critical"),
        _rule("window", "delta", {"account": "WINDOW"}, drop=250, within=f"{WITHIN}s"),
        _rule("frozen", "stale", {"account": "FROZEN"}, after="24h", clock="provider"),
        _rule("stale", "stale", {"account": "STALE"}, after=f"{AFTER}s"),
        _rule("failing", "failing", {"job": ["spot", "desk", "clients"]}, polls=2),
    ]


def _rule(name: str, kind: str, match: Json, **more: object) -> Json:
    return {"name": name, "type": kind, "match": match, "repeat_every": "never", **more}


def _number(amount: str, cycle: int) -> str:
    """An amount of a cycle: `500` of the seventh is `500.0007`."""
    return f"{amount}.{cycle:04d}"


# What the services say


def _nami(name: str, wallet: int, available: Mapping[int, str], **more: Any) -> Level:
    entries = (
        f'"{currency}": {{"value": {Decimal(amount) + Decimal(LOCKED)}, "locked_value": {LOCKED}, '
        f'"type": {wallet}}}'
        for currency, amount in available.items()
    )
    return Level(name=name, status=200, body=f'{{"status": "ok", "data": {{{", ".join(entries)}}}}}', **more)


def _wdcf(name: str, client: str, amount: str, updated: datetime, **more: Any) -> Level:
    body = (
        '{"status": "success", "message": "Balance retrieved successfully", "data": {"userId": 1, '
        f'"clientId": "{client}", "balance": {amount}, "updatedAt": "{updated:%Y-%m-%dT%H:%M:%S.000Z}"}}}}'
    )
    return Level(name=name, status=200, body=body, **more)


def _error(name: str, status: int, message: str, **more: Any) -> Level:
    body = json.dumps({"status": "failed", "statusCode": status, "message": message, "data": None})
    return Level(name=name, status=status, body=body, **more)


# One wallet with two currencies: a threshold with `for` and `clear`, a short dip that must not fire, and, while the
# threshold fires, answers that lack the other currency.


def _spot() -> Plot:
    final = [
        _nami("end", 0, {22: "480.0900", 1: "700.0100"}, lasts=FOR),
        _nami("rest", 0, {22: "480.0900", 1: "700.0100"}),
    ]
    return Plot(part=Part(account="spot", cycle=_spot_cycle, final=final), incidents=_spot_incidents)


def _spot_cycle(n: int) -> list[Level]:
    before, after = _number("9000", n), _number("9100", n)
    return [
        _nami("plenty", 0, {22: _number("2000", n), 1: before}),
        _nami("dip", 0, {22: _number("900", n), 1: before}, once=True),
        _nami("again", 0, {22: _number("2001", n), 1: before}),
        _nami("low", 0, {22: _number("500", n), 1: before}, lasts=FOR),
        _nami("lacking", 0, {22: _number("510", n)}, readings=2),
        _nami("between", 0, {22: _number("1100", n), 1: after}),
        _nami("clear", 0, {22: _number("1300", n), 1: after}),
    ]


def _spot_incidents(n: int) -> list[Incident]:
    if n == FINAL:
        end = Mark(moment=("spot", n, "end"), text="480.0900", answers=2, later=FOR)
        return [_incident("usdt-low", "spot/spot/USDT", end, None, severity="critical")]
    low = Mark(moment=("spot", n, "low"), text=_number("500", n), answers=2, later=FOR)
    clear = Mark(moment=("spot", n, "clear"), text=_number("1300", n))
    lacking = Mark(moment=("spot", n, "lacking"), text=_number("9000", n), answers=2, in_reason=False)
    between = Mark(moment=("spot", n, "between"), text=_number("9100", n), in_reason=False)
    return [
        _incident("usdt-low", "spot/spot/USDT", low, clear, severity="critical"),
        _incident("failing", "spot/spot/VNDC", lacking, between),
    ]


# A provider with one wallet: an outage while a threshold fires; then two events of one poll, a resolve and a delta.


def _desk() -> Plot:
    final = [_nami("end", 2, {22: "3200.5000"})]
    return Plot(part=Part(account="desk", cycle=_desk_cycle, final=final), incidents=_desk_incidents)


def _desk_cycle(n: int) -> list[Level]:
    return [
        _nami("rich", 2, {22: _number("3000", n)}),
        _nami("poor", 2, {22: _number("400", n)}),
        _error("outage", 503, f"maintenance {n:04d}", readings=2),
        _nami("back", 2, {22: _number("410", n)}),
        _nami("rich again", 2, {22: _number("3100", n)}, readings=2),
    ]


def _desk_incidents(n: int) -> list[Incident]:
    if n == FINAL:
        return []
    poor = Mark(moment=("desk", n, "poor"), text=_number("400", n))
    outage = Mark(moment=("desk", n, "outage"), text=f"maintenance {n:04d}", answers=2)
    rich = Mark(moment=("desk", n, "rich again"), text=_number("3100", n))
    over = replace(rich, answers=2)
    return [
        _incident("desk-low", "desk/futures/USDT", poor, rich),
        _incident("failing", "second", outage, Mark(moment=("desk", n, "back"))),
        _incident("desk-rise", "desk/futures/USDT", rich, over, severity="info"),
    ]


# Clients


def _plain(client: str, cycle: Callable[[int], Sequence[Level]], end: Level, incidents: Incidents) -> Plot:
    """A client that is well at the end."""
    whole = Part(account=client, cycle=cycle, final=[end])
    return Plot(part=whole, incidents=lambda n: [] if n == FINAL else incidents(n))


def _drop_cycle(began: datetime) -> Callable[[int], Sequence[Level]]:
    """A fall since the reading before. It resolves by itself at the next reading, so each one counts."""
    return lambda n: [
        _wdcf("high", "DROP", _number("1000", n), began),
        _wdcf("low", "DROP", _number("700", n), began, readings=2),
    ]


def _drop_incidents(n: int) -> list[Incident]:
    low = Mark(moment=("DROP", n, "low"), text=_number("700", n))
    return [_incident("drop", "clients/DROP/USD", low, replace(low, answers=2), severity="critical")]


def _window_cycle(began: datetime) -> Callable[[int], Sequence[Level]]:
    """A fall within a window; it is over when the window has passed."""
    return lambda n: [
        _wdcf("high", "WINDOW", _number("5000", n), began),
        _wdcf("low", "WINDOW", _number("4000", n), began, lasts=WITHIN),
    ]


def _window_incidents(n: int) -> list[Incident]:
    low = Mark(moment=("WINDOW", n, "low"), text=_number("4000", n))
    return [_incident("window", "clients/WINDOW/USD", low, replace(low, answers=2, later=WITHIN))]


def _frozen_cycle(began: datetime) -> Callable[[int], Sequence[Level]]:
    """A wallet whose own clock stood still."""
    return lambda n: [
        _wdcf("fresh", "FROZEN", _number("100", n), began),
        _wdcf("frozen", "FROZEN", _number("101", n), began - _LONG_AGO),
        _wdcf("thawed", "FROZEN", _number("102", n), began),
    ]


def _frozen_incidents(n: int) -> list[Incident]:
    frozen = Mark(moment=("FROZEN", n, "frozen"), text=_number("101", n), in_reason=False)
    thawed = Mark(moment=("FROZEN", n, "thawed"), text=_number("102", n), in_reason=False)
    return [_incident("frozen", "clients/FROZEN/USD", frozen, thawed)]


def _missing(began: datetime) -> Plot:
    """A client that the service does not know for a while, and not at the end either."""

    def cycle(n: int) -> list[Level]:
        return [
            _wdcf("known", "MISSING", _number("10", n), began),
            _error("unknown", 404, f"User not found {n:04d}", readings=2),
            _wdcf("known again", "MISSING", _number("11", n), began),
        ]

    def incidents(n: int) -> list[Incident]:
        text = "gone for good" if n == FINAL else f"User not found {n:04d}"
        unknown = Mark(moment=("MISSING", n, "unknown"), text=text, answers=2)
        again = None if n == FINAL else Mark(moment=("MISSING", n, "known again"))
        return [_incident("failing", "clients/MISSING", unknown, again)]

    final = [
        _wdcf("known", "MISSING", "10.5000", began),
        _error("unknown", 404, "gone for good", readings=2),
    ]
    return Plot(part=Part(account="MISSING", cycle=cycle, final=final), incidents=incidents)


def _stale_cycle(began: datetime) -> Callable[[int], Sequence[Level]]:
    """A client that can't be read for a while, which no failing rule watches."""
    return lambda n: [
        _wdcf("read", "STALE", _number("1500", n), began),
        _error("silent", 503, "try later", lasts=AFTER),
        _wdcf("read again", "STALE", _number("1600", n), began),
    ]


def _stale_incidents(n: int) -> list[Incident]:
    silent = Mark(moment=("STALE", n, "silent"), text=_number("1500", n), in_reason=False)
    again = Mark(moment=("STALE", n, "read again"), text=_number("1600", n), in_reason=False)
    return [_incident("stale", "feed/STALE/USD", silent, again)]


def _incident(
    rule: str, subject: str, fired: Mark, resolved: Mark | None, *, severity: str = "warning"
) -> Incident:
    return Incident(rule=rule, subject=subject, severity=severity, fired=fired, resolved=resolved)
