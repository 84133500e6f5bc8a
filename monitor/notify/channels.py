"""Channels: notifiers that send messages to one recipient each, by apprise."""

import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote

import requests
from apprise import Apprise, AppriseAsset, AppriseResult, LogCapture, NotifyBase, NotifyFormat, OverflowMode
from apprise.attachment.memory import AttachMemory
from apprise.plugins import url_to_dict

# Private, but the only memory that its plugins consult before they send a part or serve a recipient. apprise keeps it
# for the retries within one call; retries of the outbox are calls of their own, minutes apart.
from apprise.plugins.base import _delivery_tracker
from pydantic import SecretStr
from requests import PreparedRequest, Response, codes
from requests.adapters import HTTPAdapter

from monitor.domain.delivery import SLOW, Target
from monitor.domain.messages import Message
from monitor.errors import DeliveryFailed, Throttled
from monitor.log.redaction import masked

_CONNECT_WITHIN = 10.0  # seconds
_RESPONSE_WITHIN = SLOW.total_seconds() - 5  # an attempt then ends by itself before the outbox calls it slow
_LOSES_THE_BODY = (301, 302, 303)  # `requests` turns a POST into an empty GET
_SHORTEST_SECRET = 4  # characters; masking shorter pieces of a URL would make every error unreadable

_T = TypeVar("_T")


_SENDING_OPTIONS = frozenset(
    ("cto", "emojis", "format", "optional", "overflow", "retry", "rto", "store", "tz", "verify", "wait")
)
"""Parameters that every apprise URL takes. They change no recipient."""


@dataclass(slots=True)
class _Responses:
    """The facts of an attempt's HTTP responses that decide its result, and that apprise's plugins do not pass on."""

    redirect: int | None = None
    is_throttled: bool = False
    retry_after: timedelta | None = None

    def note(self, request: PreparedRequest, response: Response) -> None:
        """Evaluate one response, and prevent a redirect that would lose the message."""
        status, headers = response.status_code, response.headers
        if status in _LOSES_THE_BODY and request.method not in ("GET", "HEAD"):
            self.redirect = status
            headers.pop("Location", None)  # without it, `requests` gives the plugin the redirect itself
        elif status == codes.too_many_requests or (
            status == codes.service_unavailable and "Retry-After" in headers
        ):
            self.is_throttled = True
            self.retry_after = _retry_after(headers)


class _Parts(set[tuple[int | None, Any]]):
    """apprise's memory of the parts of one message that a service accepted, and of what its plugin notes itself.

    Stored as digests, which survive a restart and hold no recipient and no token. apprise checks each part before it
    sends it, whatever happened to the one before; here, a part waits until the one before it was accepted."""

    def __init__(self, message: str, taken: set[str]) -> None:
        super().__init__()
        self._message = message
        self._taken = taken
        self._part_before: str | None = None

    def __contains__(self, noted: object) -> bool:
        """Return whether a part must not be sent: it was accepted before, or the one before it was not."""
        digest, is_part = self._digest(noted)
        if is_part:
            if self._part_before is not None and self._part_before not in self._taken:
                return True
            self._part_before = digest
        return digest in self._taken

    def add(self, noted: tuple[int | None, Any]) -> None:
        """Note that a part was accepted."""
        self._taken.add(self._digest(noted)[0])

    def _digest(self, noted: Any) -> tuple[str, bool]:
        number, (kind, text) = noted
        # apprise marks a whole part by an `object()`, whose text is a memory address: not the same after a restart
        is_part = kind is object
        what = (number, "" if is_part else f"{kind.__name__} {text}")
        return sha256(f"{self._message}\0{what}".encode()).hexdigest()[:16], is_part


class _ObservedAdapter(HTTPAdapter):
    """The transport of `requests`, which reports responses to the attempt of this thread, if there is one."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send as the parent does, unless the service has just throttled the message.

        Otherwise its attachments, which are requests of their own, would arrive before it."""
        responses = _responses.get()
        if responses is not None and responses.is_throttled:
            raise requests.ConnectionError("the service asked for a pause")
        response = super().send(request, *args, **kwargs)
        if responses is not None:
            responses.note(request, response)
        return response


# Plugins call requests.post() and the like by themselves and return a bool. requests makes a session with this class
# for each call, so this is the one place where status and headers of every plugin can be seen.
requests.sessions.HTTPAdapter = _ObservedAdapter  # type: ignore[attr-defined]  # its import there
_responses: ContextVar[_Responses | None] = ContextVar("responses", default=None)


