"""Alerts, on a real SQLite file."""

from dataclasses import fields, replace

from monitor.domain.alerts import Alert
from monitor.domain.model import Subject
from monitor.store.read.state import read
from monitor.store.writer import Store

from .support import ALERT, NOW


def test_every_field_of_that_alert_is_set() -> None:
    """A field added to alerts has to be added here, to survive the store."""
    blank = Alert(rule=ALERT.rule, subject=ALERT.subject)
    same = [one.name for one in fields(Alert) if getattr(ALERT, one.name) == getattr(blank, one.name)]
    assert same == ["rule", "subject"]


async def test_an_alert_survives_exactly(store: Store) -> None:
    """After a restart an alert stands where it stood, in every field."""
    await store.write(lambda tx: tx.alerts.save(ALERT))
    assert await store.write(lambda tx: tx.alerts.about([ALERT.subject, Subject("x")])) == {
        ("usdt-low", "nami-spot/spot/USDT"): ALERT
    }


async def test_an_alert_without_what_may_be_missing_survives_too(store: Store) -> None:
    """Not acknowledged, never ended, of no changes."""
    alert = replace(
        ALERT, ack=None, muted=None, ended_at=None, changes=(), worse_since=None, announced_at=None
    )
    await store.write(lambda tx: tx.alerts.save(ALERT))
    await store.write(lambda tx: tx.alerts.save(alert))
    assert await store.write(lambda tx: tx.alerts.of_incident(ALERT.id)) == alert


async def test_an_alert_that_is_over_is_remembered_as_long_as_it_matters(store: Store) -> None:
    """In its cooldown it has a row, though it is inactive."""
    alert = Alert(rule="r", subject=Subject("s"), id="A", ended_at=NOW, seq=2)
    await store.write(lambda tx: tx.alerts.save(alert))
    assert await store.write(lambda tx: tx.alerts.all()) == {("r", "s"): alert}


async def test_status_shows_flapping_as_notified_whatever_it_is_just_now(store: Store) -> None:
    """Somebody was told that it flaps; what is over and only remembered is not shown."""
    over = Alert(rule="r", subject=Subject("t"), id="A", since=NOW, ended_at=NOW, changes=(NOW,), seq=1)
    flaps = replace(over, subject=Subject("s"), flapping=True, announced=True)
    await store.write(lambda tx: tx.alerts.save(over))
    await store.write(lambda tx: tx.alerts.save(flaps))
    known = read(store.path)
    assert known is not None
    assert [(one.subject, one.state, one.flapping) for one in known.alerts] == [("s", "inactive", True)]


async def test_an_alert_of_which_nothing_matters_is_forgotten(store: Store) -> None:
    """It has no row."""
    await store.write(lambda tx: tx.alerts.save(ALERT))
    await store.write(lambda tx: tx.alerts.save(Alert(rule=ALERT.rule, subject=ALERT.subject)))
    assert await store.write(lambda tx: tx.alerts.all()) == {}
