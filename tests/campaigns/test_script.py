"""A script advances by requests, and no kill makes it skip a level."""

from collections.abc import Callable

from campaigns.kills.script import FINAL, Level, Player, Script


def player(*levels: Level, cycles: int = 0) -> Player:
    """Return a player of these levels, for so many cycles, and of an end."""
    end = Level(name="end", status=200, body="")
    return Player(Script(account="a", cycle=lambda n: levels, final=[end]), lambda n: n < cycles)


def level(name: str, readings: int = 1, lasts: float = 0.0, *, once: bool = False) -> Level:
    """Return a level without a body."""
    return Level(name=name, status=200, body="", readings=readings, lasts=lasts, once=once)


def names(of: Player, processes: str) -> str:
    """Return the responses to processes that each send a request a second: the first letters of the levels."""
    return "".join(of.ask(int(process), at).level.name[0] for at, process in enumerate(processes))


def test_a_response_counts_once_the_same_process_sends_a_request_again() -> None:
    """One process: each level is sent as often as it demands."""
    assert names(player(level("a", 2), level("b")), "1111") == "aabe"


def test_a_response_to_a_killed_process_does_not_count() -> None:
    """The last response to the first process may not have been recorded, so the next one gets it again."""
    assert names(player(level("a"), level("b")), "12233") == "aabbe"


def test_processes_killed_after_each_response_get_the_first_level_for_ever() -> None:
    """Without certainty there is no progress."""
    assert names(player(level("a"), level("b")), "123456") == "aaaaaa"


def test_a_level_lasts_from_its_first_certain_reading() -> None:
    """It is certain from 1 s on; the first certain reading that was requested at least 3 s later is that of 4 s."""
    assert names(player(level("a", lasts=3), level("b")), "1111111") == "aaaaabe"


def test_a_level_with_once_is_sent_to_one_request_only() -> None:
    """It does not matter whether it was recorded."""
    assert names(player(level("a", once=True), level("b")), "12334") == "abbee"


def test_the_end_comes_after_the_cycle() -> None:
    """Two cycles, then the end, which is finished once it is certain."""
    played = player(level("a"), level("b"), cycles=2)
    assert names(played, "11111") == "ababe"
    assert (played.cycle, played.finished) == (FINAL, False)
    played.ask(1, 5)
    assert played.finished


def test_a_level_with_an_act_lasts_until_that_is_done() -> None:
    """The act begins once, with the first response of the level."""
    begun: list[str] = []
    done = False

    def begin(account: str, cycle: int, level: Level) -> Callable[[], bool]:
        begun.append(level.name)
        return lambda: done or not level.act

    levels = [Level(name="a", status=200, body="", act="wait"), level("b")]
    end = Level(name="end", status=200, body="")
    played = Player(Script(account="a", cycle=lambda n: levels, final=[end]), lambda n: False, begin)
    assert names(played, "1213") == "aaaa"
    done = True
    assert names(played, "3333") == "beee"
    assert begun == ["a", "b", "end"]
