"""A lane: a world in which the process is killed, and one with the same scenario in which it is not."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from campaigns.kills import aims, crew, scenario
from campaigns.kills.checker import Evidence, Kill, Verdict, differences, end_state, judge
from campaigns.kills.receiver import Receiver
from campaigns.kills.records import utc_epoch, wrong_readings, wrong_summaries
from campaigns.kills.scenario import Json
from campaigns.kills.script import FINAL
from campaigns.kills.world import World

ENDS_WITHIN = 120.0
"""Seconds that the rest of the scenario may take after the last kill."""
DELIVERS_WITHIN = 60.0
"""Seconds that the outbox may take after that to become empty."""
URLS = (*scenario.OPS, *crew.TEAM, "/east", "/west", "/duty", "/boss", "/frail", "/spare", "/night")
"""The recipients of alerts."""
DIGEST = "/digest"
"""The recipient of summaries."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The result of a lane."""

    kills: list[Kill] = field(default_factory=list)
    restarts: int = 0
    wrong_starts: int = 0
    acts: Counter[str] = field(default_factory=Counter)
    summaries: int = 0
    cycles: dict[str, int] = field(default_factory=dict)
    incidents: int = 0
    readings: int = 0
    verdict: Verdict | None = None
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


def cast(accounts: Collection[str], *, timeless: bool) -> list[scenario.Scenario]:
    """Return the scenarios of these accounts, or of all; `timeless`: only those that do not depend on a clock."""
    began = datetime.now(UTC).replace(microsecond=0)
    return [
        one
        for one in (*scenario.scenarios(began), *crew.scenarios(began))
        if (one.script.account in accounts or not accounts) and (one.timeless or not timeless)
    ]


WRONG_CLOCKS = (timedelta(days=200), timedelta(days=-30))
"""How far a wrong clock is ahead: with the first all readings look old, with the second they lie in the future."""
_WRONG_START = 3


