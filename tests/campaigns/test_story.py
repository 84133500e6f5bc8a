"""The story goes on by what was asked, and no kill makes it skip a level."""

from collections.abc import Callable

from campaigns.kills.story import FINAL, Level, Part, Teller


def teller(*levels: Level, cycles: int = 0) -> Teller:
    """A teller of these levels, so many cycles of them, and of an end."""
    end = Level(name="end", status=200, body="")
    return Teller(Part(account="a", cycle=lambda n: levels, final=[end]), lambda n: n < cycles)


def level(name: str, readings: int = 1, lasts: float = 0.0, *, once: bool = False) -> Level:
    """A level without a body."""
    return Level(name=name, status=200, body="", readings=readings, lasts=lasts, once=once)


def names(of: Teller, asked: str) -> str:
    """What processes, each asking once a second, are told: the first letters of the levels."""
    return "".join(of.ask(int(process), at).level.name[0] for at, process in enumerate(asked))


def test_an_answer_counts_once_the_same_process_asks_again() -> None:
    """One process: each level is told as often as it asks for."""
    assert names(teller(level("a", 2), level("b")), "1111") == "aabe"


def test_an_answer_to_a_killed_process_does_not_count() -> None:
    """What the first process was told last may not have been recorded, so the next one is told it again."""
    assert names(teller(level("a"), level("b")), "12233") == "aabbe"


def test_a_process_killed_after_each_answer_hears_the_first_level_for_ever() -> None:
    """Without certainty there is no progress."""
    assert names(teller(level("a"), level("b")), "123456") == "aaaaaa"


def test_a_level_lasts_from_its_first_certain_reading() -> None:
    """Certain from 1 s on; the first certain one asked for 3 s later or more is that of 4 s."""
    assert names(teller(level("a", lasts=3), level("b")), "1111111") == "aaaaabe"


def test_a_level_told_once_is_told_to_one_request_only() -> None:
    """Whether or not it was recorded."""
    assert names(teller(level("a", once=True), level("b")), "12334") == "abbee"


def test_the_end_comes_after_the_cycle() -> None:
    """Two cycles, then the end, which is finished once it is certain."""
    story = teller(level("a"), level("b"), cycles=2)
    assert names(story, "11111") == "ababe"
    assert (story.cycle, story.finished) == (FINAL, False)
    story.ask(1, 5)
    assert story.finished


def test_a_level_with_an_act_lasts_until_that_is_done() -> None:
    """The act begins once, with the level's first answer."""
    begun: list[str] = []
    done = False

    def begin(account: str, cycle: int, level: Level) -> Callable[[], bool]:
        begun.append(level.name)
        return lambda: done or not level.act

    levels = [Level(name="a", status=200, body="", act="wait"), level("b")]
    end = Level(name="end", status=200, body="")
    story = Teller(Part(account="a", cycle=lambda n: levels, final=[end]), lambda n: False, begin)
    assert names(story, "1213") == "aaaa"
    done = True
    assert names(story, "3333") == "beee"
    assert begun == ["a", "b", "end"]
