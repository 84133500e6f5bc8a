"""What a status line and its headers mean, whoever sent them."""

from datetime import timedelta

import pytest

from monitor.errors import (
    AuthFailed,
    BadPayload,
    Banned,
    NotFound,
    Paused,
    PollFailed,
    RateLimited,
    Rejected,
    Retryable,
    Unavailable,
)
from monitor.providers.response import failure

from .support import DATE, answer

EARLIER = "Sun, 01 Feb 2026 13:49:30 GMT"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (101, BadPayload),
        (201, BadPayload),
        (204, BadPayload),
        (301, Rejected),
        (304, Rejected),
        (400, Rejected),
        (401, AuthFailed),
        (402, Rejected),
        (403, AuthFailed),
        (404, NotFound),
        (418, Banned),
        (422, Rejected),
        (429, RateLimited),
        (451, Rejected),
        (500, Unavailable),
        (503, Unavailable),
        (599, Unavailable),
        (600, BadPayload),
        (999, BadPayload),
    ],
)
def test_status(status: int, kind: type[PollFailed]) -> None:
    """Each status is its kind of failure."""
    assert type(failure(answer(b"", status))) is kind


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"retry-after": "30"}, 30, id="seconds"),
        pytest.param({"retry-after": " 30 "}, 30, id="spaces"),
        pytest.param({"retry-after": "Sun, 01 Feb 2026 14:00:00 GMT"}, 30, id="date-by-our-clock"),
        pytest.param(
            {"retry-after": "Sun, 01 Feb 2026 13:49:40 GMT", "date": EARLIER}, 10, id="date-by-their-clock"
        ),
        pytest.param({"retry-after": "99999999999"}, 86400, id="capped"),
        pytest.param({"retry-after": "9" * 5000}, 86400, id="absurdly-long"),
        pytest.param({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86400, id="date-capped"),
        pytest.param({"retry-after": "0"}, None, id="zero"),
        pytest.param({"retry-after": "-5"}, None, id="negative"),
        pytest.param({"retry-after": EARLIER, "date": DATE}, None, id="past-date"),
        pytest.param({"retry-after": "1.5"}, None, id="fraction"),
        pytest.param({"retry-after": "²"}, None, id="not-ascii"),
        pytest.param({"retry-after": "soon"}, None, id="word"),
        pytest.param({"retry-after": "Sun, 99 Feb 2026 14:00:00 GMT"}, None, id="impossible-date"),
        pytest.param({}, None, id="absent"),
    ],
)
def test_retry_after(headers: dict[str, str], expected: int | None) -> None:
    """Seconds or a date, by the service's clock where it tells it; nonsense counts as nothing said."""
    assert answer(b"", 429, headers).retry_after == (expected and timedelta(seconds=expected))


@pytest.mark.parametrize("status", [418, 429, 500, 503])
def test_retry_after_goes_along(status: int) -> None:
    """What the service asks for is part of the failure."""
    failed = failure(answer(b"", status, {"retry-after": "7"}))
    assert isinstance(failed, Paused | Retryable)
    assert failed.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        pytest.param("https://login.example/a?signature=abc", "login.example", id="another-host"),
        pytest.param("https://user:pass@login.example:8443/", "login.example", id="credentials"),
        pytest.param("/login?signature=abc", "the same host", id="relative"),
        pytest.param("https://[oops", "an unreadable address", id="unreadable"),
        pytest.param("", "the same host", id="empty"),
    ],
)
def test_redirect_names_only_the_host(location: str, target: str) -> None:
    """A redirect's path and query may repeat what was signed, and are not shown."""
    failed = failure(answer(b"", 302, {"location": location}))
    assert failed.detail == f"HTTP 302: redirect to {target}, not followed"


def test_bytes_of_an_answer_are_not_in_its_repr() -> None:
    """An answer in a traceback shows no body."""
    assert "secret" not in repr(answer("secret"))
