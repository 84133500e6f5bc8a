"""One installation in a directory of its own: services, a receiver, the acts of people, and the running program."""

import csv
import random
import signal
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from campaigns.harness import faketime
from campaigns.harness.program import Program, send_signal
from campaigns.kills.acts import Acts
from campaigns.kills.receiver import Receiver
from campaigns.kills.scenario import Scenario
from campaigns.kills.service import Service
from campaigns.kills.setup import Setup


class World(Program):
    """A service, a receiver, a directory and, most of the time, a process. `package` contains the `monitor` to run."""

    def __init__(
        self,
        folder: Path,
        package: Path,
        scenarios: Sequence[Scenario],
        continues: Callable[[str, int], bool | None],
        receiver: Receiver,
        seed: str = "",
    ) -> None:
        super().__init__(folder, package)
        self.acts = Acts(self, random.Random(seed))  # noqa: S311 (it draws delays, not secrets)
        self.service = Service([one.script for one in scenarios], continues, self.acts.begin)
        self.receiver = receiver
        self.by_wrong_clock: set[int] = set()
        self._scenarios = scenarios

    async def open(self) -> None:
        """Start both servers, and write the configuration with their addresses."""
        self.folder.mkdir(parents=True)
        await self.service.start()
        await self.receiver.start()
        service, receiver = f"127.0.0.1:{self.service.port}", f"127.0.0.1:{self.receiver.port}"
        self.acts.setup = Setup(scenarios=self._scenarios, service=service, receiver=receiver)
        self.configure(self.acts.setup.document())

    async def close(self) -> None:
        """Kill the process, and stop the acts and both servers."""
        await self.acts.stop()
        if self.launches:
            await self.kill()
        await self.service.stop()
        await self.receiver.stop()

    async def launch(self, ahead: timedelta = timedelta(0)) -> None:
        """Start the next process, with a wall clock that is `ahead` of the right one, and return at once."""
        number = self.service.process = self.receiver.process = self.launches + 1
        if not ahead:
            await self.start()
            return
        self.by_wrong_clock.add(number)
        await self.start({**faketime.wall_clock(), "FAKETIME": f"{ahead.total_seconds():+.0f}"})

    def hang_up(self) -> None:
        """Send SIGHUP to make the process reload, unless it has a wrong clock."""
        # under libfaketime, `time.sleep` of a process that gets a signal fails now and then
        if self.launches in self.by_wrong_clock:
            return
        with suppress(ProcessLookupError):
            send_signal(self.process, signal.SIGHUP)

    async def kill(self) -> int:
        """Send SIGKILL; return the exit code once everything that the process sent has been read."""
        code = await super().kill()
        await self.service.drained()
        await self.receiver.drained()
        return code

    async def readings(self) -> list[tuple[str, str, str]]:
        """Return all stored readings: account, currency, available amount."""
        code, out, err = await self.command("export")
        if code:
            raise RuntimeError(f"export: {err}")
        return [
            (row["account"], row["currency"], row["available"]) for row in csv.DictReader(out.splitlines())
        ]

    def set_aside(self) -> list[tuple[str, str, str]]:
        """Return the readings that a start with a wrong clock has set aside, in the same form."""
        with closing(sqlite3.connect(f"file:{quote(str(self.store))}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT accounts.name, series.currency, set_aside.available FROM set_aside"
                " JOIN series ON series.id = series_id JOIN accounts ON accounts.id = account_id"
            ).fetchall()
        return [(name, currency, amount) for name, currency, amount in rows]
