"""Which alerts there can be by a configuration, and which silences match none of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from monitor.domain.matching import WILDCARDS, Attributes, Match
from monitor.domain.model import Account, Subject
from monitor.domain.mutes import Silence
from monitor.domain.rules import Rule

ANY = "*"
"""Stands for the currency of an account that names none and was never read."""

Held = Collection[tuple[str, str, str]]
"""The series that were read: job, account, currency."""


def possible_alerts(rules: Iterable[Rule], accounts: Collection[Account], held: Held) -> Iterator[Attributes]:
    """Yield what can be matched of the alerts that there may be, by rule, severity and subject."""
    currencies: dict[tuple[str, str], list[str]] = {}
    for job, account, currency in held:
        currencies.setdefault((job, account), []).append(currency)
    for rule in rules:
        severities = sorted(severity.word for severity in rule.severities)
        for subject, attributes in _subjects(rule, accounts, currencies):
            for severity in severities:
                own = {"rule": rule.name, "type": rule.kind, "severity": severity, "subject": subject}
                yield {**attributes, **own}


def may_match(match: Match, one: Attributes) -> bool:
    """Tell whether an alert that there may be fits; of currencies that are not known, any may."""
    if one.get("currency") != ANY:
        return match.alert(one)
    account = one["subject"].removesuffix(ANY)
    subjects = match.globs.get("subject", (ANY,))
    seen = Match({key: globs for key, globs in match.globs.items() if key not in ("currency", "subject")})
    return seen.alert(one) and any(glob.startswith(account) or WILDCARDS & set(glob) for glob in subjects)


def matching_nothing(
    silences: Iterable[Silence], rules: Iterable[Rule], accounts: Collection[Account], held: Held
) -> frozenset[int]:
    """Return the numbers of the silences that match no alert that there may be."""
    wanted = list(silences)
    possible = list(possible_alerts(rules, accounts, held)) if wanted else []
    return frozenset(one.id for one in wanted if not any(may_match(one.match, alert) for alert in possible))


def in_common(accounts: Sequence[Account]) -> dict[str, str]:
    """Return the attributes that all of these accounts have alike."""
    of_all = [set(account.attributes.items()) for account in accounts]
    return dict(set.intersection(*of_all)) if of_all else {}


def _subjects(
    rule: Rule, accounts: Collection[Account], held: Mapping[tuple[str, str], Sequence[str]]
) -> Iterator[tuple[Subject, Attributes]]:
    providers = set()
    for account in accounts:
        if rule.judges_account(account):
            providers.add(account.provider)
            yield Subject.of_account(account), account.attributes
        for currency in account.currencies or held.get(account.key) or (ANY,):
            if _looks_at(rule, account, currency):
                series = account.series(currency)
                yield Subject.of_series(series), series.attributes
    for name in sorted(providers):
        yield (
            Subject.of_provider(name),
            in_common([account for account in accounts if account.provider == name]),
        )


def _looks_at(rule: Rule, account: Account, currency: str) -> bool:
    return rule.match.account(account) if currency == ANY else rule.match.series(account.series(currency))
