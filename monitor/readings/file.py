"""Readings as files: CSV and JSON lines, written and read back to the last digit and the last microsecond.

A file has the columns `COLUMNS`; a value is empty in CSV and null in JSON if the provider does not report it. Nothing
is escaped for spreadsheets, which treat a field that begins with `=`, `+`, `-` or `@` as a formula: an escaped value
could not be read back as it was. A spreadsheet has to import the columns as text.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from monitor.domain.money import amount, plain
from monitor.domain.time import from_micros, parse_instant, rfc3339, to_micros
from monitor.errors import Problem
from monitor.store.read.all_readings import ReadingRow, StoredSeries

COLUMNS = ("job", "account", "currency", "observed_at", "total", "locked", "available", "updated_at")
LONGEST_LINE = 1024 * 1024
"""The most bytes of a line in a file of readings."""

_NEEDED = frozenset({"job", "account", "currency", "observed_at", "total", "available"})
_LONGEST_NAME = 255
_ALREADY_PLAIN = re.compile(r"-?(0|[1-9]\d{0,40})(\.\d{1,40})?", re.ASCII)


class Format(StrEnum):
    """The format of a file of readings."""

    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class Line:
    """A reading in a file, with its series (job, account, currency) and the number of its (last) line."""

    number: int
    series: tuple[str, str, str]
    row: ReadingRow


Read: TypeAlias = Line | list[Problem]
"""The result of one line: a reading, or the problems in it."""


# Writing


def written_at(at: int) -> str:
    """Return an instant (microseconds) in RFC 3339, with as many decimals as it needs: `2026-02-01T14:30:00Z`."""
    return rfc3339(from_micros(at), "auto")


def head(form: Format) -> str:
    """Return the header of a file: in CSV the line of column names."""
    return ",".join(COLUMNS) + "\n" if form is Format.CSV else ""


def text(form: Format, of: StoredSeries, rows: Iterable[ReadingRow]) -> str:
    """Return the lines of readings of one series."""
    if form is Format.CSV:
        return _csv(of, rows)
    names = {"job": of.job, "account": of.account, "currency": of.currency}
    return "".join(json.dumps({**names, **fields(row)}, ensure_ascii=False) + "\n" for row in rows)


def fields(row: ReadingRow) -> dict[str, str | None]:
    """Return a reading as JSON members; instants are in RFC 3339."""
    observed_at, total, available, locked, updated_at = row
    return {
        "observed_at": written_at(observed_at),
        "total": total,
        "locked": locked,
        "available": available,
        "updated_at": None if updated_at is None else written_at(updated_at),
    }


def _csv(of: StoredSeries, rows: Iterable[ReadingRow]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for observed_at, total, available, locked, updated_at in rows:
        changed = "" if updated_at is None else written_at(updated_at)
        writer.writerow((*of.key, written_at(observed_at), total, locked, available, changed))
    return out.getvalue()


# Reading back


def read(form: Format, lines: Iterable[bytes]) -> Iterator[Read]:
    """Yield the reading or the problems of each line. A problem that makes the rest unreadable is the last."""
    try:
        yield from (_read_csv if form is Format.CSV else _read_json_lines)(_decoded(lines))
    except _Unreadable as exc:
        yield [Problem(path="", reason=str(exc), line=exc.line, column=1)]


class _Unreadable(Exception):
    """The rest of a file can't be read."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            raise _Unreadable(
                number, f"the line is longer than {LONGEST_LINE} bytes; this is not a file of readings"
            )
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as exc:
            raise _Unreadable(number, "not valid UTF-8") from exc


def _read_csv(lines: Iterable[str]) -> Iterator[Read]:
    reader = csv.reader(lines, strict=True)
    try:
        columns = _columns(next(reader, []))
        for values in reader:
            if values:
                yield _from_csv(reader.line_num, columns, values)
    except csv.Error as exc:
        raise _Unreadable(reader.line_num, f"not valid CSV: {exc}") from exc


