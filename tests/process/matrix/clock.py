"""A daemon's wall clock in the hands of a test: libfaketime, preloaded. The monotonic clock stays right.

The sandbox's own clock goes with it, since services refuse a request by a clock that is not theirs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.harness import faketime
from tests.process.support import Installation


@dataclass(slots=True)
class WallClock:
    """How far the daemon's wall clock, and the services', are from the true time."""

    site: Installation
    ahead: timedelta = timedelta(0)

    @classmethod
    def of(cls, site: Installation, start: datetime | None = None) -> "WallClock":
        """Return the clock of the daemons that this installation starts, set to an instant or to the true time.

        Skips the test where libfaketime is not installed."""
        if faketime.library() is None:
            pytest.skip("libfaketime is not installed (Debian: apt-get install faketime)")
        clock = cls(site)
        site.environ |= {
            **faketime.wall_clock(),
            "FAKETIME_TIMESTAMP_FILE": str(clock._file),
            "FAKETIME_NO_CACHE": "1",
        }
        for service in (site.nami, site.wdcf):
            service._clock = clock.now  # the sandbox takes its clock when it is made, which is before this
        clock.set(timedelta(0) if start is None else start - datetime.now(UTC))
        return clock

    @property
    def _file(self) -> Path:
        return self.site.folder / "faketime"

    def now(self) -> datetime:
        """Return the time by this clock (UTC)."""
        return datetime.now(UTC) + self.ahead

    def set(self, ahead: timedelta) -> None:
        """Sets it, to so much ahead of the true time."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead.total_seconds():+.6f}\n")
        new.replace(self._file)  # at once: the daemon may be reading it
        self.ahead = ahead

    def step(self, by: timedelta) -> None:
        """Somebody sets it forward, or back."""
        self.set(self.ahead + by)
