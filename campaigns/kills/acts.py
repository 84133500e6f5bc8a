"""The acts of people: those that belong to levels of the scripts, and changes of channels and routes at any time.

An act is done once, and its moment is recorded as the service records those of its responses. Commands run beside the
daemon, if it runs. A change of the configuration is done once a process has loaded it, by a reload or at its start.
"""

import asyncio
import csv
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from campaigns.kills import crew
from campaigns.kills.checker import ROTATED, Message, read
from campaigns.kills.receiver import Receiver
from campaigns.kills.scenario import Json, of_cycle
from campaigns.kills.script import Level, Moment
from campaigns.kills.setup import Setup

ARRIVES_WITHIN = 60.0
"""Seconds that an act waits for its message. Without one the script continues, and the checker reports the loss."""
_TRIES = 5
_SOON, _FAR = 8.0, 30.0
"""Seconds. Quiet hours are configured only if the end of the minute is between the first and the second away."""
_IMPORTED = 20
_EPSILON = 0.02
"""Seconds by which the two clocks may differ, one for moments and one for the ends of silences."""


class Stage(Protocol):
    """The part of a world that acts need: its process and its files."""

    folder: Path
    launches: int
    launched: float
    receiver: Receiver

    @property
    def is_running(self) -> bool:
        """Return whether the latest process has logged that it is running."""
        ...

    @property
    def log(self) -> str:
        """Return the log of the latest process."""
        ...

    def configure(self, document: Json) -> None:
        """Write the configuration file, whole at once."""
        ...

    def hang_up(self) -> None:
        """Send SIGHUP to make the process reload."""
        ...

    async def command(self, *arguments: str, cut_off: float | None = None) -> tuple[int, str, str]:
        """Run a command, killed after `cut_off` seconds; return its exit code, stdout and stderr."""
        ...


