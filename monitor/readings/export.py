"""Export of readings, streamed to stdout or into a file that appears only once it is complete."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from monitor.errors import Refused
from monitor.readings.file import Format, head, text
from monitor.readings.query import fitting
from monitor.store.read.all_readings import Archive, StoredSeries, archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The readings to export: from `since` (None: all) to before `until`, of all series or those that match a glob."""

    form: Format
    since: datetime | None
    until: datetime
    globs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """The numbers of readings and of series in an export. Series without a reading in its period are not counted."""

    readings: int
    series: int


@dataclass(frozen=True, slots=True)
class Export:
    """An export that is ready to be written."""

    store: Archive
    wanted: Wanted
    series: tuple[StoredSeries, ...]

    def count(self) -> int:
        """Return the number of readings to write."""
        return self.store.count(self.series, self.wanted.since, self.wanted.until)

    def write(self, out: BinaryIO, advance: Callable[[int], None]) -> Written:
        """Write all readings, and call `advance` after each page with the number in it. Return the totals."""
        form, total, exported = self.wanted.form, 0, set()
        out.write(head(form).encode())
        for of, rows in self.store.pages(self.series, self.wanted.since, self.wanted.until):
            out.write(text(form, of, rows).encode())
            total += len(rows)
            exported.add(of.id)
            advance(len(rows))
        return Written(total, len(exported))


@contextmanager
def export(path: Path, wanted: Wanted) -> Iterator[Export]:
    """Open an export. Raises Refused if there is no store, ValueError for a glob that matches no series."""
    with archive(path) as store:
        if store is None:
            raise Refused(f"{path}: there is no store yet; nothing to export")
        series = store.series()
        chosen = fitting(wanted.globs, [one.name for one in series])
        yield Export(store, wanted, tuple(one for one in series if not wanted.globs or one.name in chosen))


@contextmanager
def whole_file(to: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Open a file, readable by its owner only, that gets its name when it is complete. Raises Refused on failure."""
    to = to.resolve()
    _check(to, overwrite=overwrite)
    part = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        _check(to, overwrite=overwrite)  # again: an export takes long enough for another to finish first
        part.replace(to)
    except OSError as exc:
        raise Refused(f"{to}: {exc.strerror or exc}; nothing was written") from exc
    finally:
        with suppress(OSError):
            part.unlink()


def _check(to: Path, *, overwrite: bool) -> None:
    if to.exists() and not to.is_file():
        raise Refused(f"{to}: not a regular file; omit -o to write to stdout")
    if to.exists() and not overwrite:
        raise Refused(f"{to}: already exists; --force replaces it")
