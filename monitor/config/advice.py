"""What is allowed in a configuration and probably not meant."""

import re
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from ipaddress import ip_address
from typing import assert_never
from urllib.parse import urlsplit

from pydantic import SecretStr

from monitor.config.exposure import exposed
from monitor.config.model import Config, Job
from monitor.config.wording import shown
from monitor.domain.model import Account
from monitor.domain.rules import Match, Rule
from monitor.domain.schedule import Cron, Every
from monitor.providers.base import RateLimit

_MINUTE = timedelta(minutes=1)
_UNBRACED = re.compile(r"(?<![^/:@=?&])\$([A-Z]+(_[A-Z0-9]+)*)(?![^/:@=?&])")


def warnings(config: Config) -> list[str]:
    """A sentence for each thing that works, but not as one would expect."""
    return [
        *_channels(config),
        *_unbraced(config),
        *_plain_http(config),
        *_untrusted(config),
        *_rates(config),
        *_unmatched(config),
        *exposed(config),
    ]


def _channels(config: Config) -> Iterator[str]:
    if not config.channels:
        yield "no channels are configured: alerts are shown by `status`, and nobody is told"


def _unbraced(config: Config) -> Iterator[str]:
    """Secrets that look like a reference without its braces."""
    for place, secret in _secrets(config):
        text = secret.get_secret_value()
        if (match := _UNBRACED.fullmatch(text)) is not None:
            yield f"{place} is taken as it is written; did you mean `${{{match[1]}}}`?"
        elif _UNBRACED.search(text):
            yield f"{place} holds a `$` that is taken as it is written; a reference has braces: `${{NAME}}`"


def _secrets(config: Config) -> Iterator[tuple[str, SecretStr]]:
    for name, settings in config.providers.items():
        for key, value in settings:
            if isinstance(value, SecretStr):
                yield f"providers.{name}.{key}", value
    for channel in config.channels.values():
        for index, url in enumerate(channel.urls):
            yield f"channels.{channel.name}.urls[{index}]", url


def _plain_http(config: Config) -> Iterator[str]:
    for name, settings in config.providers.items():
        parts = urlsplit(settings.base_url)
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            yield f"providers.{name}.base_url is http: the credentials' signatures travel in the clear"


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _untrusted(config: Config) -> Iterator[str]:
    for name, settings in config.providers.items():
        if not settings.verify_tls and settings.base_url.startswith("https:"):
            yield f"providers.{name}.verify_tls is off: whoever answers is believed, balances and all"


def _rates(config: Config) -> Iterator[str]:
    """Hosts whose jobs need more calls than the strictest limit on them allows. Retries are not counted."""
    limits: dict[str, RateLimit] = {}
    for settings in config.providers.values():
        limit = settings.rate_limit
        if limit is not None:
            known = limits.setdefault(settings.origin, limit)
            limits[settings.origin] = min(known, limit, key=_per_minute)
    for origin, limit in limits.items():
        jobs = [job for job in config.jobs if config.providers[job.provider].origin == origin]
        needed = sum((_calls_a_minute(job) for job in jobs), Fraction(0))
        if needed > _per_minute(limit):
            names = ", ".join(job.name for job in jobs)
            yield (
                f"{names}: polling on time takes {_figure(needed)} calls a minute at {origin}, and its rate_limit "
                f"{limit} allows {_figure(_per_minute(limit))}; polls will be late"
            )


def _per_minute(limit: RateLimit) -> Fraction:
    return limit.calls / _times(limit.per)


def _calls_a_minute(job: Job) -> Fraction:
    """One call for each account and run; for cron, in an hour in which it runs."""
    match job.schedule:
        case Every(interval=interval):
            return len(job.accounts) / _times(interval)
        case Cron():
            return Fraction(len(job.accounts) * len(job.schedule.fields.minutes), 60)
        case _:
            assert_never(job.schedule)


def _times(span: timedelta) -> Fraction:
    """How many minutes a span is, exactly."""
    return Fraction(span // timedelta(microseconds=1), _MINUTE // timedelta(microseconds=1))


def _figure(value: Fraction) -> str:
    return f"{float(value):.4g}"


def _unmatched(config: Config) -> Iterator[str]:
    accounts = [account for job in config.jobs for account in job.accounts]
    for rule in config.rules:
        for key, glob in _idle_globs(rule, accounts):
            yield f"rule {rule.name}: match.{key} {shown(glob)} fits nothing that is configured"


def _idle_globs(rule: Rule, accounts: list[Account]) -> Iterator[tuple[str, str]]:
    for key, globs in rule.match.globs.items():
        if key != "currency":
            for glob in globs:
                if not any(Match({key: (glob,)}).account(account) for account in accounts):
                    yield key, glob
