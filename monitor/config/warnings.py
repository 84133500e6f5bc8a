"""Warnings about a valid configuration: settings that are probably mistakes, and files open to others."""

import glob
import os
import re
import shlex
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from fractions import Fraction
from importlib.util import find_spec
from ipaddress import ip_address
from itertools import combinations
from pathlib import Path
from typing import assert_never
from urllib.parse import urlsplit

from pydantic import SecretStr

from monitor.config.model import Config, Job
from monitor.config.problems import shown
from monitor.config.types import OF_THE_ALERT
from monitor.domain.matching import Match
from monitor.domain.model import Account
from monitor.domain.routing import Route
from monitor.domain.rules import Rule
from monitor.domain.schedule import Cron, Every
from monitor.domain.time import moment
from monitor.domain.windows import OneOff
from monitor.providers.base import RateLimit

_MINUTE = timedelta(minutes=1)
_UNBRACED = re.compile(r"(?<![^/:@=?&])\$([A-Z]+(_[A-Z0-9]+)*)(?![^/:@=?&])")


def warnings(config: Config, now: datetime) -> list[str]:
    """Return a sentence for each setting that is probably a mistake. `now` is in UTC."""
    return [
        *_channels(config),
        *_unbraced(config),
        *config.hints,
        *_plain_http(config),
        *_untrusted(config),
        *_rates(config),
        *_unmatched(config),
        *exposed(config),
        *_unreached(config),
        *_past(config, now),
        *_charts(config),
        *_shared(config),
    ]


def _channels(config: Config) -> Iterator[str]:
    if not config.channels:
        yield "no channels are configured: alerts are shown by `status`, but no notifications are sent"


def _unbraced(config: Config) -> Iterator[str]:
    """Yield a warning for each secret that looks like a reference without its braces."""
    for place, secret in _secrets(config):
        text = secret.get_secret_value()
        if (match := _UNBRACED.fullmatch(text)) is not None:
            yield f"{place} is used literally; did you mean `${{{match[1]}}}`?"
        elif _UNBRACED.search(text):
            yield f"{place} contains a `$`, which is used literally; a reference needs braces: `${{NAME}}`"


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
            yield f"providers.{name}.base_url is http: requests and their signatures are sent unencrypted"


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
            yield f"providers.{name}.verify_tls is off: anybody in between can pose as the service and forge balances"


def _rates(config: Config) -> Iterator[str]:
    """Yield a warning for each host whose jobs need more calls than its lowest limit allows, without retries."""
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
                f"{names}: the schedules need {_figure(needed)} calls a minute to {origin}, but its rate_limit "
                f"{limit} allows {_figure(_per_minute(limit))}; polls will be late"
            )


def _per_minute(limit: RateLimit) -> Fraction:
    return limit.calls / _times(limit.per)


def _calls_a_minute(job: Job) -> Fraction:
    """Return the calls of a job a minute: one for each account and run; for cron, in an hour in which it runs."""
    match job.schedule:
        case Every(interval=interval):
            return len(job.accounts) / _times(interval)
        case Cron():
            return Fraction(len(job.accounts) * len(job.schedule.fields.minutes), 60)
        case _:
            assert_never(job.schedule)


