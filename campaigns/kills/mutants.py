"""`python -m campaigns.kills.mutants`: break one promise at a time in a copy of the program, to test the checker.

A mutant is a copy of `monitor` in which a few lines are replaced. A short campaign runs on it, and the checker has to
refuse it. The exit code is 1 if it accepts one. If the program no longer has the lines of a mutant, adapt the mutant.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from campaigns.harness.program import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Lines of a file of `monitor`, and the lines that replace them."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A defect: its name, its edits, and how many kills it needs at least to show."""

    name: str
    edits: tuple[Edit, ...]
    kills: int = 30
    part: str = ""
    """The part of the scenario that shows it; "": any."""
    accounts: str = ""
    """The accounts that it needs, separated by commas; "": all."""


_OUTBOX, _STORED_OUTBOX = "alerting/outbox.py", "store/outbox.py"
_POLL, _CHANGES = "alerting/recording.py", "alerting/changes.py"
_AT_START = "        rows, known = self._waiting_elsewhere(targets), self._known(targets)\n"

MUTANTS = (
    Mutant(
        name="a message is marked as delivered before it is sent",
        edits=(
            Edit(
                file=_OUTBOX,
                old="        sending, began = _in_thread(notifier, message, parts), "
                "asyncio.get_running_loop().time()\n",
                new="        await self._delivered(notifier.target, delivery)\n"
                "        while await _in_thread(notifier, message, parts) is not None:\n"
                "            await asyncio.sleep(1)\n"
                "        return\n"
                "        sending, began = _in_thread(notifier, message, parts), asyncio.get_running_loop().time()\n",
            ),
        ),
    ),
    Mutant(
        name="the reading is committed before the alerts that follow from it",
        kills=120,
        edits=(
            Edit(
                file=_POLL,
                old="    alerts = tx.alerts.about(subjects_of(account, views))\n    concerned",
                new='    tx._db.exec_driver_sql("COMMIT")\n'
                '    tx._db.exec_driver_sql("BEGIN IMMEDIATE")\n'
                '    tx._db.exec_driver_sql("SAVEPOINT work")\n'
                "    alerts = tx.alerts.about(subjects_of(account, views))\n    concerned",
            ),
        ),
    ),
    Mutant(
        name="the alert is committed before its notifications",
        kills=60,
        edits=(
            Edit(
                file=_CHANGES,
                old="            tx.alerts.add_event(item.event, report, _addressed(tx, item, config))\n",
                new="            LATER.append((item.event, report, _addressed(tx, item, config)))\n",
            ),
            Edit(
                file=_CHANGES,
                old="log = logging.getLogger(__name__)\n",
                new="log = logging.getLogger(__name__)\n"
                "LATER: list = []\n\n\n"
                "def flush(tx):\n"
                "    for one in LATER:\n"
                "        tx.alerts.add_event(*one)\n"
                "    LATER.clear()\n",
            ),
            Edit(
                file="daemon/runtime.py",
                old="    return await store.write(lambda tx: record(tx, account, result, config, overdue_at))\n",
                new="    recorded = await store.write(lambda tx: record(tx, account, result, config, overdue_at))\n"
                "    await store.write(flush)\n"
                "    return recorded\n",
            ),
            Edit(
                file="daemon/runtime.py",
                old="from monitor.config import Config\n",
                new="from monitor.alerting.changes import flush\nfrom monitor.config import Config\n",
            ),
        ),
    ),
    Mutant(
        name="a start drops the outbox",
        edits=(
            Edit(
                file=_STORED_OUTBOX,
                old=_AT_START,
                new='        self._db.execute(delete(notifications).where(notifications.c.status == "pending"))\n'
                + _AT_START,
            ),
        ),
    ),
    Mutant(
        name="a refused message is dropped",
        edits=(
            Edit(
                file=_OUTBOX,
                old="        over = [one.id for one in given_up(delivery.covers, now)]\n",
                new="        over = [one.id for one in delivery.covers if not one.attempts]\n",
            ),
            Edit(
                file=_OUTBOX,
                old='            log.error("notification dropped"',
                new='            log.warning("notification dropped"',
            ),
        ),
    ),
    Mutant(
        name="a start forgets the firing alerts",
        edits=(
            Edit(
                file=_STORED_OUTBOX,
                old=_AT_START,
                new="        self._db.execute(delete(alerts).where(alerts.c.state == State.FIRING))\n"
                + _AT_START,
            ),
        ),
    ),
    Mutant(
        name="a start forgets the pending alerts",
        edits=(
            Edit(
                file=_STORED_OUTBOX,
                old=_AT_START,
                new="        self._db.execute(delete(alerts).where(alerts.c.state == State.PENDING))\n"
                + _AT_START,
            ),
        ),
    ),
    Mutant(
        name="a delivery is recorded five seconds late",
        edits=(
            Edit(
                file=_OUTBOX,
                old="            await self._delivered(target, delivery)",
                new="            await asyncio.sleep(5)\n            await self._delivered(target, delivery)",
            ),
        ),
    ),
    Mutant(
        name="a repeated message has another text",
        edits=(
            Edit(
                file="domain/messages.py",
                old='("At", moment(last.at)),',
                new='("At", moment(datetime.now().astimezone())),',
            ),
        ),
    ),
    Mutant(
        name="a repeated message has the id of another incident",
        edits=(
            Edit(
                file="domain/messages.py",
                old='f"{last.incident}, message {item.numbers}"',
                new="f\"{last.incident[:-3]}{__import__('os').getpid() % 900 + 100}, message {item.numbers}\"",
            ),
            Edit(
                file="domain/messages.py",
                old="incident {item.last.incident}, message",
                new="incident {item.last.incident[:-3]}{__import__('os').getpid() % 900 + 100}, message",
            ),
        ),
    ),
    Mutant(
        name="the resolution is sent before its firing",
        edits=(
            Edit(
                file=_STORED_OUTBOX,
                old="            .order_by(notifications.c.incident, notifications.c.seq)\n        )\n",
                new="            .order_by(notifications.c.incident, notifications.c.seq.desc())\n        )\n",
            ),
        ),
    ),
    Mutant(
        name="a failed poll resolves an alert",
        edits=(
            Edit(
                file="domain/alerts.py",
                old="            return alert\n        case Ok():",
                new='            return _ok(alert, Ok("unknown"), policy, now)\n        case Ok():',
            ),
        ),
    ),
    Mutant(
        name="amounts pass through a float",
        edits=(
            Edit(
                file="store/tables.py",
                old="money.plain(value)",
                new="money.plain(Decimal(float(value)))",
            ),
        ),
    ),
    Mutant(
        name="a restart drops one of two URLs",
        edits=(
            Edit(
                file=_STORED_OUTBOX,
                old=_AT_START,
                new="        last = targets[-1].url_id\n"
                "        forgotten = (notifications.c.url_id == last) & (notifications.c.status == 'pending')\n"
                "        self._db.execute(update(notifications).where(forgotten)"
                ".values(status='delivered', settled_at=now))\n" + _AT_START,
            ),
        ),
    ),
    Mutant(
        name="a start forgets what was notified",
        edits=(
            Edit(
                file=_STORED_OUTBOX,
                old=_AT_START,
                new="        self._db.execute(update(alerts).values(announced=False))\n" + _AT_START,
            ),
        ),
    ),
    Mutant(
        name="a message that is being sent while its channel is renamed is sent again",
        part="channels renamed",
        accounts="TURN,G1,G2,G3,G4",
        kills=4,
        edits=(
            Edit(
                file=_OUTBOX,
                old="                async with turn:\n",
                new="                async with asyncio.Lock():\n",
            ),
        ),
    ),
    Mutant(
        name="the recipients of a renamed channel are forgotten",
        part="channels renamed",
        accounts="TURN,G1,G2,G3,G4",
        kills=4,
        edits=(Edit(file="alerting/reconcile.py", old="    tx.outbox.follow_recipients(every)\n", new=""),),
    ),
    Mutant(
        name="a recipient is identified by the position of its URL",
        part="channels reordered",
        accounts="TURN,G1,G2,G3,G4",
        kills=4,
        edits=(
            Edit(
                file="notify/channels.py",
                old="                target = Target(channel=channel, url_id=url_id)\n",
                new='                target = Target(channel=channel, url_id=f"{channel}-{index}")\n',
            ),
        ),
    ),
    Mutant(
        name="a new token does not get the ends of the old one's incidents",
        part="channels rotated",
        accounts="TURN,G1,G2,G3,G4",
        kills=4,
        edits=(
            Edit(
                file="domain/delivery.py",
                old="channels.get(target.channel, ()) if new.url_id not in known]",
                new="() if new.url_id not in known]",
            ),
        ),
    ),
    Mutant(
        name="the end goes only to the channels of the current routes",
        part="changing routes",
        accounts="MOVED",
        kills=4,
        edits=(
            Edit(
                file="domain/delivery.py",
                old="            goes_to = notified if notified or not notified_targets else wanted\n",
                new="            goes_to = wanted\n",
            ),
        ),
    ),
    Mutant(
        name="an answer that takes more than a second is not waited for",
        part="a slow receiver",
        accounts="TURN",
        kills=4,
        edits=(
            Edit(
                file="notify/channels.py",
                old="_RESPONSE_WITHIN = SLOW.total_seconds() - 5 ",
                new="_RESPONSE_WITHIN = 1.2 ",
            ),
        ),
    ),
    Mutant(
        name="a URL that accepts some messages is treated as if it accepted none",
        part="a flaky receiver",
        accounts="TURN,G1,G2,G3,G4",
        kills=30,
        edits=(
            Edit(
                file=_OUTBOX,
                old="retry_at(min(delivery.attempts + 1, self._failures[target]), now, self._jitter())",
                new="retry_at(delivery.attempts + 4, now, self._jitter())",
            ),
            Edit(file=_OUTBOX, old="            tx.outbox.hasten(target, now)\n", new=""),
        ),
    ),
    Mutant(
        name="a group notifies only its first incident",
        part="groups of several incidents",
        accounts="G1,G2,G3,G4",
        kills=4,
        edits=(
            Edit(
                file="domain/delivery.py",
                old="items=tuple(item for _, item in parts), ",
                new="items=tuple(item for _, item in parts[:1]), ",
            ),
        ),
    ),
    Mutant(
        name="a silence ends a second early",
        part="silences",
        accounts="HUSH,STILL",
        kills=4,
        edits=(
            Edit(
                file="domain/mutes.py",
                old="        return self.starts_at <= now < self.ends_at\n",
                new="        from datetime import timedelta\n\n"
                "        return self.starts_at <= now < self.ends_at - timedelta(seconds=1)\n",
            ),
        ),
    ),
    Mutant(
        name="an alert that resolves during a silence is never notified",
        part="silences",
        accounts="HUSH,STILL",
        kills=4,
        edits=(
            Edit(
                file="domain/alerts.py",
                old="    if mute is not None:\n        return _muted(alert, policy, now), ()\n",
                new="    if mute is not None:\n        over = alert.state is State.INACTIVE\n"
                "        return _muted(replace(alert, announced=alert.announced and not over), policy, now), ()\n",
            ),
        ),
    ),
    Mutant(
        name="acknowledged alerts have reminders",
        part="acknowledgements",
        accounts="ACKED",
        kills=4,
        edits=(
            Edit(
                file="domain/alerts.py",
                old="    if alert.ack is not None:\n        return alert, ()\n",
                new="",
            ),
        ),
    ),
    Mutant(
        name="a start forgets the acknowledgements",
        part="acknowledgements",
        accounts="ACKED",
        edits=(
            Edit(
                file=_STORED_OUTBOX,
                old=_AT_START,
                new="        self._db.execute(update(alerts).values(acked_at=None))\n" + _AT_START,
            ),
        ),
    ),
    Mutant(
        name="a start forgets the escalations",
        part="escalation",
        accounts="UNHEARD",
        edits=(
            Edit(
                file=_STORED_OUTBOX,
                old=_AT_START,
                new="        self._db.execute(update(alerts).values(escalated_at=None))\n" + _AT_START,
            ),
        ),
    ),
    Mutant(
        name="after a fallback took over, its channel gets nothing",
        part="a fallback",
        accounts="FRAIL",
        kills=4,
        edits=(
            Edit(
                file=_STORED_OUTBOX,
                old="        self._db.execute(diverted.values(handed_over_at=now))\n",
                new='        taken = {"status": "delivered", "settled_at": now}\n'
                "        self._db.execute(diverted.values(handed_over_at=now, **taken))\n",
            ),
        ),
    ),
    Mutant(
        name="quiet hours end ten seconds early",
        part="quiet hours",
        accounts="NIGHT",
        kills=16,
        edits=(
            Edit(
                file="domain/windows.py",
                old="                if start <= now < end:\n                    return end\n",
                new="                if start <= now < end - timedelta(seconds=10):\n"
                "                    return end - timedelta(seconds=10)\n",
            ),
        ),
    ),
    Mutant(
        name="a start forgets the time of the last summary",
        part="summaries",
        accounts="WINDOW",
        edits=(
            Edit(
                file="alerting/summaries.py",
                old="min(since, now) if last is None or last > now else last\n",
                new="min(since, now)\n",
            ),
        ),
    ),
    Mutant(
        name="the alerts of a removed rule end without a notification",
        part="reloads",
        accounts="CLOSING",
        kills=4,
        edits=(
            Edit(
                file="domain/alerts.py",
                old="    return (over, _event(alert, EventKind.CLOSED, now, reason)[1]) if alert.announced else",
                new="    return (over, ()) if alert.announced else",
            ),
        ),
    ),
    Mutant(
        name="an import drops the last reading of each page",
        part="imports",
        accounts="LEDGER",
        kills=4,
        edits=(
            Edit(
                file="readings/import_.py",
                old="[row for row, _ in page]",
                new="[row for row, _ in page[:-1]]",
            ),
        ),
    ),
    Mutant(
        name="readings that a wrong clock takes for old are deleted",
        part="a wrong clock",
        accounts="LEDGER,DROP",
        kills=18,
        edits=(
            Edit(
                file="daemon/clock_watch.py",
                old='        return self._has_run_long_enough and self._doubt == ""\n',
                new="        return True\n",
            ),
        ),
    ),
)


