"""Every error this program raises on purpose.

    MonitorError                  shown to the user in one line, without a traceback
    ├── ConfigError               the configuration is invalid; carries every problem found (exit 78)
    ├── StoreError                the database cannot be used; the text names a remedy
    │   ├── StoreLocked           another process of this program uses it
    │   ├── StoreReplaced         another file was put in its place while the daemon ran
    │   └── StoreFull             the disk is full; recording resumes once there is space
    ├── Refused                   a command cannot do what it was asked for; nothing was changed
    ├── NotImported               a file of readings was rejected; carries the problems found
    ├── DeliveryFailed            a channel did not accept a message; the outbox tries again
    │   └── Throttled             the service wants no messages for a while; the outbox pauses its URL
    ├── NotDrawn                  the chart of a message could not be drawn; the message is sent without it
    ├── SandboxError              the sandbox or the demo cannot start
    └── PollFailed                one attempt to read an account gave no balance
        ├── Retryable             worth another try within the same poll
        │   ├── Timeout           timeout
        │   ├── ConnectFailed     connect
        │   ├── TlsFailed         tls
        │   └── Unavailable       unavailable    5xx
        ├── Paused                the host asked for a pause
        │   ├── RateLimited       rate_limited   429
        │   └── Banned            banned         418
        ├── AuthFailed            auth           401, 403, or an error body that means the same
        ├── NotFound              not_found      404
        ├── Rejected              rejected       other 4xx, redirects, HTTP 200 with an error status
        └── BadPayload            bad_payload    a response that is not as documented

Whether a poll tries again depends on the type alone: `Retryable` and nothing else. `Paused` stops calls to the host.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar


class Outcome(StrEnum):
    """The outcome of a poll: `ok`, or one kind of failure."""

    OK = "ok"
    TIMEOUT = "timeout"
    CONNECT = "connect"
    TLS = "tls"
    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate_limited"
    BANNED = "banned"
    AUTH = "auth"
    NOT_FOUND = "not_found"
    REJECTED = "rejected"
    BAD_PAYLOAD = "bad_payload"

    @property
    def concerns_account(self) -> bool:
        """Return whether the failure concerns one account only; all others concern the endpoint."""
        return self in (Outcome.NOT_FOUND, Outcome.REJECTED)


class MonitorError(Exception):
    """An error whose text is for the operator: what happened, where, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem in a configuration file. Lines and columns count from 1; None: the file as a whole.

    `source` is the file if it is not the configuration itself but one that it names."""

    path: str
    reason: str
    line: int | None = None
    column: int | None = None
    source: str | None = None


class ConfigError(MonitorError):
    """The configuration cannot be used; carries every problem found in it."""

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        self.source = source
        self.problems = problems
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """Return one `file:line:column: path: reason` per problem."""
        return [_line(self.source, problem) for problem in self.problems]


def _line(source: str, problem: Problem) -> str:
    file = problem.source or source
    where = file if problem.line is None else f"{file}:{problem.line}:{problem.column}"
    return f"{where}: {problem.path}: {problem.reason}" if problem.path else f"{where}: {problem.reason}"


class StoreError(MonitorError):
    """The database cannot be used as it is."""


class StoreLocked(StoreError):
    """Another process of this program uses the database."""


class StoreReplaced(StoreError):
    """Another file was put in the store's place: this process can record nothing more."""


class StoreFull(StoreError):
    """The disk is full. Nothing was written; the reading of this poll is lost."""


class Refused(MonitorError):
    """A command cannot do what it was asked for in the current state. Nothing was changed."""


class NotImported(MonitorError):
    """A file of readings was rejected; carries the problems, except for `more` that are only counted.

    Nothing was changed."""

    def __init__(self, source: str, problems: tuple[Problem, ...], more: int = 0) -> None:
        self.source = source
        self.problems = problems
        self.more = more
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """Return one `file:line:column: field: reason` per problem, and a line that counts those left out."""
        left_out = [f"{self.source}: and {self.more:,} more"] if self.more else []
        return [*(_line(self.source, problem) for problem in self.problems), *left_out]


class DeliveryFailed(MonitorError):
    """A channel did not accept a message. The text holds the service's reply, and never the channel's URL."""


class Throttled(DeliveryFailed):
    """The service wants no messages for a while (429, or 503 with Retry-After).

    `retry_after` is the time that its response asked for; None: none."""

    def __init__(self, detail: str, *, retry_after: timedelta | None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class NotDrawn(MonitorError):
    """The chart of a message could not be drawn; the message is sent without it."""


class SandboxError(MonitorError):
    """The sandbox or the demo cannot start."""


class PollFailed(MonitorError):
    """An attempt that gave no balance; `outcome` names the kind of failure, `detail` describes it."""

    outcome: ClassVar[Outcome]

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


class Retryable(PollFailed):
    """A transient failure: the poll tries again.

    `retry_after` is the time that the endpoint asked for; None: none."""

    def __init__(self, detail: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Timeout(Retryable):
    """No complete response within the deadline."""

    outcome = Outcome.TIMEOUT


class ConnectFailed(Retryable):
    """No connection, or one that broke before the response was complete."""

    outcome = Outcome.CONNECT


class TlsFailed(Retryable):
    """The TLS handshake failed: an expired, untrusted or self-signed certificate, or no TLS at all."""

    outcome = Outcome.TLS


class Unavailable(Retryable):
    """The service reported a failure of its own (5xx)."""

    outcome = Outcome.UNAVAILABLE


class Paused(PollFailed):
    """The host wants no calls for a while.

    `retry_after` is the time that its response asked for; None: none."""

    def __init__(self, detail: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class RateLimited(Paused):
    """Too many calls (429)."""

    outcome = Outcome.RATE_LIMITED


class Banned(Paused):
    """The service has banned this machine's address (418)."""

    outcome = Outcome.BANNED


class AuthFailed(PollFailed):
    """The credentials, the signature or the clock were refused."""

    outcome = Outcome.AUTH


class NotFound(PollFailed):
    """The service does not know this account."""

    outcome = Outcome.NOT_FOUND


class Rejected(PollFailed):
    """The service understood the request and declined it."""

    outcome = Outcome.REJECTED


class BadPayload(PollFailed):
    """A response that is not as documented; no amount was taken from it."""

    outcome = Outcome.BAD_PAYLOAD
