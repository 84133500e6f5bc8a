"""Actions of people on alerts, also while the daemon runs: acknowledge, silence, expire a silence.

Each action is one short transaction beside the daemon's. The state of alerts is in the store only, so the daemon uses
it from its next transaction on. Actions raise ValueError for invalid options, Refused for what is not possible in the
current state, and StoreError; then nothing was changed.
"""

import getpass
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from monitor.alerting.incidents import resolve_prefix
from monitor.config import Config
from monitor.config.problems import unknown
from monitor.config.types import OF_THE_ALERT, OF_THE_SERIES
from monitor.domain.alerts import Ack, Alert, acknowledge, unacknowledge
from monitor.domain.coverage import ANY, may_match, possible_alerts
from monitor.domain.evaluation import AlertContext
from monitor.domain.matching import Attributes, Match
from monitor.domain.model import State
from monitor.domain.mutes import Silence
from monitor.domain.time import duration, moment, span, upcoming
from monitor.errors import Refused
from monitor.store.read import state
from monitor.store.transaction import Transaction
from monitor.store.writer import amend

LONGEST_SILENCE = timedelta(days=366)
_LONGEST_TEXT = 500


# Acknowledgements


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """The alert after the action, and its acknowledgement before, if there was one."""

    alert: Alert
    before: Ack | None


def ack(store: Path, wanted: str, given: Ack) -> Acknowledged:
    """Acknowledge the firing alert with an incident id or unique prefix."""

    def change(tx: Transaction) -> Acknowledged:
        alert = _firing(tx, wanted)
        known = acknowledge(alert, given)
        tx.alerts.save(known)
        tx.alerts.add_note(known, "acknowledged", given.at, given.by, given.reason)
        return Acknowledged(alert=known, before=alert.ack)

    return amend(store, change)


def remove_ack(store: Path, wanted: str, given: Ack) -> Acknowledged:
    """Remove an acknowledgement: reminders resume, and `escalate_after` counts from now."""

    def change(tx: Transaction) -> Acknowledged:
        alert = _firing(tx, wanted)
        if alert.ack is None:
            raise Refused(f"{alert.id} is not acknowledged")
        known = unacknowledge(alert, given.at)
        tx.alerts.save(known)
        tx.alerts.add_note(known, "unacknowledged", given.at, given.by, given.reason)
        return Acknowledged(alert=known, before=alert.ack)

    return amend(store, change)


def _firing(tx: Transaction, wanted: str) -> Alert:
    alerts = {alert.id: alert for alert in tx.alerts.all().values() if alert.id}
    fires = {one.id: f"{one.rule} {one.subject}" for one in alerts.values() if one.state is State.FIRING}
    exact = alerts.get(wanted.upper())
    if exact is not None and exact.state is State.PENDING:
        raise Refused(f"{exact.id} is pending: it is not firing yet, and no one was notified")
    if exact is not None and exact.state is State.INACTIVE:
        raise Refused(f"{exact.id} is over: {exact.ending}")
    if exact is None and tx.alerts.was_notified(wanted.upper()):
        raise Refused(f"{wanted.upper()} is over: see `balance-monitor alerts show {wanted.upper()}`")
    return alerts[resolve_prefix(wanted, fires, "firing")]


# Silences


