"""One installation in a folder of its own: services, a receiver, what people do, and the program at work."""

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
from campaigns.kills.plot import Plot
from campaigns.kills.receiver import Receiver
from campaigns.kills.service import Service
from campaigns.kills.setup import Setup

_NAMES = {"futures": "desk"}
"""What the story calls an account otherwise."""


class World(Program):
    """A service, a receiver, a folder and, at most times, a process. `package` holds the `monitor` to run."""

    def __init__(
        self,
        folder: Path,
        package: Path,
        plots: Sequence[Plot],
        continues: Callable[[str, int], bool | None],
        receiver: Receiver,
        seed: str = "",
    ) -> None:
        super().__init__(folder, package)
        self.acts = Acts(self, random.Random(seed))  # noqa: S311 (it draws delays, not secrets)
        self.service = Service([one.part for one in plots], continues, self.acts.begin)
        self.receiver = receiver
        self.by_wrong_clock: set[int] = set()
        self._plots = plots

    async def open(self) -> None:
        """Start both servers, and write the configuration that leads to them."""
        self.folder.mkdir(parents=True)
        await self.service.start()
        await self.receiver.start()
        service, receiver = f"127.0.0.1:{self.service.port}", f"127.0.0.1:{self.receiver.port}"
        self.acts.setup = Setup(plots=self._plots, service=service, receiver=receiver)
        self.configure(self.acts.setup.document())

    async def close(self) -> None:
        """End everything."""
        await self.acts.stop()
        if self.launches:
            await self.kill()
        await self.service.stop()
        await self.receiver.stop()

    async def launch(self, ahead: timedelta = timedelta(0)) -> None:
        """Start the next process, whose wall clock is so much ahead, and return at once."""
        number = self.service.process = self.receiver.process = self.launches + 1
        if not ahead:
            await self.start()
            return
        self.by_wrong_clock.add(number)
        await self.start({**faketime.wall_clock(), "FAKETIME": f"{ahead.total_seconds():+.0f}"})

    def hang_up(self) -> None:
        """Have the process reload; not by a wrong clock, for libfaketime makes its `time.sleep` fail now and then."""
        if self.launches in self.by_wrong_clock:
            return
        with suppress(ProcessLookupError):
            send_signal(self.process, signal.SIGHUP)

    async def kill(self) -> int:
        """Send SIGKILL; return the exit code once all that the process sent has been read."""
        code = await super().kill()
        await self.service.settled()
        await self.receiver.settled()
        return code

    async def readings(self) -> list[tuple[str, str, str]]:
        """Return all readings that are kept: account, as the story calls it, currency, and what was available."""
        code, out, err = await self.command("export")
        if code:
            raise RuntimeError(f"export: {err}")
        return [
            (_NAMES.get(row["account"], row["account"]), row["currency"], row["available"])
            for row in csv.DictReader(out.splitlines())
        ]

    def set_aside(self) -> list[tuple[str, str, str]]:
        """Return those that a start by a wrong clock has put out of the history, in the same way: they are kept."""
        with closing(sqlite3.connect(f"file:{quote(str(self.store))}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT accounts.name, series.currency, set_aside.available FROM set_aside"
                " JOIN series ON series.id = series_id JOIN accounts ON accounts.id = account_id"
            ).fetchall()
        return [(_NAMES.get(name, name), currency, amount) for name, currency, amount in rows]
