"""`import`: readings from a file into the store; all of them, or none if one is wrong.

1. The whole file is checked against itself, the configuration, the clock and the store. New readings are staged in a
   temporary database.
2. They are written beside the running daemon, in many short transactions. A pause as long as each one follows it, so
   that the daemon can write in between.

An interrupted import can be repeated: readings that are already in the store are skipped.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path

from monitor.config import Config
from monitor.config.problems import unknown
from monitor.domain.model import Account, Series
from monitor.domain.rules import Reads
from monitor.domain.time import compact, moment, to_micros
from monitor.errors import NotImported, Problem
from monitor.readings.file import Format, Line, read, written_at
from monitor.readings.query import listed
from monitor.store.import_ import create, restore
from monitor.store.read.all_readings import PAGE, Archive, ReadingRow, StoredSeries, archive
from monitor.store.staging import Staging

MOST_PROBLEMS = 50
"""The most problems that are listed; the others are counted."""

BATCH = 1_000
"""Readings in a transaction: so few that a transaction of the daemon waits for some milliseconds at most."""

_FIELDS = ("observed_at", "total", "available", "locked", "updated_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The result of checking a file without mistakes. The readings staged under number n belong to `series[n]`.

    `new` readings are to be written, `known` ones are already in the store, `repeated` ones are in the file again."""

    series: tuple[Series, ...]
    new: int
    known: int
    repeated: int
    warnings: tuple[str, ...]


def check(
    config: Config, staged: Staging, source: str, form: Format, lines: Iterable[bytes], now: datetime
) -> Checked:
    """Stage the readings of a file, except those in the store. Raises NotImported with the problems found."""
    check = _Check(config, staged, now)
    for one in read(form, lines):
        check.take(one)
    with archive(config.store.path) as store:
        known = check.compare(store) if store is not None else 0
        check.report(source)
        return Checked(
            series=tuple(check.series),
            new=staged.count(),
            known=known,
            repeated=check.repeated,
            warnings=tuple(check.warnings(store)),
        )


@dataclass(slots=True)
class _Stray:
    """Lines of a job that is not configured."""

    first: int
    last: int
    column: int
    count: int = 0


