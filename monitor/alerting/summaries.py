"""The summary: decide when one is due, and create it with its notifications in one transaction."""

from datetime import UTC, datetime

from monitor.config import Config
from monitor.config.sections import SummarySection
from monitor.domain.schedule import next_run
from monitor.domain.summary import summarize
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

_NEVER = datetime.max.replace(tzinfo=UTC)


class Summaries:
    """Creates each summary once, also over restarts. Of several that were missed, only the last one is created."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wanted: SummarySection | None = None
        self._since: datetime | None = None
        self._due: datetime | None = None

    def reconfigure(self, wanted: SummarySection | None, now: datetime) -> None:
        """Use these settings from now on. Without an earlier summary, the first is due after `now`."""
        if wanted != self._wanted:
            self._since = now if self._wanted is None else self._since
            self._wanted, self._due = wanted, None

    def clock_was_set(self) -> None:
        """Determine again when the next summary is due."""
        self._due = None

    async def make_if_due(self, config: Config, now: datetime) -> bool:
        """Create a summary if one is due; return whether it was. Raises StoreError; then nothing was written."""
        wanted, since = self._wanted, self._since
        if wanted is None or since is None or (self._due is not None and now < self._due):
            return False
        last = await self._store.write(lambda tx: tx.summaries.last_at())
        # a last summary in the future: the clock was set back since
        since = min(since, now) if last is None or last > now else last
        self._due = self._due or _next(wanted, since)
        if now < self._due:
            return False
        made = await self._make(wanted, config, last, since, now)
        self._due = _next(wanted, now)
        return made

    async def _make(
        self, wanted: SummarySection, config: Config, last: datetime | None, since: datetime, now: datetime
    ) -> bool:
        """Create a summary; return False if one was stored meanwhile.

        Its numbers are read beside the writer, because that may take seconds. A kill before the end leaves nothing."""
        report = summarize(
            await self._store.read(lambda tx: tx.summaries.period(since, now, config.accounts))
        )
        names = config.targets if wanted.notify is None else wanted.notify
        targets = [target for name in names for target in config.targets[name]]

        def keep(tx: Transaction) -> bool:
            if tx.summaries.last_at() != last:
                return False
            tx.summaries.add(report, targets)
            return True

        return await self._store.write(keep)


def _next(wanted: SummarySection, since: datetime) -> datetime:
    return next_run(wanted.schedule.fields, wanted.schedule.timezone, since) or _NEVER