def _columns(names: Sequence[str]) -> Sequence[str]:
    if not names:
        raise _Unreadable(1, f"empty file; expected a line of column names: {','.join(COLUMNS)}")
    for name in names:
        if name not in COLUMNS or names.count(name) > 1:
            what = f"duplicate column {name[:40]!r}" if name in COLUMNS else f"unknown column {name[:40]!r}"
            raise _Unreadable(1, f"{what}; expected {','.join(COLUMNS)}, as `export` writes them")
    if missing := [name for name in COLUMNS if name in _NEEDED and name not in names]:
        raise _Unreadable(1, f"missing column {', '.join(missing)}; expected {','.join(COLUMNS)}")
    return names


def _from_csv(line: int, columns: Sequence[str], values: Sequence[str]) -> Read:
    if len(values) != len(columns):
        return [
            Problem(path="", reason=f"{len(values)} fields, expected {len(columns)}", line=line, column=1)
        ]
    given: dict[str, str | None] = {name: value or None for name, value in zip(columns, values, strict=True)}
    return _line(line, given, {name: number for number, name in enumerate(columns, 1)})


def _read_json_lines(lines: Iterable[str]) -> Iterator[Read]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _from_json(number, line.strip())


def _from_json(number: int, line: str) -> Read:
    try:
        given = json.loads(line)
    except json.JSONDecodeError as exc:
        return [Problem(path="", reason=f"not valid JSON: {exc.msg}", line=number, column=exc.colno)]
    except (ValueError, RecursionError):  # an integer of too many digits, or too many nested arrays
        return [Problem(path="", reason="not valid JSON", line=number, column=1)]
    wrong = list(_wrong_members(given))
    if wrong:
        return [Problem(path=path, reason=reason, line=number, column=1) for path, reason in wrong]
    return _line(number, {name: given.get(name) for name in COLUMNS}, dict.fromkeys(COLUMNS, 1))


def _wrong_members(given: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(given, dict):
        yield "", "expected an object, as `export --format jsonl` writes it"
        return
    for name, value in given.items():
        if name not in COLUMNS:
            yield name[:40], f"unknown key; expected {', '.join(COLUMNS)}"
        elif value is not None and not isinstance(value, str):
            yield (
                name,
                f"expected a string in quotes, got {json.dumps(value)[:40]}; a number may lose digits",
            )


def _line(line: int, given: dict[str, str | None], places: dict[str, int]) -> Read:
    problems: list[Problem] = []

    def parsed(name: str, parse: Callable[[str], Any]) -> Any:
        value = given.get(name)
        if value is None and name not in _NEEDED:
            return None
        try:
            return parse(value or "")
        except ValueError as exc:
            problems.append(Problem(path=name, reason=str(exc), line=line, column=places.get(name)))
            return None

    job, account, currency = parsed("job", _name), parsed("account", _name), parsed("currency", _currency)
    observed_at = parsed("observed_at", _instant)
    total, available, locked = (parsed(name, _amount) for name in ("total", "available", "locked"))
    updated_at = parsed("updated_at", _instant)
    if problems:
        return problems
    return Line(line, (job, account, currency), (observed_at, total, available, locked, updated_at))


def _name(given: str) -> str:
    if not given:
        raise ValueError("empty")
    if len(given) > _LONGEST_NAME or not given.isprintable():
        raise ValueError(f"expected a name of up to {_LONGEST_NAME} printable characters")
    return given


def _currency(given: str) -> str:
    if "/" in given:
        raise ValueError(f"{given[:40]!r}: the name of a currency must not contain a slash")
    return _name(given)


def _amount(given: str) -> str:
    if not given:
        raise ValueError("empty; remove the line if there was no reading")
    return given if _ALREADY_PLAIN.fullmatch(given) else plain(amount(given))


def _instant(given: str) -> int:
    try:
        return to_micros(parse_instant(given, exactly=True))
    except OverflowError as exc:
        raise ValueError(f"{given!r} is not in the calendar") from exc
    except ValueError as exc:
        raise ValueError(
            f"{given[:40]!r}: expected an instant with its time zone, such as 2026-02-01T14:30:00.250Z"
        ) from exc
