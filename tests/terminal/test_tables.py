"""Tables on terminals of any width: no amount and no id is ever cut, whatever has to go for that."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console

from monitor.alerting.status import JobStatus, Status
from monitor.domain.model import Reading, Severity, State, Subject
from monitor.readings.history import HistoryQuery, ReadingsPage
from monitor.store.read.state import AlertStatus, SeriesStatus
from monitor.terminal.readings import show_history
from monitor.terminal.status import show_status
from monitor.terminal.tables import shortened, without_middle
from monitor.terminal.watch import WatchState, screen

NOW = datetime(2026, 11, 21, 2, 40, tzinfo=UTC)
WIDTHS = (20, 30, 40, 60, 80, 140)
LONG = (
    "A" * 80 + "_客户_" + "B" * 90
)  # an account; with its job and currency a hundred and seventy-six characters
HUGE = "123456789012345678901234567890"
Show = Callable[[Status, int], str]
HUGE_GROUPED = "123,456,789,012,345,678,901,234,567,890"


def _series(account: str, available: str | None, currency: str = "USD") -> SeriesStatus:
    return SeriesStatus(
        job="clients",
        account=account,
        currency=currency,
        total=available,
        available=available,
        locked=None if available is None else "0.25",
        observed_at=NOW,
        updated_at=None,
        missing=0,
    )


def _alert(account: str, amount: str, state: str = State.FIRING, number: int = 1) -> AlertStatus:
    return AlertStatus(
        id=f"C2FX7KP{number}",
        rule="available-too-low",
        subject=Subject(f"clients/{account}/USD"),
        state=state,
        severity=Severity.WARNING,
        since=NOW - timedelta(minutes=3),
        reason=f"available {amount} < 1000.00 (limit of clients)",
    )


def _status(balances: Sequence[SeriesStatus], alerts: Sequence[AlertStatus]) -> Status:
    job = JobStatus(
        name="clients",
        provider="wdcf",
        accounts=2,
        last_poll=NOW,
        outcome="unavailable",
        detail="HTTP 503 from https://wdcf.example/balances/of/this/client",
        consecutive_failures=3,
        failing=1,
        missed_runs=0,
        overdue=False,
    )
    return Status(
        at=NOW,
        jobs=(job,),
        balances=tuple(balances),
        alerts=tuple(alerts),
        pauses=(),
        notifications={"pending": 0, "failed": 0, "delivered": 2},
    )


SHORT_NAMES = _status(
    [_series("CLIENT_001", "1500.50"), _series("CLIENT_002", "22.75"), _series("CLIENT_003", None)],
    [_alert("CLIENT_001", "900.50"), _alert("CLIENT_002", "22.75", State.PENDING, 2)],
)
LONG_NAMES = _status([_series(LONG, "1500.50"), _series(LONG, HUGE, "EUR")], [_alert(LONG, HUGE)])


def _terminal(width: int, height: int = 60) -> Console:
    return Console(
        file=StringIO(), force_terminal=True, color_system=None, width=width, height=height, highlight=False
    )


def _plain(status: Status, width: int) -> str:
    console = _terminal(width)
    show_status(console, status)
    return _text(console)


def _watched(status: Status, width: int, height: int = 60) -> str:
    console = _terminal(width, height)
    console.print(screen(console, WatchState(status), "2s", NOW))
    return _text(console)


def _text(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def _joined(text: str) -> str:
    """What was folded over several lines, in one piece."""
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("show", [_plain, _watched])
def test_amounts_are_whole_at_any_width(show: Show, width: int) -> None:
    """Every one of them, on a line of its own if need be, and no part of one."""
    text = show(SHORT_NAMES, width)
    assert {"1,500.50", "22.75"} <= set(text.split())
    assert not re.search(r"\d…", text)
    assert all(len(line) <= width for line in text.splitlines())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("show", [_plain, _watched])
def test_an_amount_of_thirty_digits_is_whole_at_any_width(show: Show, width: int) -> None:
    """Folded where a line is shorter than it is."""
    text = show(LONG_NAMES, width)
    assert HUGE_GROUPED in _joined(text)
    assert HUGE_GROUPED in text or width < len(HUGE_GROUPED) + 2
    assert not re.search(r"\d…", text)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("show", [_plain, _watched])
def test_ids_are_whole_or_absent(show: Show, width: int) -> None:
    """Half an id can't be acknowledged."""
    text = show(SHORT_NAMES, width)
    assert re.sub("C2FX7KP[12]", "", text).count("C2F") == 0


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("show", [_plain, _watched])
def test_severities_and_states_are_whole_or_absent(show: Show, width: int) -> None:
    """`wa…` and `f…` tell nothing."""
    text = show(SHORT_NAMES, width)
    assert "warning" in text
    assert not re.search(r"\b(wa|fi)\w*…", text)