class Lane:
    """Kills a process so many times, by the seed, waits for the end of the scenario, and judges.

    `accounts` take part (none: all). `wrong_clock`: the third start has a clock so far ahead, and only accounts take
    part whose rules do not depend on a clock."""

    def __init__(
        self,
        folder: Path,
        package: Path,
        kills: int,
        seed: str,
        on_kill: Callable[[Kill], None],
        *,
        accounts: Collection[str] = (),
        wrong_clock: timedelta | None = None,
    ) -> None:
        self._kills = kills
        self._wrong_clock = wrong_clock
        self._rng = random.Random(seed)  # noqa: S311 (it draws aims, not secrets)
        self._on_kill = on_kill
        self._ending = False
        self._over = asyncio.Event()
        self._ended_at: dict[World, float] = {}
        self._scenarios = cast(accounts, timeless=wrong_clock is not None)
        moods = random.Random(f"{seed} moods")  # noqa: S311
        self.killed = World(
            folder / "killed",
            package,
            self._scenarios,
            self._killed_may_continue,
            Receiver(moods),
            f"{seed} acts",
        )
        self.spared = World(
            folder / "spared",
            package,
            self._scenarios,
            self._spared_may_continue,
            Receiver(),
            f"{seed} others",
        )
        self.outcome = Outcome(cycles={one.script.account: 1 for one in self._scenarios})

    async def run(self) -> Outcome:
        """Run the whole lane, from the first start to the verdict."""
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
        for world in (self.killed, self.spared):
            wrong = wrong_readings(
                world.service.responses,
                world.acts.imported,
                await world.readings(),
                world.by_wrong_clock,
                world.set_aside(),
            )
            self.outcome.violations += [f"{world.folder.name}: {what}" for what in wrong]
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    # How far the scripts may go

    def _killed_may_continue(self, account: str, cycle: int) -> bool | None:
        if not self.killed.service.is_time_for(account, cycle):
            return None
        self.outcome.cycles[account] = cycle
        return not self._ending

    def _spared_may_continue(self, account: str, cycle: int) -> bool | None:
        """Follow the other world, and never get ahead of it, so that both play the same cycles."""
        other = self.killed.service.players[account]
        if other.cycle == FINAL:
            return cycle < self.outcome.cycles[account]
        return True if other.cycle >= cycle else None

    # The two worlds

    async def _run_killed(self) -> Json:
        world = self.killed
        world.acts.change_at_times()
        for number in range(1, self._kills + 1):
            if self._wrong_clock is not None and number == _WRONG_START:
                await world.launch(self._wrong_clock)
                await aims.until_running(world)
                self.outcome.wrong_starts += 1
            else:
                await world.launch()
            kill = await aims.shoot(aims.draw(self._rng), world, self._rng, number)
            self.outcome.kills.append(kill)
            if kill.code != -signal.SIGKILL:
                self.outcome.violations.append(f"process {kill.process} ended by itself, with {kill.code}")
            if (result := await asyncio.to_thread(world.integrity)) != "ok":
                self.outcome.violations.append(f"integrity after kill {number}: {result}")
            self._on_kill(kill)
        self._ending = True
        await world.launch()
        self.outcome.restarts = world.launches - 1
        return await self._ended(world)

    async def _run_spared(self) -> Json:
        await self.spared.launch()
        self.spared.acts.change_at_times()
        await self._over.wait()
        return await self._ended(self.spared)

    async def _ended(self, world: World) -> Json:
        """Return the status after the end of the scenario, when the outbox is empty or the time for that is over."""
        deadline = time.monotonic() + ENDS_WITHIN
        while not world.service.finished and time.monotonic() < deadline and not world.has_ended:
            await asyncio.sleep(0.1)
        self._over.set()
        await world.acts.stop()
        self._ended_at[world] = time.monotonic()
        deadline = time.monotonic() + DELIVERS_WITHIN
        while (await world.status())["notifications"]["pending"] and time.monotonic() < deadline:
            await asyncio.sleep(1)
        if world.has_ended or await world.stop() != 0:
            self.outcome.violations.append(
                f"{world.folder.name}: ended by itself, or not with 0 after SIGTERM"
            )
        return await world.status()

    # The verdict

    def _judge(self, killed: Json, spared: Json) -> None:
        out = self.outcome
        out.readings = len(self.killed.service.responses)
        expected = scenario.expected(out.cycles, self._scenarios)
        out.incidents = len(expected)
        out.verdict = self._verdict(self.killed, expected)
        out.violations += out.verdict.violations
        others = self._verdict(self.spared, expected).violations
        out.violations += [f"without kills: {what}" for what in others]
        out.violations += self._end(killed, spared)
        out.acts = self.killed.acts.done
        for world in (self.killed, self.spared):
            out.violations += [f"{world.folder.name}: {what}" for what in self._summaries(world)]
            out.violations += [f"{world.folder.name}: {what}" for what in world.acts.failures]
            if not world.service.finished:
                out.violations.append(f"{world.folder.name}: the scenario did not come to its end")
            if (result := world.integrity()) != "ok":
                out.violations.append(f"{world.folder.name}: integrity at the end: {result}")
            out.violations += [f"{world.folder.name}: {line}" for line in world.logged_errors()]

    def _verdict(self, world: World, expected: list[scenario.Incident]) -> Verdict:
        return judge(
            Evidence(
                expected=expected,
                moments={**world.service.moments, **world.acts.moments},
                deliveries=[one for one in world.receiver.deliveries if one.url != DIGEST],
                kills=self._kills_of(world),
                urls=URLS,
                epoch=utc_epoch(datetime.now(UTC), time.monotonic()),
            )
        )

    def _kills_of(self, world: World) -> list[Kill]:
        return self.outcome.kills if world is self.killed else []

    def _summaries(self, world: World) -> list[str]:
        if all(one.timeless for one in self._scenarios):
            return []
        digests = [one for one in world.receiver.deliveries if one.url == DIGEST]
        if world is self.killed:
            self.outcome.summaries = sum(one.accepted for one in digests)
        epoch = utc_epoch(datetime.now(UTC), time.monotonic())
        began = world.launched  # the first summary is due from a start on
        return wrong_summaries(digests, self._kills_of(world), epoch, began, self._ended_at[world])

    def _end(self, killed: Json, spared: Json) -> list[str]:
        """Return the differences between the end, that of the run without kills, and that of the scenario."""
        accounts = {series.rpartition("/")[0] for one in self._scenarios for series in one.holds}
        alerts = {(one["rule"], one["series"], one["state"], one["severity"]) for one in killed["alerts"]}
        open_ = {one for one in scenario.ALERTS if one[1].rpartition("/")[0] in accounts}
        available = {one["series"]: one["available"] for one in killed["balances"]}
        holds = {series: amount for one in self._scenarios for series, amount in one.holds.items()}
        return [
            *differences("end, against a run without kills", end_state(killed), end_state(spared)),
            *differences("end, alerts", alerts, open_),
            *differences("end, available", available, holds),
            *differences("end, waiting messages", killed["notifications"]["pending"], 0),
        ]
