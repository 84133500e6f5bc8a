"""What a heartbeat may say: whether the work gets on."""

import pytest

from monitor.domain.progress import Progress

from .support import START, minutes


def progress(overdue: int = 0, due: float | None = None, hanging: float | None = None) -> Progress:
    """So many accounts overdue, a message due and an attempt begun so many minutes ago."""
    ago = {"due_since": due, "hanging_since": hanging}
    since = {name: None if count is None else START - minutes(count) for name, count in ago.items()}
    return Progress(
        accounts=3, overdue=overdue, due_since=since["due_since"], hanging_since=since["hanging_since"]
    )


@pytest.mark.parametrize(
    ("stands", "said"),
    [
        pytest.param(progress(), "", id="all-is-well"),
        pytest.param(
            progress(overdue=2),
            "2 of 3 accounts were not polled when they should have been",
            id="polls-are-not-made",
        ),
        pytest.param(progress(due=4.9), "", id="a-message-waits-its-turn"),
        pytest.param(
            progress(due=6),
            "a notification due at 2026-02-01 14:24:00 UTC has not been tried for 6m",
            id="a-message-is-left-lying",
        ),
        pytest.param(progress(hanging=4.9), "", id="a-slow-channel"),
        pytest.param(
            progress(hanging=5),
            "an attempt to deliver a notification has hung since 2026-02-01 14:25:00 UTC",
            id="a-channel-that-never-answers",
        ),
    ],
)
def test_what_is_trouble(stands: Progress, said: str) -> None:
    assert stands.problem(START) == said
