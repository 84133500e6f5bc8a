"""Which series, accounts and alerts are meant: globs by key, as rules, routes, silences and inhibitions hold them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from monitor.domain.model import Account, Series

Attributes = Mapping[str, str]
"""What of an alert can be matched: `rule`, `type` and `severity`, and its subject's names and labels."""

WILDCARDS = frozenset("*?[")
"""What makes a glob of a name."""


@dataclass(frozen=True, slots=True)
class Match:
    """Which series, accounts or alerts are meant: for each key the globs of which one must fit.

    The keys are `job`, `provider`, `account`, `currency` and the names of labels; of alerts also `rule`, `type`,
    `severity` and `subject`. None: everything."""

    globs: Mapping[str, tuple[str, ...]]

    def series(self, series: Series) -> bool:
        """Return whether this series is meant."""
        return self._fits(series.attributes, self.globs)

    def account(self, account: Account) -> bool:
        """Return whether this account is meant: any currency of it, where it is known which it holds."""
        if not self.globs:  # asked of all accounts of a provider with every poll of an outage
            return True
        if account.currencies and "currency" in self.globs:
            return any(self.series(account.series(currency)) for currency in account.currencies)
        return self._fits(account.attributes, [key for key in self.globs if key != "currency"])

    def alert(self, attributes: Mapping[str, str]) -> bool:
        """Return whether an alert with these attributes is meant: its rule's and its subject's."""
        return self._fits(attributes, self.globs)

    def misfits(self, attributes: Mapping[str, str]) -> tuple[str, ...]:
        """Return the keys that do not fit these attributes."""
        return tuple(key for key in self.globs if not self._fits(attributes, (key,)))

    def named_values(self) -> list[tuple[str, str]]:
        """Return the values, of one key, of which an alert must have one to fit; none where globs stand for them."""
        for key, globs in self.globs.items():
            if not any(WILDCARDS.intersection(glob) for glob in globs):
                return [(key, value) for value in globs]
        return []

    def _fits(self, attributes: Mapping[str, str], keys: Iterable[str]) -> bool:
        return all(
            key in attributes and any(_fits(attributes[key], glob) for glob in self.globs[key])
            for key in keys
        )


def _fits(value: str, glob: str) -> bool:
    """Return whether a value fits a glob, or is what the glob says to the letter: `a[1]`."""
    return value == glob or fnmatchcase(value, glob)


EVERYTHING = Match({})
