"""A story that waits for its listener: it goes on by what was asked, so that no kill makes it skip a part.

An account's story is a cycle of levels, told again and again, and then a final one. A level is left only when
enough readings of it are *certain*. An answer is certain to have been recorded when the same process asks the
same account again, for a job never overlaps itself. What a killed process was last told is not certain: maybe it
was recorded, maybe not. So a level may be read more often than it asks for, and never less often; every rule of
the plot comes to the same incidents either way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What an account answers for a while: until `readings` of it are certain, the last of which was asked for
    `lasts` seconds or more after the first had become so. `once`: to one request only, certain or not.

    `act` begins with the level's first answer, and the level lasts until it is done. `amounts` are what a reading of it
    holds as available, by currency."""

    name: str
    status: int
    body: str
    readings: int = 1
    lasts: float = 0.0
    once: bool = False
    act: str = ""
    amounts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An account's story: its cycle by number, from 0, and how it ends."""

    account: str
    cycle: Callable[[int], Sequence[Level]]
    final: Sequence[Level]
    together: tuple[str, ...] = ()
    """The accounts that begin each cycle together with this one."""


FINAL = -1
"""The number of the cycle that ends the story."""

Moment = tuple[str, int, str]
"""An account, a cycle's number, a level's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer. `fresh`: nothing of its level is certain yet, so what follows from it may be under way."""

    account: str
    cycle: int
    level: Level
    process: int
    at: float
    fresh: bool

    @property
    def moment(self) -> Moment:
        """Where in the story it stands."""
        return self.account, self.cycle, self.level.name


def no_act(account: str, cycle: int, level: Level) -> Callable[[], bool]:
    """Do nothing, at once."""
    return lambda: True


class Teller:
    """Tells one account's part. `continues(n)` says whether cycle n may begin (True), the end (False), or neither yet.

    `begin` begins a level's act and returns what says whether it is done."""

    def __init__(
        self,
        part: Part,
        continues: Callable[[int], bool | None],
        begin: Callable[[str, int, Level], Callable[[], bool]] = no_act,
    ) -> None:
        self.part = part
        self.cycle = 0
        self.wants = 0  # the cycle that it waits for, or is in
        self.finished = False
        self._goes_on = continues
        self._levels = list(part.cycle(0))
        self._index = 0
        self._last: Told | None = None
        self._certain = 0
        self._since = 0.0
        self._begin = begin
        self._is_done: Callable[[], bool] | None = None

    def ask(self, process: int, at: float) -> Told:
        """The answer to a request of a process, the n-th, at an instant in seconds."""
        if self._last is not None:
            self._hear(self._last, process, at)
        if self._is_done is None:
            self._is_done = self._begin(self.part.account, self.cycle, self._levels[self._index])
        self._last = Told(
            account=self.part.account,
            cycle=self.cycle,
            level=self._levels[self._index],
            process=process,
            at=at,
            fresh=self._certain == 0,
        )
        return self._last

    def _hear(self, last: Told, process: int, at: float) -> None:
        """What a request says of the answer before it."""
        if last.process == process:
            self._since = self._since if self._certain else at
            self._certain += 1
        elif not last.level.once:
            return
        if (last.level.once or self._enough(last)) and (self._is_done is None or self._is_done()):
            self._advance()

    def _enough(self, last: Told) -> bool:
        level = last.level
        return self._certain >= level.readings and (not level.lasts or last.at >= self._since + level.lasts)

    def _advance(self) -> None:
        if self._index + 1 < len(self._levels):
            self._to(self._index + 1)
        elif self.cycle == FINAL:
            self.finished = True
        else:
            self._run_chores()

    def _run_chores(self) -> None:
        self.wants = self.cycle + 1
        if (continues := self._goes_on(self.wants)) is not None:
            self.cycle = self.wants if continues else FINAL
            self._levels = list(self.part.cycle(self.cycle) if continues else self.part.final)
            self._to(0)

    def _to(self, index: int) -> None:
        self._index, self._certain, self._since, self._is_done = index, 0, 0.0, None