def main() -> int:
    """Run a short campaign on each mutant."""
    parser = argparse.ArgumentParser(prog="python -m campaigns.kills.mutants", description=__doc__)
    parser.add_argument("--kills", type=int, default=0, help="at least so many for each mutant")
    parser.add_argument("--seed", default="7")
    parser.add_argument("--only", default="", help="mutants whose name or part of the scenario contains this")
    parser.add_argument("--package", type=Path, default=ROOT, help="the folder whose `monitor` is broken")
    arguments = parser.parse_args()
    console = Console(soft_wrap=True)
    caught: list[tuple[Mutant, list[str]]] = []
    for mutant in MUTANTS:
        if arguments.only in f"{mutant.name} {mutant.part}":
            violations = _refused(mutant, arguments)
            caught.append((mutant, violations))
            console.print(f"{mutant.name}: {len(violations) or 'NOT CAUGHT'}", highlight=False)
            for line in violations[:2]:
                console.print(f"    {line}", markup=False, highlight=False)
    console.print(_table(caught))
    return int(any(not violations for _, violations in caught))


def _refused(mutant: Mutant, arguments: argparse.Namespace) -> list[str]:
    """Return the violations that a campaign on a mutant reports."""
    kills = max(mutant.kills, arguments.kills)
    with tempfile.TemporaryDirectory(prefix="mutant-") as place:
        _make(mutant, arguments.package, Path(place))
        done = subprocess.run(  # noqa: S603 (our own program)
            [
                *(sys.executable, "-m", "campaigns.kills", "--package", place),
                *("--kills", str(kills), "--lanes", "1", "--seed", arguments.seed, "--forget"),
                *(("--accounts", mutant.accounts) if mutant.accounts else ()),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    violations = [line[2:] for line in done.stderr.splitlines() if line.startswith("✗ ")]
    if bool(violations) != bool(done.returncode):
        raise RuntimeError(done.stderr)
    return violations


def broken(mutant: Mutant, package: Path) -> dict[str, str]:
    """Return the changed files of `monitor`. Raises ValueError if they do not contain the lines of an edit."""
    texts = {edit.file: (package / "monitor" / edit.file).read_text() for edit in mutant.edits}
    for edit in mutant.edits:
        if texts[edit.file].count(edit.old) != 1:
            raise ValueError(f"{mutant.name}: {edit.file} does not contain these lines once: {edit.old!r}")
        texts[edit.file] = texts[edit.file].replace(edit.old, edit.new)
    return texts


def _make(mutant: Mutant, package: Path, place: Path) -> None:
    copy = place / "monitor"
    shutil.copytree(package / "monitor", copy, ignore=shutil.ignore_patterns("__pycache__"))
    for file, text in broken(mutant, package).items():
        (copy / file).write_text(text)


def _table(caught: Sequence[tuple[Mutant, list[str]]]) -> Table:
    table = Table("mutant", "part", "violations", "the first")
    for mutant, violations in caught:
        table.add_row(
            mutant.name, mutant.part, str(len(violations)), violations[0] if violations else "NOT CAUGHT"
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
