"""Scripted balances: a wallet's balance as a pure function of the time since the start.

The notation, one segment or several joined by `then` (`parse_script`):

    constant 1000
    drain 1000 to 50 over 20s            [every 1s]
    top-up 50 by 1000 at 12s
    steps 0s=1000 5s=400 20s=1500
    walk 1000 step 5 seed 7              [every 1s] [decimals 2]

A segment that another follows needs its duration, `constant 1000 for 5s then …`; a drain lasts as long as its
`over`. The amount at the end of the last segment stays. Durations: `200ms`, `1.5s`, `2m`, `4h`, `1d`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from typing import TypeAlias

SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A balance at one instant, and when (since the start) it changed to that; None: it has not changed yet."""

    amount: Decimal
    moved: timedelta | None = None


Script: TypeAlias = Callable[[timedelta], Level]


def constant(amount: Decimal) -> Script:
    """Hold the same amount forever."""
    return steps((timedelta(0), amount))


def steps(*marks: tuple[timedelta, Decimal]) -> Script:
    """Hold each amount from its time on. Raises ValueError unless the times ascend from zero."""
    times = [at for at, _ in marks]
    if not times or times[0] != timedelta(0) or any(before >= after for before, after in pairwise(times)):
        raise ValueError("steps: expected times that ascend from 0s, e.g. `steps 0s=1000 5s=400`")

    def script(elapsed: timedelta) -> Level:
        at, amount = next(mark for mark in reversed(marks) if mark[0] <= elapsed or not mark[0])
        return Level(amount=amount, moved=at or None)

    return script


def top_up(start: Decimal, by: Decimal, at: timedelta) -> Script:
    """Hold `start`, and `by` more from `at` on."""
    return steps((timedelta(0), start), (at, start + by))


