"""Every error this program raises on purpose.

    MonitorError                  what a user is told in one line, without a traceback
    ├── ConfigError               the configuration is wrong; carries every problem found   (exit 78)
    ├── StoreError                the database can't be used; says what to do
    │   ├── StoreLocked           another process works on it
    │   └── StoreFull             no space left; goes away by itself when there is some
    ├── Refused               what a command was asked for can't be done as things stand; nothing was changed
    ├── NotImported           a file of readings that can't be taken as it is; carries the problems found
    ├── DeliveryFailed            a channel did not take a message; the outbox tries again
    │   └── Throttled             it wants no messages for a while; the outbox lets its URL rest
    ├── NotDrawn                  a message's picture could not be drawn; the message goes without
    ├── SandboxError              the sandbox or the demo can't start
    └── PollFailed                one attempt to read an account did not give a balance
        ├── Retryable             worth another try within the same poll
        │   ├── Timeout           timeout
        │   ├── ConnectFailed     connect
        │   ├── TlsFailed         tls
        │   └── Unavailable       unavailable    5xx
        ├── Paused                the host asked for a pause
        │   ├── RateLimited       rate_limited   429
        │   └── Banned            banned         418
        ├── AuthFailed            auth           401, 403, or a body that says so
        ├── NotFound              not_found      404
        ├── Rejected              rejected       other 4xx, redirects, HTTP 200 with an error status
        └── BadPayload            bad_payload    an answer that can't be trusted

Whether to try again is a property of the type: `Retryable` and nothing else. `Paused` stops the host.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar


class Outcome(StrEnum):
    """How a poll ended: `ok`, or one kind of failure (design: "Kinds of failure")."""

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
        """Whether it says something of one account; all other failures say something of the endpoint."""
        return self in (Outcome.NOT_FOUND, Outcome.REJECTED)


class MonitorError(Exception):
    """What happened, where, and what to do, in words for the person who runs the daemon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in a configuration file. Lines and columns count from 1; None: the file as a whole.

    `source` is the file where it is not the configuration itself but one that it names."""

    path: str
    reason: str
    line: int | None = None
    column: int | None = None
    source: str | None = None


class ConfigError(MonitorError):
    """A configuration that can't be used, with every problem found in it."""

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        self.source = source
        self.problems = problems
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """One `file:line:column: path: reason` per problem."""
        return [_line(self.source, problem) for problem in self.problems]


def _line(source: str, problem: Problem) -> str:
    file = problem.source or source
    where = file if problem.line is None else f"{file}:{problem.line}:{problem.column}"
    return f"{where}: {problem.path}: {problem.reason}" if problem.path else f"{where}: {problem.reason}"


class StoreError(MonitorError):
    """The database can't be used as it is."""


class StoreLocked(StoreError):
    """Another process of ours works on this database."""


class StoreReplaced(StoreError):
    """Another file lies in the store's place: this process can record nothing more."""


class StoreFull(StoreError):
    """The disk is full: nothing was written, nothing is lost but this reading."""


class Refused(MonitorError):
    """What a command was asked for can't be done as things stand. Nothing was changed."""


class NotImported(MonitorError):
    """A file of readings that can't be taken as it is, with what is wrong in it, `more` of which is left out.

    Nothing was changed."""

    def __init__(self, source: str, problems: tuple[Problem, ...], more: int = 0) -> None:
        self.source = source
        self.problems = problems
        self.more = more
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """One `file:line:column: field: reason` per problem."""
        left_out = [f"{self.source}: and {self.more:,} more"] if self.more else []
        return [*(_line(self.source, problem) for problem in self.problems), *left_out]


class DeliveryFailed(MonitorError):
    """A channel did not take a message; says what came back, without the channel's URL."""


class Throttled(DeliveryFailed):
    """The service wants no messages for a while (429, or 503 with Retry-After).

    `retry_after` is what its answer asked for; None: it did not say."""

    def __init__(self, detail: str, *, retry_after: timedelta | None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class NotDrawn(MonitorError):
    """A message's picture could not be drawn; the message goes without."""


class SandboxError(MonitorError):
    """The sandbox or the demo can't start."""


class PollFailed(MonitorError):
    """An attempt that gave no balance; `outcome` names the kind, `detail` says what was seen."""

    outcome: ClassVar[Outcome]

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


class Retryable(PollFailed):
    """A passing fault: another try within the same poll is worth it.

    `retry_after` is what the endpoint asked for, where it did."""

    def __init__(self, detail: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Timeout(Retryable):
    """No whole answer within the deadline."""

    outcome = Outcome.TIMEOUT


class ConnectFailed(Retryable):
    """No connection, or one that broke before the answer was whole."""

    outcome = Outcome.CONNECT


class TlsFailed(Retryable):
    """The TLS handshake failed: an expired, foreign or self-signed certificate, or no TLS at all."""

    outcome = Outcome.TLS


class Unavailable(Retryable):
    """The service says the fault is its own (5xx)."""

    outcome = Outcome.UNAVAILABLE


class Paused(PollFailed):
    """The host wants no calls for a while.

    `retry_after` is what its answer asked for; None: it did not say."""

    def __init__(self, detail: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class RateLimited(Paused):
    """Too many calls (429)."""

    outcome = Outcome.RATE_LIMITED


class Banned(Paused):
    """Our address is banned (418)."""

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
    """An answer that is not what the documentation promises; no number was taken from it."""

    outcome = Outcome.BAD_PAYLOAD
