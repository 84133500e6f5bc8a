"""What was wrong with the readings kept, and with the summaries. Pure, as `checker.py` is."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from campaigns.kills.checker import NEAR, Kill
from campaigns.kills.receiver import Delivery
from campaigns.kills.story import Told

Amount = tuple[str, str, str]
"""An account, a currency, and what was available."""

_PERIOD = re.compile(r"^Period: (.+?) UTC to (.+?) UTC \(", re.MULTILINE)
_LATE = timedelta(seconds=30)


def wrong_readings(
    answers: Sequence[Told],
    imported: Iterable[Amount],
    kept: Iterable[Amount],
    by_wrong_clock: Collection[int] = (),
    set_aside: Iterable[Amount] = (),
) -> list[str]:
    """Hold the readings that are kept against what was answered and imported.

    An answer is recorded for certain once the same process asks the same account again; the others may be. What
    processes by a wrong clock read may be set aside; a clock that is set back keeps what was read last once more."""
    certain, possible = Counter[tuple[str, str, Decimal]](), Counter[tuple[str, str, Decimal]]()
    last: dict[str, Told] = {}
    for told in answers:
        before = last.get(told.account)
        if before is not None and before.process == told.process and told.process not in by_wrong_clock:
            certain.update(_amounts(before))
        possible.update(_amounts(told))
        last[told.account] = told
    brought_in = Counter((account, currency, Decimal(text)) for account, currency, text in imported)
    stored = Counter((account, currency, Decimal(text)) for account, currency, text in kept)
    aside = Counter((account, currency, Decimal(text)) for account, currency, text in set_aside)
    wrong = []
    for key in sorted(certain.keys() | possible.keys() | brought_in.keys() | stored.keys()):
        least, most = certain[key] + brought_in[key], possible[key] + brought_in[key]
        lost, invented = stored[key] + aside[key] < least, stored[key] > most and not by_wrong_clock
        if lost or invented:
            name = "lost" if lost else "invented"
            wrong.append(
                f"readings {name}: {key[0]} {key[1]} {key[2]} is kept {stored[key]} times, "
                f"and {least} to {most} were expected"
            )
    return wrong


def _amounts(told: Told) -> list[tuple[str, str, Decimal]]:
    return [(told.account, currency, Decimal(text)) for currency, text in told.level.amounts]


def wrong_summaries(
    deliveries: Sequence[Delivery], kills: Sequence[Kill], epoch: datetime, began: float, ended: float
) -> list[str]:
    """Hold the summaries of each minute against each other: each begins where the one before it ends, none comes
    early or twice, and none is missing up to the end. `epoch` (UTC) is when the instants' clock showed 0."""
    accepted = [one for one in deliveries if one.accepted]
    wrong: list[str] = []
    periods: list[tuple[datetime, datetime]] = []
    for before, one in zip([None, *accepted], accepted, strict=False):
        if (period := _PERIOD.search(one.body)) is None:
            wrong.append(f"not a summary: {one.title!r}")
            continue
        if before is not None and before.body == one.body:
            if not _may_come_again(before, one, kills):
                wrong.append(f"summary told again, and not next to a kill: {period[0]}")
            continue
        begins, ends = (
            datetime.strptime(f"{text} +0000", "%Y-%m-%d %H:%M:%S %z") for text in (period[1], period[2])
        )
        if periods and periods[-1][1] != begins:
            wrong.append(f"the summary to {periods[-1][1]} is followed by one from {begins}")
        if ends.replace(second=0) <= begins or epoch + timedelta(seconds=one.arrived) < ends:
            wrong.append(f"a summary before its time: {period[0]}")
        periods.append((begins, ends))
    over = epoch + timedelta(seconds=ended)
    last = periods[-1][1] if periods else epoch + timedelta(seconds=began)
    if over - last > timedelta(minutes=1) + _LATE:
        wrong.append(f"lost: no summary from {last} to the end, {over}")
    return wrong


def _may_come_again(sent: Delivery, again: Delivery, kills: Sequence[Kill]) -> bool:
    return sent.process < again.process and any(
        kill.process == sent.process and (sent.answered is None or kill.at - sent.answered <= NEAR)
        for kill in kills
    )


def utc_epoch(now: datetime, monotonic: float) -> datetime:
    """Return when (UTC) the monotonic clock showed 0."""
    return now.astimezone(UTC) - timedelta(seconds=monotonic)
