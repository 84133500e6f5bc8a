"""The accounts that test channels and commands: each has a rule of its own, and levels with acts.

`acts.py` performs the acts and records their moments, so that messages can be compared with them: none about `HUSH`
before its silence is over, no reminder of `ACKED` once that is acknowledged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from campaigns.kills.scenario import (
    Incident,
    Json,
    Mark,
    Scenario,
    a_rule,
    an_incident,
    of_cycle,
    plain,
    wdcf,
)
from campaigns.kills.script import Level

JOB = "crew"
GROUP = ("G1", "G2", "G3", "G4")
"""These fall and rise together, so that one message is about several of them."""
TEAM = ("/flaky", "/slow", "/alice", "/bob", "/token")
"""The recipients of the channel that is renamed, reordered and rotated."""

REMIND, ESCALATE, FALL_BACK, SILENT = 2, 2, 2, 5
"""Seconds: `repeat_every`, `escalate_after`, `fallback_after`, and the duration of a silence that ends by time. That is
longer where commands are slow, so that the alert fires or resolves during it."""

ACK, IMPORT, REMOVE, RESTORE = "acknowledge", "import", "remove the rule", "restore the rule"
SILENCE, SILENCED, SILENCE_LONG, EXPIRE = (
    "silence",
    "wait for its end",
    "silence for long",
    "expire the silence",
)
BREAK, HEAL, SPARE = "break the channel", "heal the channel", "wait for the fallback"
QUIET, MORNING, FIRED = "quiet hours", "wait for the morning", "wait for the firing"
"""The acts."""

ACKNOWLEDGED, REMOVED, SILENCE_OVER, QUIET_OVER = (
    "acknowledged",
    "removed",
    "silence over",
    "quiet hours over",
)
"""The moments that acts record."""

GONE = "the rule was removed from the configuration"
_REMINDED = ("MOVED", "ACKED")
_OF_ONE = ("TURN", "MOVED", "HUSH", "STILL", "SECRET", "ACKED", "UNHEARD", "FRAIL", "NIGHT", "CLOSING")


def scenarios(began: datetime) -> list[Scenario]:
    """Return their scenarios."""
    members = [_Member(name, began) for name in GROUP]
    one = {name: _Member(name, began) for name in (*_OF_ONE, "LEDGER")}
    return [
        *(member.scenario(member.dip(lasts=2), to=TEAM, together=GROUP, timeless=True) for member in members),
        one["TURN"].scenario(one["TURN"].dip(lasts=4), to=TEAM, timeless=True),
        one["MOVED"].scenario(one["MOVED"].dip(lasts=5), to=(), either=("/east", "/west"), repeats=REMIND),
        one["HUSH"].scenario(one["HUSH"].hushed, mark=_hushed),
        one["STILL"].scenario(one["STILL"].still, mark=_stilled),
        one["SECRET"].scenario(one["SECRET"].secret, mark=lambda incident, n: None),
        one["ACKED"].scenario(one["ACKED"].acknowledged, repeats=REMIND, known=ACKNOWLEDGED),
        one["UNHEARD"].scenario(one["UNHEARD"].dip(lasts=ESCALATE + 3), later=("/boss",)),
        one["FRAIL"].scenario(one["FRAIL"].frail, to=("/frail",), later=("/spare",)),
        one["NIGHT"].scenario(one["NIGHT"].night, to=("/night",), mark=_at_night),
        one["CLOSING"].scenario(one["CLOSING"].closing, mark=_closed, timeless=True),
        one["LEDGER"].scenario(one["LEDGER"].ledger, mark=lambda incident, n: None, timeless=True),
    ]


def rules() -> list[Json]:
    """Return their rules: each a threshold at 1000."""
    group = a_rule("group-low", "threshold", {"account": list(GROUP)}, below=1000)
    of_one = [a_rule(_rule_of(name), "threshold", {"account": name}, below=1000) for name in _OF_ONE]
    reminded = {_rule_of(name) for name in _REMINDED}
    return [
        group,
        *(rule | {"repeat_every": f"{REMIND}s"} if rule["name"] in reminded else rule for rule in of_one),
    ]


def subject(account: str) -> str:
    """Return the subject of an alert about an account."""
    return f"{JOB}/{account}/USD"


def low(cycle: int) -> str:
    """Return the amount that fires."""
    return of_cycle("500", cycle)


def _rule_of(account: str) -> str:
    return "group-low" if account in GROUP else f"{account.lower()}-low"


def _hushed(incident: Incident, n: int) -> Incident:
    return replace(incident, fired=replace(incident.fired, not_before=("HUSH", n, SILENCE_OVER)))


def _stilled(incident: Incident, n: int) -> Incident:
    return replace(incident, resolved=_later(incident.resolved, ("STILL", n, SILENCE_OVER)))


def _at_night(incident: Incident, n: int) -> Incident:
    over = ("NIGHT", n, QUIET_OVER)
    fired = replace(incident.fired, not_before=over)
    return replace(incident, fired=fired, resolved=_later(incident.resolved, over))


def _closed(incident: Incident, n: int) -> Incident:
    return replace(incident, resolved=Mark(moment=("CLOSING", n, REMOVED), text=GONE))


def _later(mark: Mark | None, not_before: tuple[str, int, str]) -> Mark | None:
    return mark and replace(mark, not_before=not_before)


@dataclass(frozen=True, slots=True)
class _Member:
    """An account: its levels, and the incidents that have to be notified."""

    account: str
    began: datetime

    def scenario(
        self,
        cycle: Callable[[int], Sequence[Level]],
        *,
        to: tuple[str, ...] = ("/duty",),
        mark: Callable[[Incident, int], Incident | None] = lambda incident, n: incident,
        known: str = "",
        together: tuple[str, ...] = (),
        timeless: bool = False,
        **more: Any,
    ) -> Scenario:
        """Return its scenario: one incident in each cycle, adapted by `mark`; None: no incident."""

        def incidents(n: int) -> list[Incident]:
            incident = an_incident(
                _rule_of(self.account),
                subject(self.account),
                Mark(moment=(self.account, n, "low"), text=low(n)),
                Mark(moment=(self.account, n, "clear"), text=of_cycle("3000", n)),
                to=to,
                known=(self.account, n, known) if known else None,
                **more,
            )
            marked = mark(incident, n)
            return [marked] if marked else []

        whole = plain(self.account, "5000.0100", self.began, cycle, incidents, JOB)
        return replace(whole, timeless=timeless, script=replace(whole.script, together=together))

    def _has(self, amount: str, n: int, name: str, **more: Any) -> Level:
        return wdcf(name, self.account, of_cycle(amount, n), self.began, **more)

    def _well(self, n: int, name: str = "well", **more: Any) -> Level:
        return self._has("2000", n, name, **more)

    def _low(self, n: int, name: str = "low", **more: Any) -> Level:
        return self._has("500", n, name, **more)

    def _clear(self, n: int, name: str = "clear", **more: Any) -> Level:
        return self._has("3000", n, name, **more)

    def dip(self, lasts: float) -> Callable[[int], list[Level]]:
        """Return a fall that lasts so many seconds."""
        return lambda n: [self._well(n), self._low(n, lasts=lasts), self._clear(n)]

    def hushed(self, n: int) -> list[Level]:
        """Return levels that fire during a silence, which then ends by time."""
        return [
            self._well(n, act=SILENCE),
            self._low(n, act=SILENCED),
            self._low(n, "still low", readings=2),
            self._clear(n),
        ]

    def still(self, n: int) -> list[Level]:
        """Return levels that resolve during a silence, which then ends by time."""
        return [
            self._well(n),
            self._low(n, act=FIRED),
            self._low(n, "silenced", act=SILENCE),
            self._clear(n, act=SILENCED),
        ]

    def secret(self, n: int) -> list[Level]:
        """Return levels that fire and resolve during a silence, which a command then expires."""
        return [
            self._well(n, act=SILENCE_LONG),
            self._low(n, readings=2),
            self._clear(n, readings=2),
            self._clear(n, "spoken", act=EXPIRE),
        ]

    def acknowledged(self, n: int) -> list[Level]:
        """Return levels during which somebody acknowledges the incident: no reminder from then on."""
        return [
            self._well(n),
            self._low(n, act=ACK),
            self._low(n, "known", lasts=2 * REMIND + 1),
            self._clear(n),
        ]

    def frail(self, n: int) -> list[Level]:
        """Return levels during which the channel accepts nothing until the fallback has taken over."""
        return [
            self._well(n, act=BREAK),
            self._low(n, act=SPARE),
            self._low(n, "healed", act=HEAL),
            self._clear(n),
        ]

    def night(self, n: int) -> list[Level]:
        """Return levels that fire and resolve during quiet hours, if the end of the minute is near enough for these."""
        return [
            self._well(n, act=QUIET),
            self._low(n, readings=2),
            self._clear(n, readings=2),
            self._clear(n, "morning", act=MORNING),
        ]

    def closing(self, n: int) -> list[Level]:
        """Return levels during which the rule is removed while it fires, and added again afterwards."""
        return [
            self._well(n),
            self._low(n, act=FIRED),
            self._low(n, "unwatched", act=REMOVE),
            self._clear(n, "calm"),
            self._clear(n, "watched", act=RESTORE),
        ]

    def ledger(self, n: int) -> list[Level]:
        """Return levels during which readings of two days ago are imported."""
        return [self._well(n, lasts=3), self._well(n, "imported", act=IMPORT)]