def _times(span: timedelta) -> Fraction:
    """Return the exact length of a span in minutes."""
    return Fraction(span // timedelta(microseconds=1), _MINUTE // timedelta(microseconds=1))


def _figure(value: Fraction) -> str:
    return f"{float(value):.4g}"


def _unmatched(config: Config) -> Iterator[str]:
    accounts = [account for job in config.jobs for account in job.accounts]
    for rule in config.rules:
        idle = list(_idle_globs(rule.match, accounts))
        has_no_effect = not any(rule.match.account(account) for account in accounts)
        for key, pattern in idle:
            then = ", so the rule has no effect" if has_no_effect else ""
            yield f"rule {rule.name}: match.{key} {shown(pattern)} matches nothing that is configured{then}"
        if has_no_effect and not idle:
            yield f"rule {rule.name}: match matches no configured account, so the rule has no effect"
    for place, match in _matches_of_alerts(config):
        unfit = [*_idle_globs(match, accounts), *_idle_globs_of_rules(match, config.rules)]
        for key, pattern in unfit:
            yield f"{place}.{key} {shown(pattern)} matches nothing that is configured"
        if match.globs and not unfit and not any(_has_alerts(rule, match, accounts) for rule in config.rules):
            yield f"{place} can match no alert of these rules and accounts"


def _idle_globs(match: Match, accounts: list[Account]) -> Iterator[tuple[str, str]]:
    for key, globs in match.globs.items():
        if key not in ("currency", *OF_THE_ALERT):
            for pattern in globs:
                if not any(Match({key: (pattern,)}).account(account) for account in accounts):
                    yield key, pattern


def _idle_globs_of_rules(match: Match, rules: Sequence[Rule]) -> Iterator[tuple[str, str]]:
    for key in ("rule", "type"):
        for pattern in match.globs.get(key, ()):
            one = Match({key: (pattern,)})
            if not any(one.alert({"rule": rule.name, "type": rule.kind}) for rule in rules):
                yield key, pattern


def _matches_of_alerts(config: Config) -> Iterator[tuple[str, Match]]:
    for route in config.routes:
        yield f"routes[{route.number}].match", route.match
    for index, inhibition in enumerate(config.inhibitions):
        yield f"inhibit[{index}].source", inhibition.source
        yield f"inhibit[{index}].target", inhibition.target
    for one in config.maintenance:
        yield f"maintenance {one.name}: match", one.match


def _has_alerts(rule: Rule, match: Match, accounts: list[Account]) -> bool:
    """Return whether a rule can have an alert that matches. The subject is not compared."""
    of_the_rule = Match({key: globs for key, globs in match.globs.items() if key in OF_THE_ALERT[:3]})
    others = Match({key: globs for key, globs in match.globs.items() if key not in OF_THE_ALERT})
    names = {"rule": rule.name, "type": rule.kind}
    if not any(of_the_rule.alert({**names, "severity": one.word}) for one in rule.severities):
        return False
    return any(rule.match.account(account) and others.account(account) for account in accounts)


def _unreached(config: Config) -> Iterator[str]:
    """Yield a warning for each route whose alerts an earlier one takes."""
    for index, route in enumerate(config.routes):
        for earlier in config.routes[:index]:
            if not earlier.continues and _covers(earlier, route):
                whole = "every alert" if not earlier.match.globs else "the same alerts"
                yield (
                    f"routes[{route.number}] is never reached: routes[{earlier.number}] matches {whole} and lacks "
                    "`continue: true`"
                )
                break


def _covers(earlier: Route, route: Route) -> bool:
    """Return whether the earlier route certainly matches every alert of the later one."""
    wanted = route.match.globs
    return all(
        key in wanted and all(any(_takes_all(one, pattern) for one in globs) for pattern in wanted[key])
        for key, globs in earlier.match.globs.items()
    )


def _takes_all(earlier: str, pattern: str) -> bool:
    """Return whether the earlier pattern certainly matches all that the other does; False for `?` and `[…]`."""
    if earlier == pattern:
        return True
    return not set("?[").intersection(earlier + pattern) and fnmatchcase(pattern, earlier)


def _past(config: Config, now: datetime) -> Iterator[str]:
    for one in config.maintenance:
        if isinstance(one.window, OneOff) and one.window.ends_at <= now:
            yield f"maintenance {one.name} ended at {moment(one.window.ends_at)}; remove it"


def _charts(config: Config) -> Iterator[str]:
    """Yield a warning for charts that can't be drawn, or that no service of a channel accepts."""
    rules = [f"rule {rule.name}" for rule in config.rules if rule.presentation.chart]
    channels = [channel for channel in config.channels.values() if channel.chart]
    askers = [*rules, *(f"channel {channel.name}" for channel in channels)]
    if askers and find_spec("matplotlib") is None:
        yield (
            f"{', '.join(askers)}: `chart` is on, but matplotlib is not installed; messages are sent without charts: "
            "pip install 'balance-monitor[charts]'"
        )
    for channel in channels:
        if not any(_shows_images(url) for url in channel.urls):
            yield f"channel {channel.name}: `chart` is on, but none of its services accepts attachments"


def _shared(config: Config) -> Iterator[str]:
    """Yield a warning for each recipient that receives the same alerts twice, by one channel or by several."""
    of_channel: dict[str, set[str]] = {}
    for channel in config.channels.values():
        found = of_channel.setdefault(channel.name, set())
        for index, url in enumerate(channel.urls):
            recipients = _recipients(url)
            if not found.isdisjoint(recipients):
                yield (
                    f"channels.{channel.name}.urls[{index}] leads to a recipient that the channel already has; it "
                    "receives each message once"
                )
            found |= recipients
    everywhere = tuple(config.channels)
    together = [(f"routes[{route.number}]", route.channels or everywhere) for route in config.routes]
    together += [(f"rule {rule.name}", rule.policy.notify) for rule in config.rules if rule.policy.notify]
    if not config.routes:
        together.append(("without routes, every alert", everywhere))
    for what, names in together:
        for one, other in combinations(dict.fromkeys(names), 2):
            if of_channel[one] & of_channel[other]:
                yield f"{what}: channels {one} and {other} lead to the same recipient; it receives each message once"
    for channel in config.channels.values():
        if channel.fallback is not None and of_channel[channel.name] & of_channel[channel.fallback]:
            yield f"channel {channel.name}: its fallback {channel.fallback} leads to the same recipient"


def _recipients(url: SecretStr) -> set[str]:
    from monitor.notify.channels import open_channels  # apprise takes a third of a second to load

    return {notifier.target.url_id for notifier in open_channels({"": [url]})[0]}


def _shows_images(url: SecretStr) -> bool:
    from monitor.notify.channels import takes_images  # apprise takes a third of a second to load

    return takes_images(url)


_NAMED = 3
"""The most places that a warning names."""
_LOCKED_OUT = "chmod 600 would lock out the daemon, which does not run as the file's owner"


def exposed(config: Config) -> Iterator[str]:
    """Yield a sentence for each file that others can read or replace and should not, with the remedy."""
    store = config.store.path.resolve()
    yield from _store(store)
    daemon = _owner(store)
    if config.literals and (mode := _open_to_others(config.path, stat.S_IROTH)):
        yield (
            f"{config.path} contains secrets ({_some(config.literals)}) and can be read by others ({mode}): "
            + (
                f"{_closing([config.path])}, or refer to them as ${{NAME}} or ${{file:PATH}}"
                if _owner(config.path) == daemon
                else f"refer to them as ${{NAME}} or ${{file:PATH}}; {_LOCKED_OUT}"
            )
        )
    for path in config.secret_files:
        if mode := _open_to_others(path, stat.S_IROTH):
            advice = (
                _closing([path])
                if _owner(path) == daemon
                else "pass it with LoadCredential= in the systemd unit, or give it a group of the daemon's and mode "
                f"0640; {_LOCKED_OUT}"
            )
            yield f"the secret file {path} can be read by others ({mode}): {advice}"


def _owner(path: Path) -> int:
    """Return the id of the user who owns a file, else its directory; else of the user of this process.

    The store's owner is the daemon's user, also if root runs this: with DynamicUser= it owns no other file."""
    for one in (path, path.parent):
        with suppress(OSError):
            return one.stat().st_uid
    return os.geteuid()


def _store(path: Path) -> Iterator[str]:
    """Yield what others can do to the database and to the files beside it that begin with its name, such as a backup.

    The lock file is left out: it contains only a number."""
    beside = sorted(path.parent.glob(f"{glob.escape(path.name)}*"))
    readable = {
        file: mode
        for file in beside
        if not file.name.endswith(".lock") and (mode := _open_to_others(file, stat.S_IROTH))
    }
    if readable:
        mode = next(iter(readable.values()))
        yield f"the store can be read by others ({mode}), with all balances and accounts: {_closing(readable)}"
    if mode := _open_to_others(path.parent, stat.S_IWOTH):
        yield (
            f"the store's directory can be written to by others ({mode}), who could replace the "
            f"store: {_withdrawing(path.parent)}"
        )


def _open_to_others(path: Path, bit: int) -> str:
    """Return the mode of a path that has a bit for others; empty if it, or a directory above it, denies access."""
    try:
        mode = path.stat().st_mode
        if mode & bit and all(above.stat().st_mode & stat.S_IXOTH for above in path.resolve().parents):
            return f"mode {stat.S_IMODE(mode):04o}"
    except OSError:
        pass  # missing or out of reach, so others can't reach it this way either
    return ""


def _closing(files: Iterable[Path]) -> str:
    return " ".join(["chmod 600", *(shlex.quote(str(file)) for file in files)])


def _withdrawing(directory: Path) -> str:
    if directory.stat().st_mode & stat.S_ISVTX:
        return "it is a shared directory, so set store.url to a file in another one"
    return f"chmod o-w {shlex.quote(str(directory))}"


def _some(places: tuple[str, ...]) -> str:
    more = len(places) - _NAMED
    return ", ".join(places[:_NAMED]) + (f" and {more} more" if more > 0 else "")
