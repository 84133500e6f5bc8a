"""Which alerts are possible by a configuration, and which silences match none of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from monitor.domain.matching import WILDCARDS, Attributes, Match
from monitor.domain.model import Account, Subject
from monitor.domain.mutes import Silence
from monitor.domain.rules import Rule

ANY = "*"
"""The currency of an account that configures none and was never read: it may hold any."""

Held = Collection[tuple[str, str, str]]
"""The series that were read: job, account, currency."""


def possible_alerts(rules: Iterable[Rule], accounts: Collection[Account], held: Held) -> Iterator[Attributes]:
    """Yield the attributes of every possible alert, by rule, subject and severity."""
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
    """Return whether a possible alert matches. If its account's currencies are unknown, every currency may match."""
    if one.get("currency") != ANY:
        return match.alert(one)
    # `job/account/*` -> `job/account/`: the subject of each of its series begins so
    account = one["subject"].removesuffix(ANY)
    subjects = match.globs.get("subject", (ANY,))
    known = Match({key: globs for key, globs in match.globs.items() if key not in ("currency", "subject")})
    return known.alert(one) and any(glob.startswith(account) or WILDCARDS & set(glob) for glob in subjects)


def matching_nothing(
    silences: Iterable[Silence], rules: Iterable[Rule], accounts: Collection[Account], held: Held
) -> frozenset[int]:
    """Return the numbers of the silences that match no possible alert."""
    wanted = list(silences)
    possible = list(possible_alerts(rules, accounts, held)) if wanted else []
    return frozenset(one.id for one in wanted if not any(may_match(one.match, alert) for alert in possible))


def in_common(accounts: Sequence[Account]) -> dict[str, str]:
    """Return the attributes that are equal for all of these accounts."""
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
            series = account.series(currency)
            matches = rule.match.account(account) if currency == ANY else rule.match.series(series)
            if matches:
                yield Subject.of_series(series), series.attributes
    for name in sorted(providers):
        yield (
            Subject.of_provider(name),
            in_common([account for account in accounts if account.provider == name]),
        )