class Notifier(Protocol):
    """One recipient of one channel."""

    @property
    def target(self) -> Target:
        """Return its name in the store and in logs."""
        ...

    def send(self, message: Message, taken: set[str]) -> None:
        """Send a message, which may block for a minute. Raises DeliveryFailed if it was not accepted.

        `taken` names the parts that the service accepted in earlier attempts, which are not sent again; those that it
        accepts in this one are added."""
        ...


class AppriseNotifier:
    """One recipient of an apprise URL.

    `named` is the recipient's name in a URL that names several; errors begin with it."""

    def __init__(
        self, target: Target, service: NotifyBase, url: str, former_ids: Sequence[str] = (), named: str = ""
    ) -> None:
        self._target = target
        self._former_ids = former_ids
        self.named = named
        self._secrets = _pieces(url)
        if "overflow=" not in url:
            service.overflow_mode = (
                OverflowMode.SPLIT
            )  # by default apprise sends a body that is too long as it is
        _wait_long_enough(service)
        self._format = service.resolve_format()
        self._shows_title = service.title_maxlen > 0
        self._takes_images = bool(service.attachment_support)
        self._apprise = Apprise(asset=service.asset)
        self._apprise.add(service)

    @property
    def target(self) -> Target:
        """Return its name in the store and in logs."""
        return self._target

    @property
    def former(self) -> tuple[Target, ...]:
        """Return its names in stores of older versions.

        These were apprise's own id, numbered where two were the same, and one name for all recipients of a URL."""
        return tuple(Target(channel=self._target.channel, url_id=url_id) for url_id in self._former_ids)

    @property
    def takes_images(self) -> bool:
        """Return whether the service accepts attachments."""
        return self._takes_images

    def send(self, message: Message, taken: set[str]) -> None:
        """Send by apprise, as Notifier.send describes. Raises DeliveryFailed with apprise's error, without the URL."""
        title, body = self._shaped(message)
        responses, before = _Responses(), frozenset(taken)
        with _set(_responses, responses), _set(_delivery_tracker, _Parts(f"{title}\0{body}", taken)):
            result = self._apprise.notify(
                title=title,
                body=body,
                body_format=self._format,
                notify_type=message.type,
                attach=self._attachments(message) or None,
                log_level=logging.DEBUG,
            )
        if responses.redirect is not None:
            taken &= before  # whatever the plugin made of the redirect, nothing was accepted
            raise DeliveryFailed(
                f"the service redirects (HTTP {responses.redirect}), and the redirect would lose the message: "
                "put the address that it redirects to into the URL"
            )
        if not result:
            error = self._reasons(result)
            if responses.is_throttled:
                raise Throttled(error, retry_after=responses.retry_after)
            raise DeliveryFailed(error)

    def _reasons(self, result: AppriseResult) -> str:
        """Return apprise's reasons for a failure, without secrets. It logs a mail server's reply at DEBUG only."""
        reasons = (
            entry.message
            for entry in result.logs()
            if entry.level not in ("INFO", "DEBUG") or entry.message.startswith("Socket Exception")
        )
        text = "; ".join(dict.fromkeys(reasons)) or "the service did not accept the message"
        if not self.named:
            return masked(text, self._secrets)
        named = text if self.named in text else f"{self.named}: {text}"
        # the name itself may look like a secret of the URL, and is what the reader needs
        return self.named.join(masked(part, self._secrets) for part in named.split(self.named))

    def _attachments(self, message: Message) -> list[AttachMemory]:
        if not self._takes_images:
            return []
        return [
            AttachMemory(  # type: ignore[no-untyped-call]  # apprise does not type it
                content=one.png, name=one.name, mimetype="image/png"
            )
            for one in message.images
        ]

    def _shaped(self, message: Message) -> tuple[str, str]:
        """Return title and body in the format that is the service's own, or that its URL sets.

        For a service without titles, apprise puts the title before the body as unescaped Markdown: a name with an
        underscore is then a syntax error to Telegram. The title goes into the body there, as code."""
        match self._format:
            case NotifyFormat.MARKDOWN if self._shows_title:
                return message.title, message.markdown
            case NotifyFormat.MARKDOWN:
                title = message.title.replace("`", "'")
                return "", f"`{title}`\n\n{message.markdown}"
            case NotifyFormat.HTML:
                return message.title, message.html
            case _:
                return message.title, message.plain