@dataclass(frozen=True, slots=True, kw_only=True)
class Silenced:
    """A new silence, the configured rules and subjects that it matches, and the firing alerts that it mutes."""

    silence: Silence
    rules: tuple[str, ...]
    subjects: tuple[str, ...]
    firing: tuple[Alert, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceRequest:
    """A silence to be added. Instants are in UTC."""

    match: Match
    starts_at: datetime
    ends_at: datetime
    by: str
    reason: str


def silence(config: Config, request: SilenceRequest, now: datetime) -> Silenced:
    """Add a silence. Raises ValueError if it matches nothing that is configured."""
    known = state.read(config.store.path)
    fitting = fits(request.match, config, known.series_keys if known else ())

    def change(tx: Transaction) -> Silenced:
        new = tx.alerts.add_silence(
            request.match,
            starts_at=request.starts_at,
            ends_at=request.ends_at,
            by=request.by,
            reason=request.reason,
            now=now,
        )
        return Silenced(
            silence=new,
            rules=tuple(dict.fromkeys(rule for rule, _ in fitting)),
            subjects=tuple(dict.fromkeys(subject for _, subject in fitting)),
            firing=tuple(_silenced_by(tx, new, config)),
        )

    return amend(config.store.path, change)


def expire(store: Path, number: int, by: str, now: datetime) -> Silence:
    """Expire a silence now. Raises Refused if there is none of this number that has not ended."""

    def change(tx: Transaction) -> Silence:
        ended = tx.alerts.expire_silence(number, by=by, now=now)
        if ended is None:
            alive = ", ".join(str(one.id) for one in tx.alerts.silences(now))
            left = f"there are {alive}" if alive else "there is none"
            raise Refused(f"no current silence {number}; {left}")
        return ended

    return amend(store, change)


def _silenced_by(tx: Transaction, wanted: Silence, config: Config) -> Iterator[Alert]:
    at = AlertContext(describe=config.describe)
    for alert in tx.alerts.all().values():
        attributes = at.attributes(alert, config.rule(alert.rule))
        if alert.state is State.FIRING and wanted.match.alert(attributes):
            yield alert


# What a silence matches


def fits(match: Match, config: Config, held: Collection[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """Return the rules and subjects whose alerts could match. `held`: the series that were read, as job, account and
    currency. Raises ValueError if there are none, with suggestions for mistyped names."""
    _check_keys(match, config)
    possible = list(possible_alerts(config.rules, config.accounts.values(), held))
    for key, globs in match.globs.items():
        _check_values(key, globs, possible)
    found = [(one["rule"], one["subject"]) for one in possible if may_match(match, one)]
    if not found:
        raise ValueError(
            "--match matches nothing that is configured: each key does, but nothing matches all of them"
        )
    return list(dict.fromkeys(found))


def _check_keys(match: Match, config: Config) -> None:
    labels = chain.from_iterable(dict(account.labels) for account in config.accounts.values())
    keys = (*OF_THE_ALERT, *OF_THE_SERIES, *sorted(set(labels)))
    for key in match.globs:
        if key not in keys:
            raise ValueError(f"--match {key}: {unknown('key', key, keys)}")


def _check_values(key: str, globs: Sequence[str], possible: Sequence[Attributes]) -> None:
    values = sorted({one[key] for one in possible if key in one} - {ANY})
    for glob in globs:
        alone = Match({key: (glob,)})
        if not any(may_match(alone, one) for one in possible):
            raise ValueError(
                f"--match {key}: matches nothing that is configured: {unknown(key, glob, values)}"
            )


# Options of the command line


def who(given: str | None) -> str:
    """Return the name of the acting person: as given, or of the logged-in user. Raises ValueError without one."""
    if given is not None:
        return text("by", given)
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError) as exc:
        raise ValueError("--by NAME is needed: this process's user has no name") from exc


def text(option: str, given: str) -> str:
    """Return the text of an option on one line. Raises ValueError if it is empty or too long."""
    flat = " ".join(given.split())
    if not flat:
        raise ValueError(f"--{option} is empty")
    if len(flat) > _LONGEST_TEXT:
        raise ValueError(f"--{option} is longer than {_LONGEST_TEXT} characters")
    return flat


def match_of(parts: Sequence[str]) -> Match:
    """Return the match of `--match key=glob,glob` options, all of which have to match. Raises ValueError."""
    globs: dict[str, tuple[str, ...]] = {}
    for part in parts:
        key, equals, values = part.partition("=")
        key = key.strip()
        given = tuple(value.strip() for value in values.split(","))
        if not key or not equals or not all(given):
            raise ValueError(
                f"--match {part!r}: expected key=value or key=value,value; * and ? stand for anything"
            )
        if key in globs:
            raise ValueError(f"--match {key}: given twice; write {key}=one,other for either")
        globs[key] = given
    if not globs:
        raise ValueError("--match is needed: a silence of everything is --match 'rule=*'")
    return Match(globs)


def period(
    lasts: str | None, until: str | None, begins: str | None, now: datetime
) -> tuple[datetime, datetime]:
    """Return start and end of a silence in UTC. Raises ValueError."""
    starts_at = now if begins is None else upcoming("from", begins, now)
    if starts_at < now:
        raise ValueError(f"--from: {moment(starts_at)} is past")
    if (lasts is None) == (until is None):
        raise ValueError("a silence needs one end: --for 2h, or --until TIME")
    ends_at = starts_at + _span(lasts) if lasts is not None else upcoming("until", until or "", now)
    if ends_at <= now:
        raise ValueError(f"--until: {moment(ends_at)} is past")
    if ends_at <= starts_at:
        raise ValueError(f"ends before it begins: {moment(ends_at)} is not after {moment(starts_at)}")
    if ends_at - now > LONGEST_SILENCE:
        raise ValueError(f"ends in {span(ends_at - now)}: a silence ends within {LONGEST_SILENCE.days} days")
    return starts_at, ends_at


def _span(given: str) -> timedelta:
    try:
        lasts = duration(given)
    except ValueError as exc:
        raise ValueError(f"--for: {exc}, got {given!r}") from exc
    if not lasts:
        raise ValueError("--for: must be greater than zero")
    return lasts
