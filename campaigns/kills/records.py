"""Find violations in the stored readings and in the summaries. Pure, as `checker.py` is."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from campaigns.kills.checker import NEAR, Kill
from campaigns.kills.receiver import Delivery
from campaigns.kills.script import Response

Amount = tuple[str, str, str]
"""An account, a currency, and the available amount."""

_PERIOD = re.compile(r"^Period: (.+?) UTC to (.+?) UTC \(", re.MULTILINE)
_LATE = timedelta(seconds=30)


def wrong_readings(
    responses: Sequence[Response],
    imported: Iterable[Amount],
    kept: Iterable[Amount],
    by_wrong_clock: Collection[int] = (),
    set_aside: Iterable[Amount] = (),
) -> list[str]:
    """Return the differences between the stored readings, and those that were sent and imported.

    A response is recorded for certain once the same process requests the same account again; other responses may be.
    Readings of processes with a wrong clock may be set aside. If a clock is set back, the last reading may be stored
    once more."""
    certain, possible = Counter[tuple[str, str, Decimal]](), Counter[tuple[str, str, Decimal]]()
    last: dict[str, Response] = {}
    for response in responses:
        before = last.get(response.account)
        is_repeated = before is not None and before.process == response.process
        if before and is_repeated and response.process not in by_wrong_clock:
            certain.update(_amounts(before))
        possible.update(_amounts(response))
        last[response.account] = response
    imported_ = Counter((account, currency, Decimal(text)) for account, currency, text in imported)
    stored = Counter((account, currency, Decimal(text)) for account, currency, text in kept)
    aside = Counter((account, currency, Decimal(text)) for account, currency, text in set_aside)
    wrong = []
    for key in sorted(certain.keys() | possible.keys() | imported_.keys() | stored.keys()):
        least, most = certain[key] + imported_[key], possible[key] + imported_[key]
        lost, invented = stored[key] + aside[key] < least, stored[key] > most and not by_wrong_clock
        if lost or invented:
            name = "lost" if lost else "invented"
            wrong.append(
                f"readings {name}: {key[0]} {key[1]} {key[2]} is stored {stored[key]} times, "
                f"and {least} to {most} were expected"
            )
    return wrong


def _amounts(response: Response) -> list[tuple[str, str, Decimal]]:
    return [(response.account, currency, Decimal(text)) for currency, text in response.level.amounts]


def wrong_summaries(
    deliveries: Sequence[Delivery], kills: Sequence[Kill], epoch: datetime, began: float, ended: float
) -> list[str]:
    """Return the violations in the summaries of each minute: gaps, overlaps, summaries early, repeated or missing.

    `epoch` (UTC) is when the clock of the instants showed 0; `began` and `ended` are such instants."""
    accepted = [one for one in deliveries if one.accepted]
    wrong: list[str] = []
    periods: list[tuple[datetime, datetime]] = []
    for before, one in zip([None, *accepted], accepted, strict=False):
        if (period := _PERIOD.search(one.body)) is None:
            wrong.append(f"not a summary: {one.title!r}")
            continue
        if before is not None and before.body == one.body:
            if not _may_come_again(before, one, kills):
                wrong.append(f"summary sent again, and not next to a kill: {period[0]}")
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
