"""Targets of the configuration: a whole file, references, single values, and a file of clients."""

import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
from pydantic import TypeAdapter, ValidationError

from campaigns.fuzz.exact import is_exactly, written_out
from monitor.config import Config, load, warnings
from monitor.config.references import UNSET, Sources, interpolate
from monitor.config.types import ChangeLimit
from monitor.config.yaml_tree import Mapping as Mapped
from monitor.config.yaml_tree import Position, Scalar, parse, walk
from monitor.domain import money, schedule
from monitor.domain.rules import Delta, Threshold
from monitor.domain.time import compact, duration
from monitor.errors import ConfigError
from monitor.providers.base import BaseUrl, RateLimitField

ENVIRON: Mapping[str, str] = {
    "NAMI_API_KEY": "campaign-nami-key",
    "NAMI_API_SECRET": "campaign-nami-secret",
    "OPS_URL": "json://ops:campaign-password@hooks.example.org/alerts",
}
FILE_SECRET = "campaign-file-secret"  # noqa: S105 -- of no service
AT = datetime(2026, 2, 1, 13, 59, 30, tzinfo=UTC)
_HIDDEN = (*ENVIRON.values(), FILE_SECRET)


def config(data: bytes) -> None:
    """Load a whole file: a configuration with the amounts as written, or errors with their positions."""
    path = _folder() / "config.yaml"
    path.write_bytes(data)
    try:
        loaded = load(path, ENVIRON)
    except ConfigError as error:
        _assert_helpful(error, data)
        return
    warnings(loaded, AT)
    _assert_hidden(repr(loaded))
    _assert_amounts(loaded, data.decode("utf-8-sig"))
    accounts = [account.key for job in loaded.jobs for account in job.accounts]
    assert len(set(accounts)) == len(accounts)


def clients(data: bytes) -> None:
    """Load a file of clients: ids that fit a request, each once, or errors with their positions."""
    (_folder() / "clients.txt").write_bytes(data)
    path = _folder() / "with-clients.yaml"
    path.write_text(
        "providers: {w: {type: wdcf, client_secret: s}}\n"
        "jobs: [{name: j, provider: w, every: 5m, clients_file: clients.txt}]\n"
    )
    try:
        loaded = load(path, {})
    except ConfigError as error:
        _assert_helpful(error, data)
        return
    names = [account.name for account in loaded.jobs[0].accounts]
    assert names == list(dict.fromkeys(names))
    lines = [line.strip() for line in data.decode("utf-8-sig").split("\n")]
    assert names == [line for line in lines if line and not line.startswith("#")]
    for account in loaded.jobs[0].accounts:
        loaded.jobs[0].api.request(account, AT).url.encode("ascii")


def references(data: bytes) -> None:
    """Interpolate a text with `${…}`: the values are inserted, or the errors contain none."""
    text = data.decode(errors="replace")
    found, missing = _interpolated(text)
    assert "${" in text or (found == text and not missing)
    for reason in missing:
        _assert_hidden(reason)
        assert found == UNSET
    assert _interpolated(text.replace("${", "$${")) == (text, [])


def values(data: bytes) -> None:
    """Read one value, by the first byte a span, an amount, a change, a call limit, a URL or a cron expression."""
    text = data[1:].decode(errors="replace")
    kinds = tuple(_VALUES.values())
    kinds[data[0] % len(kinds) if data else 0](text)


def _span(text: str) -> None:
    try:
        span = duration(text)
    except ValueError:
        return
    assert duration(compact(span)) == span


def _amount(text: str) -> None:
    try:
        value = money.amount(text)
    except ValueError:
        return
    assert is_exactly(value, text)
    assert written_out(value)


def _change(text: str) -> None:
    try:
        limit, percent = TypeAdapter(ChangeLimit).validate_python(text)
    except ValidationError:
        return
    assert limit > 0
    assert percent is text.endswith("%")
    assert is_exactly(limit, text.removesuffix("%").rstrip())


def _rate_limit(text: str) -> None:
    try:
        limit = TypeAdapter(RateLimitField).validate_python(text)
    except ValidationError:
        return
    assert TypeAdapter(RateLimitField).validate_python(str(limit)) == limit


def _base_url(text: str) -> None:
    try:
        url = TypeAdapter(BaseUrl).validate_python(text)
    except ValidationError:
        return
    assert text.startswith(url)
    assert url.isascii()
    assert "@" not in url.split("/")[2]
    path = f"/{url.split('://', 1)[1].partition('/')[2]}".removesuffix("/")
    assert httpx.Request("GET", f"{url}/api?a=b").url.raw_path == f"{path}/api?a=b".encode()


def _cron(text: str) -> None:
    try:
        fields = schedule.parse(text)
    except ValueError:
        return
    at = schedule.next_run(fields, ZoneInfo("UTC"), AT)
    assert at is not None
    assert at > AT
    assert at.minute in fields.minutes
    assert at.hour in fields.hours
    assert at.month in fields.months
    weekday = (at.weekday() + 1) % 7
    fits = (at.day in fields.days, weekday in fields.weekdays)
    assert any(fits) if fields.either_day else all(fits)


_VALUES: Mapping[str, Callable[[str], None]] = {
    "span": _span,
    "amount": _amount,
    "change": _change,
    "rate limit": _rate_limit,
    "URL": _base_url,
    "cron": _cron,
}


@cache
def _folder() -> Path:
    """Return a directory for files, with the secret that the example refers to."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    (folder / "wdcf-secret").write_text(FILE_SECRET)
    return folder


def _interpolated(text: str) -> tuple[str | None, list[str]]:
    """Return the interpolated text, and the reasons of references without a value."""
    root = Scalar(text=text, at=Position(1, 1))
    done = interpolate(root, Sources(environ=ENVIRON, directory=_folder()), lambda _: False)
    assert isinstance(done.root, Scalar)
    return done.root.text, list(done.missing.values())


def _assert_helpful(error: ConfigError, data: bytes) -> None:
    """Assert that every problem has a reason and a position within the file, and contains no secret."""
    assert error.problems
    _assert_hidden(str(error))
    lines = data.count(b"\n") + data.count(b"\r") + data.count(b"\xc2\x85") + 3 * data.count(b"\xe2\x80") + 2
    for problem in error.problems:
        assert problem.reason
        assert problem.line is None or 1 <= problem.line <= lines
        assert problem.column is None or problem.column >= 1


def _assert_hidden(text: str) -> None:
    assert not [secret for secret in _HIDDEN if secret in text]


def _assert_amounts(loaded: Config, text: str) -> None:
    root = parse(text).root
    assert isinstance(root, Mapped)
    for index, rule in enumerate(loaded.rules):
        for key, value in _amounts(rule):
            written = [*walk(root, ("rules", index, key))][-1]
            if isinstance(written, Scalar) and written.text is not None and "${" not in written.text:
                assert is_exactly(value, written.text.removesuffix("%").rstrip()), f"{written.text}: {value}"


def _amounts(rule: object) -> list[tuple[str, Decimal]]:
    match rule:
        case Threshold():
            limits = {"below": rule.below, "above": rule.above, "clear": rule.clear}
            return [(key, value) for key, value in limits.items() if value is not None]
        case Delta():
            return [(rule.direction, rule.limit)]
        case _:
            return []
