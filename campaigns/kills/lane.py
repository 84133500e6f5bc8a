"""A world in which the process is killed, and beside it one with the same story in which it is not."""

import asyncio
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from campaigns.kills import aims, plot
from campaigns.kills.aims import Kill
from campaigns.kills.checker import Evidence, Verdict, differences, end_state, judge
from campaigns.kills.plot import Json
from campaigns.kills.receiver import Receiver
from campaigns.kills.story import FINAL
from campaigns.kills.world import World

ENDS_WITHIN = 120.0
"""Seconds that the rest of the story may take once nobody kills any more."""
DELIVERS_WITHIN = 45.0
"""Seconds that the outbox may then take to become empty."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a lane came to."""

    kills: list[Kill] = field(default_factory=list)
    restarts: int = 0
    cycles: dict[str, int] = field(default_factory=dict)
    incidents: int = 0
    readings: int = 0
    verdict: Verdict | None = None
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Lane:
    """Kills so many times, as the seed says, lets the story end, and judges."""

    def __init__(
        self, folder: Path, package: Path, kills: int, seed: str, on_kill: Callable[[Kill], None]
    ) -> None:
        self._kills = kills
        self._rng = random.Random(seed)  # noqa: S311 (it draws aims, not secrets)
        self._on_kill = on_kill
        self._ending = False
        self._over = asyncio.Event()
        self._plots = plot.plots(datetime.now(UTC).replace(microsecond=0))
        parts = [one.part for one in self._plots]
        moods = random.Random(f"{seed} moods")  # noqa: S311
        self.killed = World(folder / "killed", package, parts, self._killed_goes_on, Receiver(moods))
        self.spared = World(folder / "spared", package, parts, self._spared_goes_on, Receiver())
        self.outcome = Outcome(cycles={part.account: 1 for part in parts})

    async def run(self) -> Outcome:
        """The whole lane, from the first start to the verdict."""
        began = time.monotonic()
        try:
            for world in (self.killed, self.spared):
                await world.open()
            async with asyncio.TaskGroup() as group:
                killed = group.create_task(self._run_killed())
                spared = group.create_task(self._run_spared())
        finally:
            await self.killed.close()
            await self.spared.close()
        self._judge(killed.result(), spared.result())
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    # How far the story may go

    def _killed_goes_on(self, account: str, cycle: int) -> bool:
        self.outcome.cycles[account] = cycle
        return not self._ending

    def _spared_goes_on(self, account: str, cycle: int) -> bool | None:
        """Never ahead of the other world, so that both tell the same."""
        other = self.killed.service.tellers[account]
        if other.cycle == FINAL:
            return cycle < self.outcome.cycles[account]
        return True if other.cycle >= cycle else None

    # The two worlds

    async def _run_killed(self) -> Json:
        world = self.killed
        for number in range(1, self._kills + 1):
            await world.launch()
            kill = await aims.shoot(aims.draw(self._rng), world, self._rng, number)
            self.outcome.kills.append(kill)
            if kill.code != -signal.SIGKILL:
                self.outcome.violations.append(f"process {kill.process} ended by itself, with {kill.code}")
            if (said := await asyncio.to_thread(world.integrity)) != "ok":
                self.outcome.violations.append(f"integrity after kill {number}: {said}")
            self._on_kill(kill)
        self._ending = True
        await world.launch()
        self.outcome.restarts = world.launches - 1
        return await self._ended(world)

    async def _run_spared(self) -> Json:
        await self.spared.launch()
        await self._over.wait()
        return await self._ended(self.spared)

    async def _ended(self, world: World) -> Json:
        """The status once the story has been told and the outbox is empty, or long after it should have been."""
        deadline = time.monotonic() + ENDS_WITHIN
        while not world.service.finished and time.monotonic() < deadline and not world.has_ended:
            await asyncio.sleep(0.1)
        self._over.set()
        deadline = time.monotonic() + DELIVERS_WITHIN
        while (await world.status())["notifications"]["pending"] and time.monotonic() < deadline:
            await asyncio.sleep(1)
        if world.has_ended or await world.stop() != 0:
            self.outcome.violations.append(
                f"{world.folder.name}: ended by itself, or not with 0 when told to"
            )
        return await world.status()

    # The verdict

    def _judge(self, killed: Json, spared: Json) -> None:
        out = self.outcome
        out.readings = len(self.killed.service.answers)
        expected = plot.expected(out.cycles, self._plots)
        out.incidents = len(expected)
        out.verdict = self._verdict(self.killed, expected)
        out.violations += out.verdict.violations
        others = self._verdict(self.spared, expected).violations
        out.violations += [f"without kills: {what}" for what in others]
        out.violations += self._end(killed, spared)
        for world in (self.killed, self.spared):
            if not world.service.finished:
                out.violations.append(f"{world.folder.name}: the story did not come to its end")
            if (said := world.integrity()) != "ok":
                out.violations.append(f"{world.folder.name}: integrity at the end: {said}")
            out.violations += [f"{world.folder.name}: {line}" for line in world.complaints()]

    def _verdict(self, world: World, expected: list[plot.Incident]) -> Verdict:
        return judge(
            Evidence(
                expected=expected,
                told=world.service.told,
                deliveries=world.receiver.deliveries,
                kills=self.outcome.kills if world is self.killed else [],
                urls=plot.URLS,
            )
        )

    def _end(self, killed: Json, spared: Json) -> list[str]:
        """The end against that of the run without kills, and both against the story."""
        got, without = end_state(killed), end_state(spared)
        expected = plot.expected(self.outcome.cycles, self._plots)
        delivered = len(plot.URLS) * sum(1 + (incident.resolved is not None) for incident in expected)
        alerts = {(one["rule"], one["series"], one["state"], one["severity"]) for one in killed["alerts"]}
        available = {one["series"]: one["available"] for one in killed["balances"]}
        counts = {"pending": 0, "failed": 0, "delivered": delivered}
        return [
            *differences("end, against a run without kills", got, without),
            *differences("end, alerts", alerts, plot.ALERTS),
            *differences("end, available", available, plot.BALANCES),
            *differences("end, outbox", got["notifications"], counts),
        ]
