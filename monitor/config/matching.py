"""What a rule's `match` says of what is configured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.config import document
from monitor.config.findings import Findings
from monitor.config.jobs import ReadJob
from monitor.config.values import OF_THE_SERIES
from monitor.config.wording import nearest, unknown
from monitor.domain.model import Account
from monitor.domain.rules import Match
from monitor.providers import PROVIDERS
from monitor.providers.base import Settings

Globs = Mapping[str, tuple[str, ...]]

_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What rules can be about. `providers` are types by name, None for one that is not known.

    Names and labels are known of broken jobs too, accounts are not."""

    providers: Mapping[str, str | None]
    jobs: Sequence[ReadJob]
    job_names: frozenset[str]
    labels: frozenset[str]

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Every account of the jobs with which nothing is wrong."""
        return tuple(account for job in self.jobs for account in job.accounts)

    @property
    def complete(self) -> bool:
        """Whether these are all the accounts there are."""
        return bool(self.jobs) and all(job.accounts for job in self.jobs)

    def service(self, account: Account) -> type[Settings]:
        """What is known of the service that holds an account."""
        settings: type[Settings] = PROVIDERS[self.providers[account.provider] or ""].settings
        return settings


def matched(match: Globs, path: document.Path, configured: Configured, findings: Findings) -> list[Account]:
    """The accounts that a rule's `match`, at a path, is about. Reports what in it can't be meant."""
    _check_keys(match, path, configured, findings)
    _check_names(match.get("job", ()), "job", configured.job_names, path, findings)
    _check_names(match.get("provider", ()), "provider", configured.providers, path, findings)
    if configured.complete:
        _check_currencies(match, path, configured, findings)
    accounts = [account for account in configured.accounts if matches(match, account)]
    if not accounts and configured.complete and not findings.within(path):
        findings.value(path, "matches no configured account")
    return accounts


def matches(match: Globs, account: Account) -> bool:
    """Whether a series of the account can match; which it has is not known where it names no currencies."""
    rule = Match(match)
    if not account.currencies:
        return rule.account(account)
    return any(rule.series(account.series(currency)) for currency in account.currencies)


def _check_keys(match: Globs, path: document.Path, configured: Configured, findings: Findings) -> None:
    known = [*OF_THE_SERIES, *sorted(configured.labels)]
    for key in match:
        if key not in known:
            findings.key((*path, key), f"no job has such a label{nearest(key, known)}")


def _check_currencies(match: Globs, path: document.Path, configured: Configured, findings: Findings) -> None:
    accounts = [account for account in configured.accounts if Match(match).account(account)]
    if accounts and all(account.currencies for account in accounts):
        names = {name: None for account in accounts for name in account.currencies}
        _check_names(match.get("currency", ()), "currency", names, path, findings)


def _check_names(
    globs: Iterable[str], what: str, known: Iterable[str], path: document.Path, findings: Findings
) -> None:
    names = sorted(known)
    for index, glob in enumerate(globs):
        if names and glob not in names and not _GLOB.intersection(glob):
            findings.value(findings.item((*path, what), index), unknown(what, glob, names))
