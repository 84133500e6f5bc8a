"""What is made for one visitor serves the others for a while."""

import threading

import pytest

from monitor.web.cache import LONGEST, SHORTEST, Cache


class Clock:
    """Seconds, set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("took", "kept"),
    [
        pytest.param(0.001, SHORTEST, id="what took nothing is kept for a moment"),
        pytest.param(0.2, 2.0, id="what took a while is kept for ten times as long"),
        pytest.param(60.0, LONGEST, id="and never for long"),
    ],
)
def test_a_thing_is_kept_for_ten_times_what_it_took_to_make(took: float, kept: float) -> None:
    """So that making it again and again takes a tenth of the time at most."""
    clock, made = Clock(), []
    cache: Cache[int] = Cache(clock=clock)

    def make() -> int:
        clock.now += took
        made.append(1)
        return len(made)

    assert cache.get("page", make) == 1
    clock.now += kept * 0.99
    assert cache.get("page", make) == 1
    clock.now += kept * 0.02
    assert cache.get("page", make) == 2


def test_many_who_ask_at_once_have_it_made_once() -> None:
    """The others wait for the first."""
    cache: Cache[int] = Cache()
    began, go_on, made = threading.Event(), threading.Event(), []

    def make() -> int:
        began.set()
        assert go_on.wait(30)
        made.append(1)
        return 7

    found: list[int] = []
    asking = [threading.Thread(target=lambda: found.append(cache.get("page", make))) for _ in range(8)]
    for one in asking:
        one.start()
    assert began.wait(30)
    go_on.set()
    for one in asking:
        one.join(30)
    assert (found, made) == ([7] * 8, [1])


def test_what_fails_is_not_kept() -> None:
    """The next one tries again."""
    cache: Cache[int] = Cache()
    with pytest.raises(ZeroDivisionError):
        cache.get("page", lambda: 1 // 0)
    assert cache.get("page", lambda: 5) == 5


def test_no_more_is_kept_than_there_is_room_for() -> None:
    """What was used longest ago goes first."""
    cache: Cache[str] = Cache(2, Clock())
    cache.get("a", lambda: "a")
    cache.get("b", lambda: "b")
    cache.get("a", lambda: "another")
    cache.get("c", lambda: "c")
    assert [cache.get(key, lambda: "anew") for key in ("a", "c", "b")] == ["a", "c", "anew"]
