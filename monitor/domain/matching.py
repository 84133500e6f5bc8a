"""The `match` of rules, routes, silences and inhibitions: globs by key, for series, accounts and alerts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from monitor.domain.model import Account, Series

Attributes = Mapping[str, str]
"""What a `match` can name of an alert: `rule`, `type` and `severity`, and its subject's names and labels."""

WILDCARDS = frozenset("*?[")
"""The characters that make a name a glob."""


@dataclass(frozen=True, slots=True)
class Match:
    """A condition over attributes: for each key, one of its globs must match.

    The keys are `job`, `provider`, `account`, `currency` and the names of labels; for alerts also `rule`, `type`,
    `severity` and `subject`. Without keys it matches everything."""

    globs: Mapping[str, tuple[str, ...]]

    def series(self, series: Series) -> bool:
        """Return whether it matches this series."""
        return self._matches(series.attributes, self.globs)

    def account(self, account: Account) -> bool:
        """Return whether it matches this account: any of its currencies, if they are configured."""
        if not self.globs:  # fast: an outage asks this about all accounts of its provider with every poll
            return True
        if account.currencies and "currency" in self.globs:
            return any(self.series(account.series(currency)) for currency in account.currencies)
        return self._matches(account.attributes, [key for key in self.globs if key != "currency"])

    def alert(self, attributes: Mapping[str, str]) -> bool:
        """Return whether it matches an alert with these attributes, which are its rule's and its subject's."""
        return self._matches(attributes, self.globs)

    def misfits(self, attributes: Mapping[str, str]) -> tuple[str, ...]:
        """Return the keys that do not match these attributes."""
        return tuple(key for key in self.globs if not self._matches(attributes, (key,)))

    def named_values(self) -> list[tuple[str, str]]:
        """Return key and value pairs of one key, of which a matching alert has one; empty if every key has globs."""
        for key, globs in self.globs.items():
            if not any(WILDCARDS.intersection(glob) for glob in globs):
                return [(key, value) for value in globs]
        return []

    def _matches(self, attributes: Mapping[str, str], keys: Iterable[str]) -> bool:
        return all(
            key in attributes and any(_matches(attributes[key], glob) for glob in self.globs[key])
            for key in keys
        )


def _matches(value: str, glob: str) -> bool:
    """Return whether a glob matches a value, or equals it: the name `a[1]` matches itself."""
    return value == glob or fnmatchcase(value, glob)


EVERYTHING = Match({})