def open_channels(
    channels: Mapping[str, Iterable[SecretStr]],
) -> tuple[list[AppriseNotifier], list[tuple[str, int, str]]]:
    """Return a notifier per recipient; and for each URL that apprise refuses: its channel, its index, the reason."""
    _silence_libraries()
    notifiers, refused = [], []
    for channel, urls in channels.items():
        known: set[str] = set()
        taken: set[str] = set()
        for index, secret in enumerate(urls):
            url = secret.get_secret_value()
            service = Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)
            if service is None:
                refused.append((channel, index, _why_refused(url)))
                continue
            former_ids = (_unique(_own_id(service) or f"{channel}-{index}", taken), recipient_id(service))
            for named, one in _recipients(service, url):
                url_id = recipient_id(one)
                if url_id not in known:  # the same recipient twice gets one message
                    known.add(url_id)
                    target = Target(channel=channel, url_id=url_id)
                    notifiers.append(AppriseNotifier(target, one, url, former_ids, named))
    return notifiers, refused


def _recipients(service: NotifyBase, url: str) -> list[tuple[str, NotifyBase]]:
    """Return the service once for each recipient that its URL names, with the name, which is empty if it is secret.

    Deliveries to one recipient then fail and are repeated without the others. Not every plugin can be split: the URLs
    of the parts have to make up the URL of the whole. Mail with copies (`cc`, `bcc`) stays one delivery, because each
    recipient's message would carry the copies."""
    given = url_to_dict(url) or {}  # type: ignore[no-untyped-call]  # apprise does not type it
    targets = given.get("targets") or ()
    targets = [targets] if isinstance(targets, str) else list(targets)
    if given.get("cc") or given.get("bcc"):
        targets = []
    lists = [part.strip() for target in targets for part in str(target).split(",") if part.strip()]
    whole, shown = _words(service), _words(service, privacy=True)
    for names in (lists, targets):  # a comma may also be part of a name
        singles = [
            single
            for name in dict.fromkeys(names)
            if (single := Apprise.instantiate({**deepcopy(given), "targets": [name]}, asset=_asset()))
        ]
        words = [_words(single) for single in singles]
        common = set.intersection(*words) if words else set()
        if len(singles) > 1 and set.union(*words) == whole:
            return [
                (_name((own - common) & shown, common), single)
                for own, single in zip(words, singles, strict=True)
                if own - common  # else apprise has dropped an invalid name
            ]
    return [("", service)]


def _name(words: set[str], common: set[str]) -> str:
    """Return the name of a recipient in its URL, unless another part of the URL, such as a password, equals it."""
    name = " ".join(sorted(unquote(unquote(word)).rpartition("=")[2] for word in words))
    return "" if any(name in re.split("[/:=]", word) for word in common) else name


def _words(service: NotifyBase, *, privacy: bool = False) -> set[str]:
    """Return the parts of a service's URL, as a set: some plugins keep their targets in no order."""
    whole: str = service.url(privacy=privacy)  # type: ignore[no-untyped-call]  # apprise does not type it
    canonical, _, query = whole.partition("?")
    options = (pair.partition("=") for pair in query.split("&"))
    values = (f"{key}={value}" for key, _, text in options for value in re.split(r"%2C|,", text))
    return {*re.split(r"[/,@]", canonical), *values}


def takes_images(url: SecretStr) -> bool:
    """Return whether the service behind a URL accepts attachments. True for a URL that apprise refuses."""
    _silence_libraries()
    service = Apprise.instantiate(url.get_secret_value(), asset=_asset(), suppress_exceptions=True)
    return service is None or bool(service.attachment_support)


def _asset() -> AppriseAsset:
    # async_mode off: apprise then sends in the calling thread, where no slow service blocks the pool of the others
    return AppriseAsset(app_id="balance-monitor", app_desc="balance-monitor", async_mode=False)


