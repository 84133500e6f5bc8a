"""What a rule's `match` says of what is configured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain

from monitor.config import document
from monitor.config.findings import Findings
from monitor.config.jobs import ReadJob
from monitor.config.values import OF_THE_SERIES
from monitor.config.wording import nearest, unknown
from monitor.domain.rules import Match

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
    def complete(self) -> bool:
        """Whether these are all the accounts there are."""
        return bool(self.jobs) and all(job.accounts for job in self.jobs)


def matched(match: Globs, path: document.Path, configured: Configured, findings: Findings) -> list[ReadJob]:
    """The jobs of which a rule's `match`, at a path, means a series or more. Reports what in it can't be meant."""
    _check_keys(match, path, configured, findings)
    _check_names(match.get("job", ()), "job", configured.job_names, path, findings)
    _check_names(match.get("provider", ()), "provider", configured.providers, path, findings)
    _check_currencies(match, path, configured, findings)
    jobs = [job for job in configured.jobs if _matches(match, job)]
    if not jobs and configured.complete and not findings.within(path):
        findings.value(path, "matches no configured account")
    return jobs


def _matches(match: Globs, job: ReadJob) -> bool:
    """The accounts of a job differ in their names alone, so the rest is looked at once: they may be many."""
    names = match.get("account", ("*",))
    others = Match({key: globs for key, globs in match.items() if key != "account"})
    return _matches_any_series(others, job) and any(
        fnmatchcase(account.name, glob) for glob in names for account in job.accounts
    )


def _matches_any_series(match: Match, job: ReadJob) -> bool:
    """Whether the first account has a series that fits; any might where it names no currencies."""
    for account in job.accounts[:1]:
        if account.currencies:
            return any(match.series(account.series(currency)) for currency in account.currencies)
        return match.account(account)
    return False


def _check_keys(match: Globs, path: document.Path, configured: Configured, findings: Findings) -> None:
    known = [*OF_THE_SERIES, *sorted(configured.labels)]
    for key in match:
        if key not in known:
            findings.key((*path, key), f"no job has such a label{nearest(key, known)}")


def _check_currencies(match: Globs, path: document.Path, configured: Configured, findings: Findings) -> None:
    any_currency = {key: globs for key, globs in match.items() if key != "currency"}
    accounts = [job.accounts[0] for job in configured.jobs if _matches(any_currency, job)]
    if configured.complete and all(account.currencies for account in accounts):
        names = chain.from_iterable(account.currencies for account in accounts)
        _check_names(match.get("currency", ()), "currency", dict.fromkeys(names), path, findings)


def _check_names(
    globs: Iterable[str], what: str, known: Iterable[str], path: document.Path, findings: Findings
) -> None:
    names = sorted(known)
    for index, glob in enumerate(globs):
        if names and glob not in names and not _GLOB.intersection(glob):
            findings.value(findings.item((*path, what), index), unknown(what, glob, names))
