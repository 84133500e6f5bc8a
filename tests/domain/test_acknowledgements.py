"""Acknowledged, an alert neither reminds nor escalates, until it gets worse or is over. `a`: acknowledged there."""

import pytest

from monitor.domain.alerts import Ack, acknowledge, step, unacknowledge
from monitor.domain.rules import Policy

from .support import START, VERDICTS, firing, minutes, new_alert, notified, play, policy

REMINDS = policy(repeat=2)


@pytest.mark.parametrize(
    ("text", "acks", "quiet", "by", "expected"),
    [
        pytest.param("xxxxxx", "", "", REMINDS, "F.r.r.", id="nobody-knows-and-it-reminds"),
        pytest.param("xxxxxx", " a", "", REMINDS, "F.....", id="somebody-knows-and-it-does-not"),
        pytest.param("xxxxxx", "   a", "", REMINDS, "F.r...", id="from-then-on"),
        pytest.param("x?????", " a", "", REMINDS, "F.....", id="nor-while-nothing-is-known"),
        pytest.param("xx.", " a", "", REMINDS, "F.R", id="its-end-is-told"),
        pytest.param("xx.xxx", " a", "", REMINDS, "F.RF.r", id="over-removes-it"),
        pytest.param("xx.xxx", " a", "", policy(repeat=2, cooldown=9), "F.RF.r", id="also-in-its-cooldown"),
        pytest.param("wwcwwww", " a", "", REMINDS, "F.We.r.", id="worse-is-told-and-removes-it"),
        pytest.param("xxXxx", " a", "", REMINDS, "F.W.r", id="a-higher-level-too"),
        pytest.param("ccwwww", " a", "", REMINDS, "F.e...", id="relief-is-told-and-keeps-it"),
        pytest.param("ccwc...", " a", "", REMINDS, "F.eWR..", id="worse-after-relief-is-worse"),
        pytest.param("ccwcccc", " a", "", REMINDS, "F.eW.r.", id="and-removes-it"),
        pytest.param("wwccc", " a", "  #", REMINDS, "F..W.", id="worse-while-muted-is-told-after"),
        pytest.param("wwcwwwww", " a", "  #", REMINDS, "F.......", id="worse-and-back-while-muted-keeps-it"),
        pytest.param("xx.xxxxx", " a", "  ##", REMINDS, "F.......", id="an-end-nobody-heard-of-keeps-it"),
        pytest.param("xx.", " a", " ##", REMINDS, "F..", id="its-end-waits-for-the-mute"),
        pytest.param("xxxxx", "a", "##", REMINDS, "..F..", id="known-before-it-was-told-it-is-told-once"),
        pytest.param("xx.xxx", "a", "###", REMINDS, "...F.r", id="what-ended-untold-takes-its-ack-with-it"),
        pytest.param(
            "xx.xxx",
            "a",
            "###",
            policy(repeat=2, cooldown=9),
            "...F.r",
            id="within-its-cooldown-too",
        ),
        pytest.param(
            "x.xxxxxxx",
            "   a",
            "",
            policy(repeat=2, flaps=(2, 4)),
            "FR~..r...",
            id="flapping-acknowledged-settles-and-reminds-of-nothing",
        ),
        pytest.param(
            "x.x.xxxxxxx",
            "  a",
            "",
            policy(repeat=2, flaps=(2, 4)),
            "FR~....r...",
            id="whatever-it-did-while-it-flapped",
        ),
        pytest.param(
            "w.wcwwww", "  a", "", policy(repeat=2, flaps=(2, 60)), "FR~W....", id="flapping-worse-is-told"
        ),
    ],
)
def test_acknowledged(text: str, acks: str, quiet: str, by: Policy, expected: str) -> None:
    assert notified(text, by, acks=acks, quiet=quiet) == expected


def test_worse_while_flapping_removes_it() -> None:
    """It was of something milder."""
    alert, _ = play("w.wc", policy(flaps=(2, 60)), acks="  a")
    assert alert.ack is None


def test_who_when_and_why_is_kept() -> None:
    """As long as it holds."""
    alert, _ = play("xx?x", REMINDS, acks=" a")
    assert alert.ack is not None
    assert (alert.ack.by, alert.ack.reason) == ("ann", "on it")


def test_a_second_one_takes_the_place_of_the_first() -> None:
    """The newest knows best."""
    ack = Ack(by="bob", reason="mine now", at=START)
    alert = acknowledge(play("x", REMINDS, acks="a")[0], ack)
    assert alert.ack == ack