@contextmanager
def _set(variable: ContextVar[_T | None], value: _T) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def _wait_long_enough(service: NotifyBase) -> None:
    """Set a service's timeouts to the time that the outbox waits, unless its URL sets them (`rto`, `cto`).

    A service that responds after apprise's default of 4 s has usually accepted the message: another attempt would
    send a duplicate."""
    if "socket_read_timeout" not in vars(service):  # apprise sets these on the instance only from the URL
        service.socket_read_timeout = _RESPONSE_WITHIN
    if "socket_connect_timeout" not in vars(service):
        # mail, XMPP and others without HTTP have this one timeout for connecting and for every reply
        has_http = hasattr(sys.modules[type(service).__module__], "requests")
        service.socket_connect_timeout = _CONNECT_WITHIN if has_http else _RESPONSE_WITHIN


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return the pause that Retry-After asks for; None without one. It is in seconds, or a date by the service's clock,
    which the Date header gives."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch("[0-9]{1,9}", text):
        return timedelta(seconds=int(text))
    until, at = _http_date(text), _http_date(headers.get("Date", "")) or datetime.now(UTC)
    return max(until - at, timedelta(0)) if until else None


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):  # parsedate_to_datetime raises all of them
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _silence_libraries() -> None:
    """Keep the libraries' log records out of ours: they hold URLs with tokens. Errors carry what matters of them."""
    for name in ("apprise", "urllib3", "requests", "markdown"):
        logger = logging.getLogger(name)
        logger.propagate = False
        # apprise's debug records reach the result of a notification, where _reasons finds a mail server's reply
        logger.setLevel(logging.DEBUG if name == "apprise" else logging.NOTSET)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def _why_refused(url: str) -> str:
    scheme = re.match(r"([a-z0-9+.-]{1,20})://", url, re.IGNORECASE)
    if scheme is None:
        return "not an apprise URL: it has no scheme, such as mailto:// or discord://"
    name, known = scheme[1].lower(), _schemes()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        return f"apprise knows no service {name}://" + (f"; did you mean {near[0]}://?" if near else "")
    return f"apprise does not accept this {name}:// URL: {_refusal(url)}"


def _refusal(url: str) -> str:
    """Return apprise's warnings about a URL that it refuses, without any part of the URL."""
    with LogCapture(  # type: ignore[no-untyped-call]  # apprise does not type it
        level=logging.WARNING, fmt="%(levelname)s %(message)s"
    ) as captured:
        Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)
        lines = captured.getvalue().splitlines()
    warnings = [line.removeprefix("WARNING ").rstrip(". :") for line in lines if line.startswith("WARNING ")]
    text = "; ".join(
        re.sub(r" ?\(([^()]*)\)", lambda value: _unless_of(url, value), line) for line in warnings
    )
    return masked(text, _pieces(url) | _pieces(unquote(url))) or "something in it is missing"


def _unless_of(url: str, value: re.Match[str]) -> str:
    """Return a value in brackets, or "" if it is empty, None or a part of the URL."""
    return "" if value[1] in ("", "None") or value[1] in unquote(url) else value[0]


def _schemes() -> set[str]:
    details = Apprise().details()
    names = ("protocols", "secure_protocols")
    return {scheme for schema in details["schemas"] for name in names for scheme in schema[name] or ()}


def recipient_id(service: NotifyBase) -> str:
    """Return a short stable id of the recipient behind a URL, from which the URL cannot be read.

    apprise's own `url_id` leaves out the targets: alice and bob at one ntfy server have the same. The digest includes
    the canonical URL without the options that only affect sending. Its parts are sorted, because some plugins keep
    their targets in sets, whose order differs from process to process."""
    whole: str = service.url(privacy=False)  # type: ignore[no-untyped-call]  # apprise does not type it
    canonical, _, query = whole.partition("?")
    options = [pair for pair in query.split("&") if pair.partition("=")[0] not in _SENDING_OPTIONS]
    parts = sorted([*re.split(r"[/,]", canonical), *options])
    return sha256("\0".join([str(_own_id(service)), *parts]).encode()).hexdigest()[:8]


def _own_id(service: NotifyBase) -> str | None:
    found = service.url_id()  # type: ignore[no-untyped-call]  # apprise does not type it: a hash, or None
    return None if found is None else str(found)


def _unique(url_id: str, taken: set[str]) -> str:
    name, number = url_id, 2
    while name in taken:
        name, number = f"{url_id}-{number}", number + 1
    taken.add(name)
    return name


def _pieces(url: str) -> frozenset[str]:
    """Return the parts of a URL that may be secrets: all but the scheme and a host with a dot in it."""
    rest = url.partition("://")[2]
    host = re.match(r"(?:[^/@?]*@)?([\w-]+(?:\.[\w-]+)+|localhost)", rest)
    public = {host[1], *host[1].split(".")} if host else set()
    pieces = {piece for piece in re.split(r"[/?&=:@#,]", rest) if len(piece) >= _SHORTEST_SECRET}
    return frozenset({url, rest} | pieces - public)
