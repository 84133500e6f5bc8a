"""The checks of the soak test, and a short run of it. The long one is a command (docs/reliability.md)."""

import subprocess
import sys
from pathlib import Path

import pytest

from campaigns.harness import faketime
from campaigns.harness.program import ROOT
from campaigns.soak.samples import Sample, fitted
from campaigns.soak.scenario import CALM, COOLDOWN, EPISODE, KINDS, Course
from campaigns.soak.service import Message
from campaigns.soak.verdict import figures, judge

LOW = ("low", "clients/low-001/USD")


def message(kind: str, numbers: str, at: float = 0.0, incident: str = "0123456789") -> Message:
    """Return a message about `LOW`."""
    return Message(
        at=at,
        title=f"{kind} {LOW[0]}: {LOW[1]} available 500.0001 < 1000",
        name=f"Incident: {incident}, message {numbers}",
    )


FIRED, RESOLVED = message("WARNING", "1"), message("RESOLVED", "2")


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([FIRED, RESOLVED], id="fired, and resolved"),
        pytest.param([message("FIRED AND RESOLVED", "1-2")], id="both in one message"),
        pytest.param(
            [FIRED, message("WARNING still firing", "2"), message("RESOLVED", "3")], id="a reminder"
        ),
        pytest.param([FIRED, message("RESOLVED", "4")], id="reminders overtaken by the resolve"),
        pytest.param([FIRED, message("WARNING", "1", at=103.0), RESOLVED], id="once more, after a stop"),
    ],
)
def test_notifications_as_promised_are_accepted(messages: list[Message]) -> None:
    """One incident, fired and resolved, with or without reminders and a repetition after a stop."""
    assert judge({LOW: 1}, messages, [100.0]).wrong == []


@pytest.mark.parametrize(
    ("messages", "violation"),
    [
        pytest.param([], "0 incidents were notified, and 1 scripted", id="lost"),
        pytest.param([RESOLVED], "not notified from its firing on", id="a firing lost"),
        pytest.param([FIRED], "never resolved", id="a resolve lost"),
        pytest.param([RESOLVED, FIRED], "notified twice, or in the wrong order", id="in the wrong order"),
        pytest.param([FIRED, FIRED, RESOLVED], "notified twice, or in the wrong order", id="repeated, away from stops"),
        pytest.param(
            [FIRED, RESOLVED, message("FIRED AND RESOLVED", "1-2", incident="9876543210")],
            "2 incidents were notified, and 1 scripted",
            id="invented",
        ),
        pytest.param([Message(at=0.0, title="TEST", name="")], "not understood", id="no message of ours"),
    ],
)  # fmt: skip
def test_other_notifications_are_refused(messages: list[Message], violation: str) -> None:
    """A lost, repeated or invented message, or a wrong order, is a violation with a name."""
    assert violation in "; ".join(judge({LOW: 1}, messages, [-100.0]).wrong)


def test_a_course_rests_after_the_end_of_its_episode() -> None:
    """An episode begun before the end is finished, is counted once, and is followed by calm readings."""
    course = Course(KINDS["low"], LOW[1], number=0)
    answers = [course.next_answer() for _ in range(CALM + 1)]
    course.ending = True
    while not course.resting:
        answers.append(course.next_answer())
    assert answers == ["5000"] * CALM + [KINDS["low"].answer(p) for p in range(EPISODE)] + ["5000"] * COOLDOWN
    assert course.incidents == 1


def sample(polls: int, rss: int, cpu: float) -> Sample:
    """Return a sample of a warm process."""
    return Sample(
        seconds=float(polls), polls=polls, life=1, age=1000.0, cpu=cpu, rss=rss, pss=rss, fds=20, threads=5,
        file=10**7, wal=10**6, rows=1000, pending=0, load=1.0, yardstick=20.0,
    )  # fmt: skip


def test_a_growing_figure_does_not_level_off() -> None:
    """Memory that rises by a tenth in the second half, and a poll that becomes more expensive, are refused."""
    samples = [
        sample(polls, rss=10**8 + polls * 20, cpu=polls * 0.002 + polls**2 * 1e-9)
        for polls in range(0, 10**6, 10**4)
    ]
    growing = {figure.name for figure in figures(samples) if not figure.levels_off}
    assert growing == {"resident memory", "CPU of a poll"}


def test_a_line_is_fitted_through_points() -> None:
    """The rise is that of the line over all points, whatever the scatter around it."""
    trend = fitted([(0, 9.0), (1, 12.0), (2, 12.0), (3, 15.0)])
    assert [trend.mean, trend.most, trend.rise] == pytest.approx([12.0, 15.0, 5.4])


@pytest.mark.campaign
@pytest.mark.skipif(faketime.library() is None, reason="libfaketime is not installed")
def test_a_short_soak_notifies_every_incident(tmp_path: Path) -> None:
    """Two thousand polls with a restart and reloads: each incident is notified once, and the store is sound."""
    options = "--accounts 40 --every 5 --polls 2000 --restart-each 800 --reload-each 500 --sample-every 0.5"
    done = subprocess.run(
        [sys.executable, "-m", "campaigns.soak", *options.split(), "--brief", "--folder", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
