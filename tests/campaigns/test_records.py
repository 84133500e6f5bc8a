"""The kill campaign's checks of readings and of summaries: tables of what they have to accept and to refuse."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.kills.checker import Kill
from campaigns.kills.receiver import Delivery
from campaigns.kills.records import wrong_readings, wrong_summaries
from campaigns.kills.script import Level, Response

EPOCH = datetime(2026, 2, 1, 14, tzinfo=UTC)


def responses(*sent: tuple[int, str]) -> list[Response]:
    """Return the responses of one account: the process that sent the request, and an amount."""
    return [
        Response(
            account="G1",
            cycle=0,
            level=Level(name="low", status=200, body="", amounts=(("USD", amount),)),
            process=process,
            at=float(at),
            fresh=False,
        )
        for at, (process, amount) in enumerate(sent)
    ]


def kept(*amounts: str) -> list[tuple[str, str, str]]:
    """Return readings as they are stored."""
    return [("G1", "USD", amount) for amount in amounts]


@pytest.mark.parametrize(
    ("amounts", "violation"),
    [
        pytest.param(["5.0001", "5.0001", "7.1"], "", id="all of them"),
        pytest.param(["5.0001", "7.1"], "", id="without the last response to a killed process"),
        pytest.param(["7.1"], "readings lost: G1 USD 5.0001", id="without one that is certain"),
        pytest.param(["5.0001", "5.0001"], "readings lost: G1 USD 7.1", id="without one that was imported"),
        pytest.param(
            ["5.0001", "5.0001", "7.1", "5"], "readings invented: G1 USD 5 ", id="one of another amount"
        ),
        pytest.param(["5.0001"] * 4 + ["7.1"], "readings invented", id="one too many"),
    ],
)
def test_readings(amounts: list[str], violation: str) -> None:
    """A response is certain once the same process has sent a request again; an import is, once it has succeeded."""
    sent = responses((1, "5.0001"), (1, "5.0001"), (2, "5.0001"))
    wrong = "\n".join(wrong_readings(sent, kept("7.1"), kept(*amounts)))
    assert (violation in wrong) if violation else not wrong


def test_readings_of_a_process_with_a_wrong_clock_may_be_set_aside() -> None:
    """Those of other processes may not."""
    sent = responses((1, "5.0001"), (1, "5.0001"), (2, "6.0001"), (2, "6.0001"))
    assert wrong_readings(sent, [], kept("5.0001"), by_wrong_clock={2}) == []
    assert "readings lost: G1 USD 5.0001" in wrong_readings(sent, [], kept("6.0001"), by_wrong_clock={2})[0]


def summary(begins: str, ends: str, at: float, process: int = 1) -> Delivery:
    """Return the summary of a minute, arrived `at` seconds after 14:00."""
    body = f"4 balances\nPeriod: 2026-02-01 14:{begins} UTC to 2026-02-01 14:{ends} UTC (1m)"
    title = "SUMMARY: 4 balances, 2 changed, nothing fires"
    return Delivery(
        url="/digest", process=process, arrived=at, answered=at, accepted=True, title=title, body=body
    )


FIRST, SECOND = summary("00:20", "01:00", 61), summary("01:00", "02:00", 121)


@pytest.mark.parametrize(
    ("deliveries", "violation"),
    [
        pytest.param([FIRST, SECOND], "", id="each minute"),
        pytest.param([FIRST, summary("01:00", "02:40", 161)], "", id="late"),
        pytest.param([FIRST, summary("01:00", "01:00", 62, 2), SECOND], "before its time", id="one too many"),
        pytest.param([FIRST, summary("01:30", "02:00", 121)], "is followed by one from", id="a gap"),
        pytest.param([FIRST, summary("00:50", "02:00", 121)], "is followed by one from", id="an overlap"),
        pytest.param([FIRST], "lost: no summary", id="none in the end"),
        pytest.param([FIRST, FIRST, SECOND], "sent again", id="twice"),
        pytest.param([FIRST, summary("00:20", "01:00", 63, 2), SECOND], "", id="again after a kill"),
        pytest.param([summary("00:20", "01:00", 59), SECOND], "before its time", id="sent before its end"),
    ],
)
def test_summaries(deliveries: list[Delivery], violation: str) -> None:
    """Each begins where the last one ended, at a full minute or later, and comes once; process 1 is killed at 61.2."""
    kill = Kill(number=1, aim="", saw="", process=1, launched=0, at=61.2, running=True, code=-9)
    began, ended = 20.0, 200.0
    wrong = "\n".join(wrong_summaries(deliveries, [kill], EPOCH, began, ended))
    assert (violation in wrong) if violation else not wrong
    assert EPOCH + timedelta(seconds=ended) < EPOCH + timedelta(minutes=4)
