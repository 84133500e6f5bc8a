"""Which silences match nothing of a configuration."""

from datetime import datetime

from monitor.config import Config
from monitor.domain.coverage import matching_nothing
from monitor.store.read.state import Known


def idle_silences(known: Known | None, config: Config, now: datetime) -> frozenset[int]:
    """Return the numbers of the silences, not over yet, that match no alert that there can be."""
    if known is None:
        return frozenset()
    silences = [one.silence for one in known.silences if now < one.silence.ends_at]
    accounts = [account for job in config.jobs for account in job.accounts]
    return matching_nothing(silences, config.rules, accounts, known.held)
