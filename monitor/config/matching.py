"""Checking each `match` against the configuration: a rule's against series, a route's against alerts."""

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
    """The names that a `match` can contain. `providers` are types by name, None for an unknown type.

    Names and labels include those of jobs with problems; accounts do not."""

    providers: Mapping[str, str | None]
    jobs: Sequence[ReadJob]
    job_names: frozenset[str]
    labels: frozenset[str]

    @property
    def complete(self) -> bool:
        """Return whether the accounts of all jobs are known."""
        return bool(self.jobs) and all(job.accounts for job in self.jobs)

    @property
    def of_a_series(self) -> tuple[str, ...]:
        """Return the attributes of a series."""
        return (*OF_THE_SERIES, *sorted(self.labels))

    @property
    def of_an_alert(self) -> tuple[str, ...]:
        """Return the attributes of an alert."""
        return (*OF_THE_ALERT, *self.of_a_series)


def matched(match: Globs, path: yaml_tree.Path, configured: Configured, findings: Findings) -> list[ReadJob]:
    """Return the jobs with series that the `match` of a rule, at a path, matches. Report what matches nothing."""
    for key in match:
        if key not in configured.of_a_series:
            findings.key((*path, key), _unknown_attribute(key, configured.of_a_series))
    return _matched_jobs(match, path, configured, findings)


def check_alerts(
    match: Globs, path: yaml_tree.Path, configured: Configured, rules: Iterable[str], findings: Findings
) -> None:
    """Report what matches nothing in a `match` of alerts, at a path. `rules` are the names of all rules."""
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
    """Report the names at a path that are not an attribute of an alert."""
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
    """Return the jobs that would match if their file or variable listed a matching account.

    Such a list changes without the configuration, so a rule for an account that is not in it now is not an error."""
    others = Match({key: globs for key, globs in match.items() if key != "account"})
    return [job for job in jobs if job.listed_elsewhere and _matches_any_series(others, job)]


def _matches(match: Globs, job: ReadJob) -> bool:
    """Return whether a job has a series that matches.

    Its accounts differ only in name and may be many, so the rest is compared once."""
    names = match.get("account", ("*",))
    others = Match({key: globs for key, globs in match.items() if key != "account"})
    return _matches_any_series(others, job) and any(
        fnmatchcase(account.name, glob) for glob in names for account in job.accounts
    )


def _matches_any_series(match: Match, job: ReadJob) -> bool:
    """Return whether the first account has a series that matches; without configured currencies, any may exist."""
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
