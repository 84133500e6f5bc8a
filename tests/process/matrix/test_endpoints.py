"""Endpoints that fail in every way we could think of: each a cell, with its outcome, its alert and its recovery."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import groupby, pairwise

import pytest

from tests.process.stage import Stage, inspects
from tests.process.support import balances, incident, jobs

from .cells import CELLS, Cell
from .certificates import CAN_BE_MADE
from .service import AMOUNTS
from .table import Seen, Table, about

MOST_GROWTH = 40 * 1024 * 1024
"""Bytes of memory that all faults together may cost: less than half of one of the bodies of 100 MB."""

TABLE = Table(CELLS)
over_the_table = inspects(TABLE.act)


@pytest.fixture
def seen(stage: Stage) -> Seen:
    """What the one run over all cells has shown."""
    return TABLE.seen_or_fail(stage)


def each(condition: Callable[[Cell], object] = lambda cell: True) -> pytest.MarkDecorator:
    """Makes a test of each cell for which the condition holds."""
    no_tls = pytest.mark.skipif(not CAN_BE_MADE, reason="makes its certificates with openssl")
    return pytest.mark.parametrize(
        "cell",
        [
            pytest.param(cell, id=cell.provider, marks=[no_tls] if cell.tls else [])
            for cell in CELLS
            if condition(cell)
        ],
    )


@over_the_table
def test_run(stage: Stage) -> None:
    """One process is led through all cells, and ends as ever."""
    seen = TABLE.result(stage)
    errors = [line for line in seen.log.splitlines() if " ERROR " in line or "Traceback" in line]
    assert (seen.code, errors) == (0, [])


@over_the_table
@each()
def test_outcome(seen: Seen, cell: Cell) -> None:
    """The store's polls and the status name the kind of failure and what was seen; it comes and goes once."""
    polls, shown = seen.polls[cell.job], jobs(seen.during)[cell.job]
    kinds = [kind for kind, _ in groupby(poll.outcome for poll in polls)]
    if cell.lacks_currency:
        assert kinds == ["ok"]
        return
    assert kinds == ["ok", cell.outcome, "ok"] or (not cell.seen_ending and kinds == ["ok", cell.outcome])
    assert [poll.detail for poll in polls if cell.detail not in poll.detail and poll.outcome != "ok"] == []
    assert (shown["outcome"], cell.detail in shown["detail"]) == (cell.outcome, True)


@over_the_table
@each()
def test_alert(seen: Seen, cell: Cell) -> None:
    """Fired and resolved are told, once each, of one incident and of the right subject; or nothing at all is."""
    expected = []
    if cell.fires:
        expected.append(("WARNING endpoint-failing", "warning", "1"))
    if cell.fires and cell.seen_ending:
        expected.append(("RESOLVED endpoint-failing", "success", "2"))
    messages = seen.messages_about(cell)
    assert [(one.title.partition(":")[0], one.type, incident(one)[1]) for one in messages] == expected
    assert {about(one) for one in messages} <= {cell.subject}
    assert all(re.search(cell.fires_at, one.title) for one in messages[:1])
    assert len({incident(one)[0] for one in messages}) <= 1
    firing = [alert for alert in seen.during["alerts"] if alert["rule"] == "endpoint-failing"]
    mine = [(one["state"], one["severity"]) for one in firing if one["series"] == cell.subject]
    assert mine == ([("firing", "warning")] if cell.fires else [])


@over_the_table
@each()
def test_balance(seen: Seen, cell: Cell) -> None:
    """The amounts stay those of the last reading, with its time: unknown is not zero."""
    shown = balances(seen.during)[cell.series]
    assert {name: shown[name] for name in ("total", "locked", "available")} == AMOUNTS[cell.kind]
    read = [poll for poll in seen.polls[cell.job] if poll.outcome == "ok"]
    if not cell.lacks_currency:
        failed_at = next(poll.finished_at for poll in seen.polls[cell.job] if poll.outcome != "ok")
        last = max(poll.finished_at for poll in read if poll.finished_at < failed_at)
        assert datetime.fromisoformat(shown["observed_at"]) == last


@over_the_table
@each()
def test_other_alerts(seen: Seen, cell: Cell) -> None:
    """The threshold that fired before still fires and is told no more; the others stay quiet."""
    for shown in (seen.during, seen.after):
        rules = {alert["rule"] for alert in shown["alerts"] if alert["series"] == cell.series}
        assert rules - {"endpoint-failing"} == {"full"}
    told = [one.title.partition(":")[0] for one in seen.lasting if about(one) == cell.series]
    assert told == ["INFO full"]


@over_the_table
@each(lambda cell: cell.seen_ending)
def test_recovery(seen: Seen, cell: Cell) -> None:
    """Once the fault is over the account is read again, and nothing is left of the alert."""
    shown = balances(seen.after)[cell.series]
    assert (jobs(seen.after)[cell.job]["outcome"], shown["missing"]) == ("ok", 0)
    assert datetime.fromisoformat(shown["observed_at"]) > seen.polls[cell.job][0].finished_at
    firing = [alert["series"] for alert in seen.after["alerts"] if alert["rule"] == "endpoint-failing"]
    assert cell.subject not in firing


@over_the_table
@each(lambda cell: cell.paused)
def test_pause(seen: Seen, cell: Cell) -> None:
    """Nothing is sent before the pause is over, neither in the fault nor when it has ended."""
    asked = seen.asked[cell.provider]
    sent = [poll.outcome for poll in seen.polls[cell.job] if "nothing sent" not in poll.detail]
    assert cell.paused is not None
    gaps = [
        later - earlier
        for (earlier, later), outcome in zip(pairwise(asked), sent, strict=False)
        if outcome == cell.outcome
    ]
    assert len(gaps) >= 2 or not cell.seen_ending
    assert all(gap >= cell.paused.total_seconds() for gap in gaps)
    assert len(asked) - len(sent) in (0, 1)  # one may have been under way at the end


@over_the_table
@each(lambda cell: cell.paused and not cell.seen_ending)
def test_long_pause(seen: Seen, cell: Cell) -> None:
    """Until when the host is paused is stored and shown: for an hour, or until the service's minute is over."""
    answered = next(poll.finished_at for poll in seen.polls[cell.job] if poll.outcome != "ok")
    port = seen.ports[cell.provider]
    [pause] = [one for one in seen.during["pauses"] if one["host"].endswith(f":{port}")]
    lasts = datetime.fromisoformat(pause["until"]) - answered
    assert cell.paused is not None
    assert cell.paused - timedelta(seconds=5) < lasts <= cell.paused
    assert pause["outcome"] == cell.outcome


@over_the_table
def test_a_redirect_is_not_followed(seen: Seen) -> None:
    """The host that the redirect named was never asked, nor even connected to."""
    assert seen.asked_elsewhere == 0


@over_the_table
def test_memory(seen: Seen) -> None:
    """Bodies of 100 MB, compressed or not, are not read: all faults together cost less than half of one."""
    assert seen.memory_after - seen.memory_before < MOST_GROWTH


@over_the_table
def test_nothing_else_is_notified(seen: Seen) -> None:
    """No message but those of the cells; the check says unknown, and nothing is left to be told."""
    known = {subject for cell in CELLS for subject in (cell.subject, cell.series)}
    assert {about(one) for one in seen.messages} <= known
    assert seen.check == 3
    told = {"delivered": len(seen.messages) + len(seen.lasting), "pending": 0, "failed": 0}
    assert seen.after["notifications"] == told