def drain(start: Decimal, end: Decimal, over: timedelta, *, every: timedelta = SECOND) -> Script:
    """Move from `start` to `end` evenly, once each `every`; between the two rounded to at least two decimals."""
    _require_positive("drain", over, every)
    unit = Decimal(1).scaleb(-max(2, *(-int(amount.as_tuple().exponent) for amount in (start, end))))

    def script(elapsed: timedelta) -> Level:
        if elapsed >= over:
            return Level(amount=end, moved=over)
        moved = elapsed // every * every
        if moved <= timedelta(0):
            return Level(amount=start)
        share = Decimal(moved // _MICROSECOND) / Decimal(over // _MICROSECOND)
        return Level(amount=(start + (end - start) * share).quantize(unit), moved=moved)

    return script


def walk(start: Decimal, step: Decimal, seed: int, *, every: timedelta = SECOND, decimals: int = 2) -> Script:
    """Walk at random: each `every` a move of at most `step`, with so many decimals, never below zero.

    The same seed gives the same walk on every machine. Raises ValueError if `step` is less than one unit.
    """
    _require_positive("walk", every)
    unit = Decimal(1).scaleb(-decimals)
    reach = int(step / unit)
    if reach < 1:
        raise ValueError(f"walk: expected a step of at least {unit} with {decimals} decimals, got {step}")
    # The steps so far are kept: each depends on the one before, and a long walk must not become slow to read.
    path = [Level(amount=start)]

    def script(elapsed: timedelta) -> Level:
        index = max(elapsed // every, 0)
        while len(path) <= index:
            amount = max(Decimal(0), path[-1].amount + _draw(seed, len(path), reach) * unit)
            still = amount == path[-1].amount
            path.append(path[-1] if still else Level(amount=amount, moved=len(path) * every))
        return path[index]

    return script


def then(first: Script, lasts: timedelta, second: Script) -> Script:
    """Follow `first` for as long as `lasts`, and from then on `second`, whose time begins at zero."""

    def script(elapsed: timedelta) -> Level:
        if elapsed < lasts:
            return first(elapsed)
        before, after = first(lasts), second(elapsed - lasts)
        if after.moved is not None:
            return Level(amount=after.amount, moved=lasts + after.moved)
        return Level(amount=after.amount, moved=before.moved if after.amount == before.amount else lasts)

    return script


def parse_duration(text: str) -> timedelta:
    """Return the duration written as `200ms`, `1.5s`, `2m`, `4h` or `1d`. Raises ValueError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    if match is None:
        raise ValueError(f"expected a duration such as `200ms`, `1.5s`, `2m`, `4h`, `1d`, got {text!r}")
    return timedelta(microseconds=int(Decimal(match[1]) * (_UNITS[match[2]] // _MICROSECOND)))


def parse_script(text: str) -> Script:
    """Return the script written in the notation at the head of this module.

    Raises ValueError with what was expected."""
    segments = [_parse_segment(segment) for segment in re.split(r"\bthen\b", text)]
    script = segments[-1].script
    for segment in reversed(segments[:-1]):
        if segment.lasts is None:
            raise ValueError(f"{segment.text!r} needs a duration, e.g. `{segment.text} for 5s then …`")
        script = then(segment.script, segment.lasts, script)
    return script


_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": SECOND,
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


def _require_positive(name: str, *durations: timedelta) -> None:
    if any(duration <= timedelta(0) for duration in durations):
        raise ValueError(f"{name}: expected durations above zero")


def _draw(seed: int, index: int, reach: int) -> int:
    """Return the walk's move number `index`, in units, between -reach and reach."""
    digest = sha256(f"{seed}/{index}".encode()).digest()
    return int.from_bytes(digest[:8]) % (2 * reach + 1) - reach


_Words: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """One kind of segment: its notation, and the script that its named parts make."""

    usage: str
    pattern: str
    build: Callable[[_Words], Script]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    text: str
    script: Script
    lasts: timedelta | None


def _build_drain(words: _Words) -> Script:
    over, every = parse_duration(words["over"]), parse_duration(words["every"] or "1s")
    return drain(Decimal(words["start"]), Decimal(words["end"]), over, every=every)


def _build_walk(words: _Words) -> Script:
    every, decimals = parse_duration(words["every"] or "1s"), int(words["decimals"] or "2")
    return walk(
        Decimal(words["start"]), Decimal(words["step"]), int(words["seed"]), every=every, decimals=decimals
    )


def _build_steps(words: _Words) -> Script:
    marks = (mark.split("=") for mark in words["marks"].split())
    return steps(*((parse_duration(at), Decimal(amount)) for at, amount in marks))


_AMOUNT = r"\d+(?:\.\d+)?"
_FORMS = {
    "constant": _Form(
        usage="constant AMOUNT",
        pattern=rf"(?P<amount>{_AMOUNT})",
        build=lambda words: constant(Decimal(words["amount"])),
    ),
    "drain": _Form(
        usage="drain AMOUNT to AMOUNT over DURATION [every DURATION]",
        pattern=rf"(?P<start>{_AMOUNT}) to (?P<end>{_AMOUNT}) over (?P<over>\S+)(?: every (?P<every>\S+))?",
        build=_build_drain,
    ),
    "top-up": _Form(
        usage="top-up AMOUNT by AMOUNT at DURATION",
        pattern=rf"(?P<start>{_AMOUNT}) by (?P<by>{_AMOUNT}) at (?P<at>\S+)",
        build=lambda words: top_up(
            Decimal(words["start"]), Decimal(words["by"]), parse_duration(words["at"])
        ),
    ),
    "steps": _Form(
        usage="steps 0s=AMOUNT [DURATION=AMOUNT …]",
        pattern=rf"(?P<marks>\S+={_AMOUNT}(?: \S+={_AMOUNT})*)",
        build=_build_steps,
    ),
    "walk": _Form(
        usage="walk AMOUNT step AMOUNT seed INTEGER [every DURATION] [decimals INTEGER]",
        pattern=rf"(?P<start>{_AMOUNT}) step (?P<step>{_AMOUNT}) seed (?P<seed>\d+)"
        r"(?: every (?P<every>\S+))?(?: decimals (?P<decimals>\d+))?",
        build=_build_walk,
    ),
}


def _parse_segment(raw: str) -> _Segment:
    text = " ".join(raw.split())
    form = _FORMS.get(text.partition(" ")[0])
    if form is None:
        raise ValueError(
            f"script {text!r}: expected one of {', '.join(f'`{form.usage}`' for form in _FORMS.values())}"
        )
    match = re.fullmatch(rf"\S+ {form.pattern}(?: for (?P<lasts>\S+))?", text)
    if match is None:
        raise ValueError(f"script {text!r}: expected `{form.usage} [for DURATION]`")
    words = match.groupdict()
    lasts = words["lasts"] or words.get("over")
    return _Segment(text=text, script=form.build(words), lasts=parse_duration(lasts) if lasts else None)