class Acts:
    """Performs the acts. `moments` has the earliest instants, in monotonic seconds, at which each took effect."""

    def __init__(self, stage: Stage, rng: random.Random) -> None:
        self.moments: dict[Moment, list[float]] = defaultdict(list)
        self.imported: list[tuple[str, str, str]] = []
        self.done: Counter[str] = Counter()
        self.failures: list[str] = []
        self._stage = stage
        self._rng = rng
        self._began = datetime.now(UTC).replace(microsecond=0)
        self._tasks: set[asyncio.Task[None]] = set()
        self._silences: dict[tuple[str, int], int] = {}
        self._silence_ends: dict[tuple[str, int], float] = {}
        self._command_takes = 1.0  # seconds, as the machine is
        self._changing = asyncio.Lock()
        self._deeds: list[asyncio.Future[str]] = []
        self.setup: Setup

    def begin(self, account: str, cycle: int, level: Level) -> Callable[[], bool]:
        """Begin the act of a level; return a function that is True once it is done."""
        if not level.act:
            return lambda: True
        task = self._start(self._perform(level.act, account, cycle, level))
        # a cancelled act is not done, so that its script stays at this level, and the lane reports that it did not end
        return lambda: task.done() and not task.cancelled()

    def next_deed(self) -> asyncio.Future[str]:
        """Return a future of the next reload or command; it is done as that begins."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._deeds.append(future)
        return future

    def change_at_times(self) -> None:
        """Begin to change channels and routes, until `stop`."""
        self._start(self._changes())

    async def stop(self) -> None:
        """Cancel all acts that are not done."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _perform(self, act: str, account: str, cycle: int, level: Level) -> None:
        try:
            await _ACTS[act](self, account, cycle, level)
        except Exception as exc:  # noqa: BLE001 -- the script has to continue after any error, and the verdict reports it
            self.failures.append(f"{account}, cycle {cycle}: {act} failed: {exc!r}")
        self.done[act] += 1

    def _record(self, account: str, cycle: int, name: str, at: float | None = None) -> None:
        self.moments[account, cycle, name].append(time.monotonic() if at is None else at)

    def _announce(self, deed: str) -> None:
        for future in self._deeds:
            if not future.done():
                future.set_result(deed)
        self._deeds.clear()

    # Commands

    async def _command(self, *arguments: str) -> str:
        err = ""
        for _ in range(_TRIES):
            self._announce(arguments[0])
            began = time.monotonic()
            code, out, err = await self._stage.command(*arguments)
            self._command_takes = time.monotonic() - began
            if code == 0:
                return out
            await asyncio.sleep(0.5)
        raise RuntimeError(f"{' '.join(arguments)}: {err}")

    async def acknowledge(self, account: str, cycle: int, level: Level) -> None:
        """Acknowledge the incident once its firing was delivered."""
        if (message := await self._arrived("/duty", account, level)) is not None:
            await self._command("ack", message.incident, "--by", "campaign", "--reason", "known")
            self._record(account, cycle, crew.ACKNOWLEDGED)

    async def silence(self, account: str, cycle: int, level: Level) -> None:
        """Silence the alert for some seconds."""
        await self._silence(account, cycle, f"{crew.SILENT + 3 * self._command_takes:.0f}s")

    async def silence_for_long(self, account: str, cycle: int, level: Level) -> None:
        """Silence the alert for longer than it takes until `expire`."""
        await self._silence(account, cycle, "1h")

    async def _silence(self, account: str, cycle: int, lasts: str) -> None:
        match = f"subject={crew.subject(account)}"
        made = await self._command(
            *("silence", "add", "--match", match, "--for", lasts, "--by", "campaign"),
            *("--reason", f"cycle {cycle}", "--json"),
        )
        silence = json.loads(made)
        silence = silence.get("silence", silence)
        ends_at = datetime.fromisoformat(silence["ends_at"])
        self._silences[account, cycle] = silence["id"]
        self._silence_ends[account, cycle] = time.monotonic() + (ends_at - datetime.now(UTC)).total_seconds()

    async def wait_for_silence(self, account: str, cycle: int, level: Level) -> None:
        """Wait until the silence has ended by time."""
        over = self._silence_ends.get((account, cycle), 0.0) - _EPSILON
        self._record(account, cycle, crew.SILENCE_OVER, over)
        await asyncio.sleep(max(over - time.monotonic(), 0.0))

    async def expire(self, account: str, cycle: int, level: Level) -> None:
        """Expire the silence."""
        self._record(account, cycle, crew.SILENCE_OVER)
        await self._command("silence", "expire", str(self._silences[account, cycle]), "--by", "campaign")

    async def import_readings(self, account: str, cycle: int, level: Level) -> None:
        """Import readings. Half of the imports are killed and repeated."""
        file = self._stage.folder / f"import-{cycle}.csv"
        first = self._began - timedelta(days=2) + timedelta(minutes=cycle)
        amounts = [of_cycle(f"70{number}", cycle) for number in range(_IMPORTED)]
        with file.open("w", newline="") as stream:
            writer = csv.writer(stream)
            names = "job,account,currency,observed_at,total,locked,available,updated_at"
            writer.writerow(names.split(","))
            for number, amount in enumerate(amounts):
                at = first + timedelta(seconds=number)
                writer.writerow([crew.JOB, account, "USD", at.isoformat(), amount, "", amount, ""])
        if self._rng.random() < 0.5:
            self._announce("import")
            await self._stage.command("import", str(file), cut_off=self._rng.uniform(0.3, 2.0))
        await self._command("import", str(file))
        self.imported += [(account, "USD", amount) for amount in amounts]

    # The configuration

    async def change(self, how: Callable[[Setup], None]) -> None:
        """Change the configuration; return once a process has loaded it."""
        async with self._changing:
            how(self.setup)
            written = time.monotonic()
            self._stage.configure(self.setup.document())
            reloads, signalled = 0, 0
            while True:
                if self._stage.is_running and self._stage.launched > written:
                    return
                if self._stage.is_running and signalled != self._stage.launches:
                    reloads, signalled = self._reloads(), self._stage.launches
                    self._announce("reload")
                    self._stage.hang_up()
                if signalled == self._stage.launches and self._reloads() > reloads:
                    self.done["reload"] += 1
                    return
                await asyncio.sleep(0.05)

    def _reloads(self) -> int:
        return self._stage.log.count("configuration reloaded")

    async def _changes(self) -> None:
        kinds = (_rename, _reorder, self._rotate, _change_route)
        while True:
            await asyncio.sleep(self._rng.uniform(1, 4))
            kind = self._rng.choice(kinds)
            await self.change(lambda setup, kind=kind: kind(setup, self._rng))  # type: ignore[misc]
            self.done[kind.__name__.strip("_").replace("_", " ")] += 1

    def _rotate(self, setup: Setup, rng: random.Random) -> None:
        """Rotate the token: from now on the receiver accepts only the new one."""
        setup.token += 1
        self._record("token", setup.token, ROTATED)
        self._stage.receiver.token = setup.token

    async def remove_rule(self, account: str, cycle: int, level: Level) -> None:
        """Remove the rule from the configuration."""
        self._record(account, cycle, crew.REMOVED)
        await self.change(lambda setup: setattr(setup, "closing", False))

    async def restore_rule(self, account: str, cycle: int, level: Level) -> None:
        """Add the rule again."""
        await self.change(lambda setup: setattr(setup, "closing", True))

    async def begin_quiet_hours(self, account: str, cycle: int, level: Level) -> None:
        """Configure quiet hours until the end of this minute, if that is near."""
        now = datetime.now(UTC)
        ends = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        left = (ends - now).total_seconds()
        is_near = _SOON < left < _FAR
        over = time.monotonic() + (left if is_near else 0.0) - _EPSILON
        self._record(account, cycle, crew.QUIET_OVER, over)
        if is_near:
            hours = f"{ends - timedelta(minutes=10):%H:%M}", f"{ends:%H:%M}"
            await self.change(lambda setup: setattr(setup, "quiet", hours))
        self.done["nights" if is_near else "no night"] += 1

    async def wait_for_morning(self, account: str, cycle: int, level: Level) -> None:
        """Wait until the quiet hours have ended."""
        [over] = self.moments[account, cycle, crew.QUIET_OVER]
        await asyncio.sleep(max(over - time.monotonic(), 0.0))

    # Channels

    async def break_channel(self, account: str, cycle: int, level: Level) -> None:
        """Make the channel refuse everything."""
        self._stage.receiver.is_frail_broken = True

    async def heal_channel(self, account: str, cycle: int, level: Level) -> None:
        """Make the channel accept everything."""
        self._stage.receiver.is_frail_broken = False

    async def wait_for_fallback(self, account: str, cycle: int, level: Level) -> None:
        """Wait until the fallback was notified."""
        await self._arrived("/spare", account, level)

    async def wait_for_firing(self, account: str, cycle: int, level: Level) -> None:
        """Wait until the firing was delivered."""
        await self._arrived("/duty", account, level)

    async def _arrived(self, url: str, account: str, level: Level) -> Message | None:
        """Return the message at a recipient that contains the level's amount, None if none arrives in time."""
        deadline, seen = time.monotonic() + ARRIVES_WITHIN, 0
        [(_, amount)] = level.amounts
        while time.monotonic() < deadline:
            deliveries = self._stage.receiver.deliveries
            for delivery in deliveries[seen:]:
                read_ = read(delivery) if delivery.accepted and delivery.url == url else []
                for message in () if isinstance(read_, str) else read_:
                    if message.subject == crew.subject(account) and amount in message.gist:
                        return message
            seen = len(deliveries)
            await asyncio.sleep(0.1)
        return None


def _rename(setup: Setup, rng: random.Random) -> None:
    setup.team = "oncall" if setup.team == "team" else "team"


def _reorder(setup: Setup, rng: random.Random) -> None:
    rng.shuffle(setup.order)


def _change_route(setup: Setup, rng: random.Random) -> None:
    setup.side = "west" if setup.side == "east" else "east"


_ACTS: dict[str, Callable[[Acts, str, int, Level], Awaitable[None]]] = {
    crew.ACK: Acts.acknowledge,
    crew.SILENCE: Acts.silence,
    crew.SILENCE_LONG: Acts.silence_for_long,
    crew.SILENCED: Acts.wait_for_silence,
    crew.EXPIRE: Acts.expire,
    crew.IMPORT: Acts.import_readings,
    crew.REMOVE: Acts.remove_rule,
    crew.RESTORE: Acts.restore_rule,
    crew.BREAK: Acts.break_channel,
    crew.HEAL: Acts.heal_channel,
    crew.SPARE: Acts.wait_for_fallback,
    crew.FIRED: Acts.wait_for_firing,
    crew.QUIET: Acts.begin_quiet_hours,
    crew.MORNING: Acts.wait_for_morning,
}