@pytest.mark.parametrize(
    "alert",
    [
        pytest.param(new_alert(), id="inactive"),
        pytest.param(play("x", policy(hold=5))[0], id="pending"),
        pytest.param(play("x.", policy(cooldown=5))[0], id="in-its-cooldown"),
    ],
)
def test_what_does_not_fire_cannot_be_acknowledged(alert: object) -> None:
    with pytest.raises(ValueError, match="is not firing: there is nothing to acknowledge"):
        acknowledge(alert, Ack(by="ann", reason="", at=START))  # type: ignore[arg-type]


def test_an_acknowledgement_taken_back_counts_from_then_on() -> None:
    """For three minutes it was acknowledged, and it is escalated once nobody has acknowledged it for three more."""
    alert, _ = play("xxxx", policy(), acks=" a")
    alert = unacknowledge(alert, START + minutes(3))
    told = []
    for minute in (4, 5, 6):
        alert, events = step(
            alert, VERDICTS["x"], policy(), START + minutes(minute), escalate_after=minutes(3)
        )
        told += [(minute, event.note) for event in events]
    assert told == [(6, "not acknowledged for 3m")]


def test_an_acknowledgement_taken_back_before_anything_was_notified_starts_no_clock() -> None:
    """It counts from the firing that is told after the mute."""
    alert, _ = play("xx", policy(), acks="a", quiet="##")
    assert unacknowledge(alert, START).announced_at is None


# Escalation: to others, when nobody has acknowledged it for so long


@pytest.mark.parametrize(
    ("text", "acks", "quiet", "by", "expected"),
    [
        pytest.param("xxxxxxx", "", "", policy(), "F..E...", id="after-three-minutes-and-once"),
        pytest.param("x??????", "", "", policy(), "F..E...", id="also-while-nothing-is-known"),
        pytest.param("xxxxxxx", " a", "", policy(), "F......", id="not-what-is-acknowledged"),
        pytest.param("xxxxxxx", "   a", "", policy(), "F..E...", id="too-late-it-stays-told"),
        pytest.param("xxx.", "", "", policy(), "F..R", id="not-what-is-over"),
        pytest.param("xxxx.", "", "", policy(), "F..ER", id="its-end-is-told"),
        pytest.param("xxx.xxxx", "", "", policy(), "F..RF..E", id="the-next-incident-counts-anew"),
        pytest.param("xxxx.xxxx", "", "", policy(cooldown=9), "F..ERF..E", id="so-does-the-next-firing"),
        pytest.param("wwccc", "", "", policy(), "F.WE.", id="worse-does-not-put-it-off"),
        pytest.param("wwwcc", "", "", policy(), "F..WE", id="worse-comes-first"),
        pytest.param(
            "wwcccccc", " a", "", policy(), "F.W..E..", id="worse-than-acknowledged-counts-from-then"
        ),
        pytest.param("xxxxx", "", "", policy(repeat=3), "F..E.", id="in-place-of-a-reminder"),
        pytest.param("xxxxxxx", "", "", policy(repeat=3), "F..E..r", id="which-counts-from-it"),
        pytest.param("xxxxx", "", "  ##", policy(), "F...E", id="not-while-muted"),
        pytest.param("xxxx.xxx", "", "    ##", policy(), "F..E....", id="once-though-it-ended-unheard-of"),
        pytest.param("x.xxxxxx", "", "", policy(flaps=(2, 60)), "FR~.....", id="not-while-it-flaps"),
        pytest.param("x.xxxxxx", "", "", policy(flaps=(2, 4)), "FR~..rE.", id="but-when-it-has-settled"),
        pytest.param("x....", "", "", policy(keep=9), "F..E.", id="also-while-it-is-kept"),
    ],
)
def test_escalated(text: str, acks: str, quiet: str, by: Policy, expected: str) -> None:
    assert notified(text, by, acks=acks, quiet=quiet, escalate=3) == expected


def test_it_says_how_long_nobody_took_it() -> None:
    """Counted from when it was told."""
    _, told = play("xxxx", policy(), escalate=3)
    assert told[-1][0].note == "not acknowledged for 3m"


def test_one_edited_to_be_later_is_not_notified_twice() -> None:
    """`escalate_after` from three minutes to four."""
    alert, _ = play("xxxx", policy(), escalate=3)
    _, told = play("xx", policy(), alert=alert, escalate=4, start=START.replace(minute=34))
    assert told == [(), ()]


def test_an_old_firing_escalates_as_soon_as_its_route_says_so() -> None:
    """`escalate_after` came into the file while it fires."""
    _, told = play("x", policy(), alert=firing(), escalate=3, start=START.replace(hour=20))
    assert [event.kind for event in told[0]] == ["escalated"]