@pytest.mark.parametrize("width", [30, 40, 60, 80])
def test_columns_go_before_text_is_folded_to_shreds(width: int) -> None:
    """`2m 8s ago` is on one line, or not there."""
    minutes = replace(SHORT_NAMES, at=NOW + timedelta(minutes=2, seconds=8))
    text = _plain(minutes, width)
    assert not re.search(r"\b2m(?! 8s ago)", text)


@pytest.mark.parametrize("width", WIDTHS)
def test_history_shows_whole_amounts_at_any_width(width: int) -> None:
    """Changes go first; what is said between the rows stays."""
    query = HistoryQuery(
        series="a/b/C", since=NOW - timedelta(hours=1), until=NOW, gap_after=timedelta(minutes=15)
    )
    amounts = (HUGE, "1500.50")
    readings = tuple(
        Reading(observed_at=NOW - timedelta(minutes=50 - number), total=Decimal(one), available=Decimal(one))
        for number, one in enumerate(amounts)
    )
    console = _terminal(width)
    show_history(
        console, ReadingsPage(query=query, readings=readings, count=2, before=None, gaps=()), "available"
    )
    text = _text(console)
    assert HUGE_GROUPED in _joined(text)
    assert "1,500.50" in text
    assert "noreadingfor49m" in _joined(text)
    assert all(len(line) <= width for line in text.splitlines()[1:])


@pytest.mark.parametrize("width", WIDTHS)
def test_names_can_be_distinguished(width: int) -> None:
    """`client…` may be any of them; the end of a name is kept."""
    text = _watched(SHORT_NAMES, width)
    assert all(f"00{number}/USD" in text for number in (1, 2, 3))


def test_on_a_wide_terminal_nothing_is_left_out() -> None:
    """Every column, on one line."""
    line = next(line for line in _watched(SHORT_NAMES, 140).splitlines() if "C2FX7KP1" in line)
    assert line.split()[:4] == ["available-too-low", "warning", "firing", "clients/CLIENT_001/USD"]
    assert "available 900.50 < 1000.00 (limit of clients)" in line


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("status", [SHORT_NAMES, LONG_NAMES], ids=["short-names", "long-names"])
def test_a_screenful_is_no_higher_than_the_screen(status: Status, width: int) -> None:
    """Rows of several lines are counted as such, so that the last line is still to be seen."""
    lines = _watched(status, width, 16).splitlines()
    assert len(lines) <= 16
    assert lines[-1].startswith("notifications: 0")


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        pytest.param("available 900 < 1000", 20, "available 900 < 1000", id="what fits is whole"),
        pytest.param("available 900 < 1000", 19, "available 900 < …", id="an amount is left out as a whole"),
        pytest.param("available 900 < 1000", 15, "available 900 …", id="an amount that just fits is kept"),
        pytest.param("available 900 < 1000", 13, "available …", id="an amount that just does not fit is not"),
        pytest.param("available 900 < 1000", 5, "avai…", id="a word without digits may be cut"),
        pytest.param("123456", 3, "…", id="an amount with nothing before it"),
        pytest.param("客户客户", 6, "客户…", id="wide characters"),
        pytest.param("a\nb", 9, "a b", id="a line break"),
    ],
)
def test_a_sentence_is_shortened_between_words(text: str, width: int, shown: str) -> None:
    """With a mark that something is missing."""
    assert shortened(text, width) == shown


@pytest.mark.parametrize(
    ("name", "width", "shown"),
    [
        pytest.param("clients/A/USD", 13, "clients/A/USD", id="what fits is whole"),
        pytest.param("clients/A/USD", 9, "clie…/USD", id="both ends are kept"),
        pytest.param("客户客户客户", 8, "客户…户", id="wide characters"),
    ],
)
def test_a_name_loses_its_middle(name: str, width: int, shown: str) -> None:
    """Of two clients' names the ends differ."""
    assert without_middle(name, width) == shown
