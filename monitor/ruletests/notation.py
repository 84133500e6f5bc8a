"""Series of readings in a compact notation, after promtool's: the input of a rule test.

1500      a reading                          _         no poll at this step
1500x3    it, and three times more           _x3       three steps without a poll
1500-50x4 it, then four times 50 less        ~         the response lacks this currency
15+0.5x9  it, then nine times 0.5 more       !timeout  the poll fails; !timeoutx3: three polls do
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from monitor.domain.money import amount, subtract
from monitor.errors import Outcome

_LONGEST = 10_000
_NUMBER = r"\d+(?:\.\d+)?"
_READING = re.compile(
    rf"(?P<start>[+-]?{_NUMBER})(?:(?P<sign>[+-])(?P<step>{_NUMBER}))?(?:x(?P<times>\d{{1,5}}))?", re.ASCII
)
_OTHER = re.compile(r"(?P<what>_|~|![a-z_]+?)(?:x(?P<times>\d{1,5}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Value:
    """A reading."""

    amount: Decimal


@dataclass(frozen=True, slots=True)
class Gap:
    """No poll."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """A response without this currency."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A poll that fails."""

    outcome: Outcome


Sample = Value | Gap | Lacking | Failure


def samples(text: str) -> tuple[Sample, ...]:
    """Return the sample of each step. Raises ValueError, quoting the part that is wrong."""
    found = tuple(sample for part in text.split() for sample in _part(part))
    if not found:
        raise ValueError("is empty; expected readings, such as 1500x3 900 _ !timeout")
    if len(found) > _LONGEST:
        raise ValueError(f"has {len(found)} steps, more than {_LONGEST}")
    return found


def _part(text: str) -> list[Sample]:
    if match := _READING.fullmatch(text):
        return _readings(match)
    if match := _OTHER.fullmatch(text):
        return [_other(match["what"])] * max(int(match["times"] or 1), 1)  # `_x0` is one step, too
    raise ValueError(f"{text!r}: expected a reading (1500, 1500x3, 1500-50x4), _, ~ or a failure (!timeout)")


def _readings(match: re.Match[str]) -> list[Sample]:
    value, step = amount(match["start"]), amount(match["step"] or "0")
    step = step if match["sign"] == "-" else -step
    found: list[Sample] = [Value(value)]
    for _ in range(min(int(match["times"] or 0), _LONGEST)):
        value = subtract(value, step) if match["step"] else value
        found.append(Value(value))
    return found


def _other(what: str) -> Sample:
    match what:
        case "_":
            return Gap()
        case "~":
            return Lacking()
        case _:
            failures = [outcome.value for outcome in Outcome if outcome is not Outcome.OK]
            if what[1:] not in failures:
                raise ValueError(f"{what}: unknown kind of failure; known: {', '.join(failures)}")
            return Failure(Outcome(what[1:]))
