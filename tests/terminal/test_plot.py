"""What a chart in a terminal shows, by its characters."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from monitor.readings.history import HistoryQuery, TerminalChart
from monitor.store.read.readings import Curve, Point
from monitor.terminal.plot import Size, plot

UNTIL = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SINCE = UNTIL - HOUR


def _picture(*readings: tuple[float, str], gaps: tuple[tuple[float, float], ...] = ()) -> TerminalChart:
    """An hour; of each reading its minute and amount, of each gap the minutes where it begins and ends."""
    points = tuple(Point(at=SINCE + minute * MINUTE, amount=amount) for minute, amount in readings)
    between = tuple((SINCE + begins * MINUTE, SINCE + ends * MINUTE) for begins, ends in gaps)
    return TerminalChart(
        query=HistoryQuery(series="a/b/C", since=SINCE, until=UNTIL, gap_after=15 * MINUTE),
        field="available",
        curve=Curve(points=points, gaps=between, readings=len(points)),
        limits=(),
        firing=(),
    )


def _canvas(picture: TerminalChart) -> list[str]:
    """What is between the axes."""
    lines = plot(picture, Size(80, 24), colour=False).splitlines()
    return [row[1].rstrip("│") for line in lines if len(row := re.split("[│┤]", line, maxsplit=1)) > 1]


def _labels(picture: TerminalChart) -> list[str]:
    """What is written beside the axis of amounts."""
    lines = plot(picture, Size(80, 24), colour=False).splitlines()
    return [line.partition("┤")[0].strip() for line in lines if "┤" in line]


def _is_drawn(row: str, begins: float, ends: float) -> bool:
    """Whether there is something in every column of a part of a row, given in minutes."""
    part = row[round(begins / 60 * len(row)) : round(ends / 60 * len(row))]
    return " " not in part


def test_an_amount_holds_until_the_next_one() -> None:
    """Steps, as in the page and in messages: no slope says that a balance went up slowly."""
    rows = [row for row in _canvas(_picture((0, "0"), (50, "100"), (59, "100"))) if row.strip()]
    highest, *between, lowest = rows
    assert _is_drawn(highest, 51, 59)
    assert _is_drawn(lowest, 1, 49)
    assert {len(row.strip()) for row in between} == {1}


def test_the_newest_amount_holds_until_now() -> None:
    """As long as it is no older than readings may be apart."""
    assert any(_is_drawn(row, 49, 59) for row in _canvas(_picture((0, "0"), (48, "100"))))
    assert not any(_is_drawn(row, 31, 59) for row in _canvas(_picture((0, "0"), (30, "100"))))


def test_a_lone_reading_between_gaps_is_seen() -> None:
    """A dot on a line of its own."""
    rows = _canvas(_picture((0, "5"), (30, "7"), (60, "5"), gaps=((0, 30), (30, 60))))
    assert sum(row.count("●") for row in rows) == 3


def test_nothing_is_drawn_in_a_gap() -> None:
    """Also where the readings beside it were thinned away: the line goes up to where it begins."""
    (row,) = [
        row for row in _canvas(_picture((0, "5"), (10, "5"), (50, "5"), gaps=((20, 40),))) if row.strip()
    ]
    assert _is_drawn(row, 1, 19)
    assert not row[round(21 / 60 * len(row)) : round(39 / 60 * len(row))].strip()


@pytest.mark.parametrize(
    ("amounts", "wanted"),
    [
        pytest.param(("-5", "5"), "0", id="zero has no sign"),
        pytest.param(("999999999.5", "1000000000.5"), "1,000,000,000.0", id="a billion, give or take a half"),
        pytest.param(("1" + "0" * 29, "2" + "0" * 29), "1.4e+29", id="thirty digits"),
    ],
)
def test_amounts_beside_a_chart_are_true(amounts: tuple[str, str], wanted: str) -> None:
    """As many digits as tell them apart."""
    labels = _labels(_picture((0, amounts[0]), (50, amounts[1])))
    assert wanted in labels
    assert "-0" not in labels
    assert len(set(labels)) == len(labels)
