"""What a `match` says of what is configured: a rule's of its series, a route's of the alerts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain

from monitor.config import yaml_tree
from monitor.config.jobs import ReadJob
from monitor.config.problems import Findings, nearest, shown, unknown
from monitor.config.sections import RULES
from monitor.config.types import OF_THE_ALERT, OF_THE_SERIES
from monitor.domain.matching import WILDCARDS, Match
from monitor.domain.model import Severity

Globs = Mapping[str, tuple[str, ...]]


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
        """Return whether these are all the accounts there are."""
        return bool(self.jobs) and all(job.accounts for job in self.jobs)

    @property
    def of_a_series(self) -> tuple[str, ...]:
        """Return the keys that can be matched of a series."""
        return (*OF_THE_SERIES, *sorted(self.labels))

    @property
    def of_an_alert(self) -> tuple[str, ...]:
        """Return the keys that can be matched of an alert."""
        return (*OF_THE_ALERT, *self.of_a_series)


def matched(match: Globs, path: yaml_tree.Path, configured: Configured, findings: Findings) -> list[ReadJob]:
    """Return the jobs of which a rule's `match`, at a path, fits a series or more. Report what in it fits nothing."""
    for key in match:
        if key not in configured.of_a_series:
            findings.key((*path, key), _unknown_attribute(key, configured.of_a_series))
    return _matched_jobs(match, path, configured, findings)


def check_alerts(
    match: Globs, path: yaml_tree.Path, configured: Configured, rules: Iterable[str], findings: Findings
) -> None:
    """Report what in the `match` of a route or the like, at a path, fits nothing. `rules` are the names of all."""
    for key in match:
        if key not in configured.of_an_alert:
            findings.key((*path, key), _unknown_attribute(key, configured.of_an_alert))
    _check_names(match.get("rule", ()), "rule", rules, path, findings)
    _check_names(match.get("type", ()), "type", RULES, path, findings)
    _check_names(match.get("severity", ()), "severity", [one.word for one in Severity], path, findings)
    _matched_jobs({key: match[key] for key in match if key not in OF_THE_ALERT}, path, configured, findings)


def check_attributes(
    names: Iterable[str], path: yaml_tree.Path, configured: Configured, findings: Findings
) -> None:
    """Report the names at a path that no alert has as an attribute."""
    for index, name in enumerate(names):
        if name not in configured.of_an_alert:
            findings.value(findings.item(path, index), _unknown_attribute(name, configured.of_an_alert))


def _unknown_attribute(name: str, known: Sequence[str]) -> str:
    alternatives = nearest(name, known) or f"; known: {', '.join(known)}"
    return f"unknown attribute or label {shown(name)}{alternatives}"


def _matched_jobs(
    match: Globs, path: yaml_tree.Path, configured: Configured, findings: Findings
) -> list[ReadJob]:
    _check_names(match.get("job", ()), "job", configured.job_names, path, findings)
    _check_names(match.get("provider", ()), "provider", configured.providers, path, findings)
    _check_currencies(match, path, configured, findings)
    jobs = [job for job in configured.jobs if _matches(match, job)] or _awaited(match, configured.jobs)
    if not jobs and configured.complete and not findings.within(path):
        findings.value(path, "matches no configured account")
    return jobs


def _awaited(match: Globs, jobs: Sequence[ReadJob]) -> list[ReadJob]:
    """Return the jobs that would have an account that fits, if a file or a variable listed it: such a list changes by
    itself, and what waits for one of its accounts is no mistake."""
    others = Match({key: globs for key, globs in match.items() if key != "account"})
    return [job for job in jobs if job.listed_elsewhere and _matches_any_series(others, job)]


def _matches(match: Globs, job: ReadJob) -> bool:
    """Return whether a job has a series that fits. Its accounts differ in name alone and may be many, so the rest is
    compared once."""
    names = match.get("account", ("*",))
    others = Match({key: globs for key, globs in match.items() if key != "account"})
    return _matches_any_series(others, job) and any(
        fnmatchcase(account.name, glob) for glob in names for account in job.accounts
    )


def _matches_any_series(match: Match, job: ReadJob) -> bool:
    """Return whether the first account has a series that fits; any might where it names no currencies."""
    for account in job.accounts[:1]:
        if account.currencies:
            return any(match.series(account.series(currency)) for currency in account.currencies)
        return match.account(account)
    return False


def _check_currencies(match: Globs, path: yaml_tree.Path, configured: Configured, findings: Findings) -> None:
    any_currency = {key: globs for key, globs in match.items() if key != "currency"}
    accounts = [job.accounts[0] for job in configured.jobs if _matches(any_currency, job)]
    if configured.complete and all(account.currencies for account in accounts):
        names = chain.from_iterable(account.currencies for account in accounts)
        _check_names(match.get("currency", ()), "currency", dict.fromkeys(names), path, findings)


def _check_names(
    globs: Iterable[str], what: str, known: Iterable[str], path: yaml_tree.Path, findings: Findings
) -> None:
    names = sorted(known)
    for index, glob in enumerate(globs):
        if names and glob not in names and not WILDCARDS.intersection(glob):
            findings.value(findings.item((*path, what), index), unknown(what, glob, names))