@dataclass(slots=True)
class _Check:
    """The check of a file: what was found so far."""

    config: Config
    staged: Staging
    now: datetime
    repeated: int = 0
    problems: list[Problem] = field(default_factory=list)
    more: int = 0
    strays: dict[str, _Stray] = field(default_factory=dict)
    _numbers: dict[tuple[str, str, str], int | None] = field(default_factory=dict)
    series: list[Series] = field(default_factory=list)

    def take(self, one: Line | list[Problem]) -> None:
        if isinstance(one, list):
            for problem in one:
                self._add(problem)
            return
        number = self._number(one)
        if number is None:
            stray = self.strays.setdefault(one.series[0], _Stray(one.number, one.number, 1))
            stray.last, stray.count = one.number, stray.count + 1
        elif one.row[0] > to_micros(self.now):
            reason = (
                f"{written_at(one.row[0])} is in the future; this machine's clock shows {moment(self.now)}"
            )
            self._wrong(one.number, "observed_at", reason)
        elif (there := self.staged.add(number, one.row, one.number)) is not None:
            self._repeated(one, *there)

    def _number(self, one: Line) -> int | None:
        """Return the number under which the series is staged; None if its job is not configured."""
        if one.series not in self._numbers:
            job, name, currency = one.series
            account = _account(self.config, job, name)
            self._numbers[one.series] = None if account is None else len(self.series)
            self.series += [] if account is None else [account.series(currency)]
        return self._numbers[one.series]

    def _repeated(self, one: Line, there: ReadingRow, line: int) -> None:
        differs = _difference(one.row, there)
        if differs is None:
            self.repeated += 1
            return
        name, ours, other = differs
        self._wrong(one.number, name, f"{ours}, but {other} in line {line} for the same series and instant")

    def compare(self, store: Archive) -> int:
        """Drop the staged readings that are already in the store; return how many those were."""
        there = {one.key: one for one in store.series()}
        known = 0
        for number, series in enumerate(self.series):
            if (stored := there.get(series.key)) is not None:
                known += self._compare(store, stored, number)
        return known

    def _compare(self, store: Archive, stored: StoredSeries, number: int) -> int:
        known = 0
        for page in self.staged.newest_first(number, PAGE):
            mine = {row[0]: (row, line) for row, line in page}
            found = store.at(stored, list(mine))
            for theirs in found:
                row, line = mine[theirs[0]]
                differs = _difference(row, theirs)
                if differs is not None:
                    name, ours, other = differs
                    reason = f"{ours}, but {other} in the store for {stored.name} at {written_at(row[0])}"
                    self._wrong(line, name, f"{reason}; stored readings are not changed, remove the line")
            self.staged.drop(number, [row[0] for row in found])
            known += len(found)
        return known

    def report(self, source: str) -> None:
        """Raise NotImported with the problems found, if any."""
        jobs = [job.name for job in self.config.jobs]
        for name, stray in self.strays.items():
            upto = f" and {stray.count - 1:,} more up to line {stray.last}" if stray.count > 1 else ""
            reason = f"{unknown('job', name, jobs)}; add it to the configuration, or remove this line{upto}"
            self._add(Problem(path="job", reason=reason, line=stray.first, column=stray.column))
        if self.problems:
            found = sorted(self.problems, key=lambda problem: (problem.line or 0, problem.column or 0))
            raise NotImported(source, tuple(found[:MOST_PROBLEMS]), self.more + len(found[MOST_PROBLEMS:]))

    def warnings(self, store: Archive | None) -> Iterator[str]:
        """Yield warnings about effects that may not be intended."""
        keep = self.config.store.keep
        if old := self.staged.count(to_micros(self.now - keep)):
            yield (
                f"{old:,} of these readings are older than store.keep ({compact(keep)}); the daemon deletes them "
                f"within an hour. Increase store.keep first to keep them"
            )
        configured = {account.key: account for job in self.config.jobs for account in job.accounts}
        unwatched = sorted(str(one) for one in self.series if not _is_watched(one, configured))
        if unwatched:
            yield f"not in the configuration, so no rule evaluates them: {listed(unwatched)}"
        stored = {one.key for one in store.series()} if store is not None else set()
        expected = [
            str(one)
            for one in self.series
            if one.key not in stored and one.account.key in configured and not one.account.currencies
        ]
        if expected:
            yield (
                f"new series of accounts without a list of currencies: {listed(expected)}; from now on they are "
                f"expected in every response. List the job's currencies if this is not intended"
            )
        yield from self._compared_with(store)

    def _compared_with(self, store: Archive | None) -> Iterator[str]:
        """Yield a warning for each rule that will compare the daemon's next readings with imported ones."""
        stored = {one.key: one for one in store.series()} if store is not None else {}
        rules = [rule for rule in self.config.rules if rule.reads is Reads.HISTORY]
        for rule in rules:
            begins = to_micros(self.now - rule.window)
            found = []
            for number, one in enumerate(self.series):
                newest, known = self.staged.newest(number), stored.get(one.key)
                before = store.last(known, begins) if store is not None and known is not None else None
                if newest is not None and newest > (before or -(2**63)) and rule.match.series(one):
                    found.append(str(one))
            if found:
                yield (
                    f"from the next poll on, rule {rule.name} compares with these readings of {listed(found)}: a "
                    f"change between the last of them and the daemon's own readings counts as within its window"
                )

    def _wrong(self, line: int, name: str, reason: str) -> None:
        self._add(Problem(path=name, reason=reason, line=line, column=_COLUMN[name]))

    def _add(self, problem: Problem) -> None:
        # A mistake on every line of a large file must not fill the memory; the first ones suffice to find it.
        if len(self.problems) < 20 * MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self.more += 1


_COLUMN = {"observed_at": 4, "total": 5, "locked": 6, "available": 7, "updated_at": 8}


def _account(config: Config, job: str, name: str) -> Account | None:
    """Return the configured account, or else a new one of the configured job; None if the job is not configured."""
    for one in config.jobs:
        if one.name == job:
            mine = (account for account in one.accounts if account.name == name)
            return next(mine, Account(provider=one.provider, job=job, name=name))
    return None


def _is_watched(series: Series, configured: Mapping[tuple[str, str], Account]) -> bool:
    account = configured.get(series.account.key)
    return account is not None and (not account.currencies or series.currency in account.currencies)


def _difference(ours: ReadingRow, other: ReadingRow) -> tuple[str, str, str] | None:
    """Return the first field in which two readings differ, and both values; `1.50` and `1.5` are the same amount."""
    for name, one, another in zip(_FIELDS, ours, other, strict=True):
        is_same_amount = (
            isinstance(one, str) and isinstance(another, str) and Decimal(one) == Decimal(another)
        )
        if one != another and not is_same_amount:
            return name, _shown(one), _shown(another)
    return None


def _shown(value: str | int | None) -> str:
    if value is None:
        return "nothing"
    return written_at(value) if isinstance(value, int) else value


def write(path: Path, staged: Staging, checked: Checked, now: datetime) -> Iterator[int]:
    """Write a checked file. Yield the number of readings added after each transaction. Raises StoreError."""
    create(path)
    pages = (
        ((series, page) for page in staged.newest_first(number, BATCH))
        for number, series in enumerate(checked.series)
    )
    for series, page in chain.from_iterable(pages):
        began = time.monotonic()
        added = restore(path, series, [row for row, _ in page], now)
        took = time.monotonic() - began
        yield added
        time.sleep(took)  # leaves half of the time to the daemon


Advance = Callable[[int], None]


def counted(lines: Iterable[bytes], advance: Advance) -> Iterator[bytes]:
    """Yield the lines, and call `advance` with the number of bytes in each."""
    for line in lines:
        advance(len(line))
        yield line
