"""Scripts that advance by requests, not by time, so that no kill makes an account skip a level.

An account's script is a cycle of levels, repeated until the end, and then final levels. It leaves a level only when
enough readings of it are *certain*. A response is certain to have been recorded when the same process requests the
same account again, because a job never overlaps itself. The last response to a killed process is not certain: it may
or may not have been recorded. So a level may be read more often than its script demands, but never less often. Every
rule of the scenario produces the same incidents either way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A response that an account gives for a while: until `readings` of it are certain, and the last of these was
    requested at least `lasts` seconds after the first became certain. `once`: to one request only, certain or not.

    `act` begins with the level's first response, and the level lasts until the act is done. `amounts` are the
    available amounts of its reading, by currency."""

    name: str
    status: int
    body: str
    readings: int = 1
    lasts: float = 0.0
    once: bool = False
    act: str = ""
    amounts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The levels of an account: those of each cycle, by its number from 0, and the final ones."""

    account: str
    cycle: Callable[[int], Sequence[Level]]
    final: Sequence[Level]
    together: tuple[str, ...] = ()
    """The accounts that begin each cycle together with this one."""


FINAL = -1
"""The number of the cycle that consists of the final levels."""

Moment = tuple[str, int, str]
"""An account, a cycle's number, a level's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response to a process, sent `at` monotonic seconds.

    `fresh`: no reading of its level is certain yet, so the process may still have to act on it."""

    account: str
    cycle: int
    level: Level
    process: int
    at: float
    fresh: bool

    @property
    def moment(self) -> Moment:
        """Return its place in the script."""
        return self.account, self.cycle, self.level.name


def no_act(account: str, cycle: int, level: Level) -> Callable[[], bool]:
    """Do nothing, at once."""
    return lambda: True


class Player:
    """Plays one account's script. `continues(n)`: may cycle n begin (True), the end (False), or neither yet (None)?

    `begin` begins a level's act and returns a function that is True once the act is done."""

    def __init__(
        self,
        script: Script,
        continues: Callable[[int], bool | None],
        begin: Callable[[str, int, Level], Callable[[], bool]] = no_act,
    ) -> None:
        self.script = script
        self.cycle = 0
        self.wants = 0  # the cycle that it waits for, or is in
        self.finished = False
        self._may_continue = continues
        self._levels = list(script.cycle(0))
        self._index = 0
        self._last: Response | None = None
        self._certain = 0
        self._since = 0.0
        self._begin = begin
        self._is_done: Callable[[], bool] | None = None

    def ask(self, process: int, at: float) -> Response:
        """Return the response to a request of the n-th process, at an instant in monotonic seconds."""
        if self._last is not None:
            self._count(self._last, process, at)
        if self._is_done is None:
            self._is_done = self._begin(self.script.account, self.cycle, self._levels[self._index])
        self._last = Response(
            account=self.script.account,
            cycle=self.cycle,
            level=self._levels[self._index],
            process=process,
            at=at,
            fresh=self._certain == 0,
        )
        return self._last

    def _count(self, last: Response, process: int, at: float) -> None:
        """Count the last response if this request proves that it was recorded, and leave its level when it is over."""
        if last.process == process:
            self._since = self._since if self._certain else at
            self._certain += 1
        elif not last.level.once:
            return
        if (last.level.once or self._is_over(last)) and (self._is_done is None or self._is_done()):
            self._advance()

    def _is_over(self, last: Response) -> bool:
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
        if (continues := self._may_continue(self.wants)) is not None:
            self.cycle = self.wants if continues else FINAL
            self._levels = list(self.script.cycle(self.cycle) if continues else self.script.final)
            self._to(0)

    def _to(self, index: int) -> None:
        self._index, self._certain, self._since, self._is_done = index, 0, 0.0, None
