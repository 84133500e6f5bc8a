"""What really went wrong beneath an HTTP library's error: the socket's, the resolver's or TLS's own words."""

import os
import socket
import ssl
from collections.abc import Iterator

from monitor.errors import ConnectFailed, Retryable, TlsFailed
from monitor.providers.payload import plain_text

_TRY_AGAIN = {socket.EAI_AGAIN: "name lookup failed"}


def explained(exc: BaseException, host: str) -> Retryable:
    """The failure that `exc` stands for, in words of the layer where it happened."""
    for cause in _causes(exc):
        match cause:
            case ssl.SSLCertVerificationError():
                return TlsFailed(plain_text(cause.verify_message))
            case ssl.SSLError():
                return TlsFailed(_tls_reason(cause))
            case socket.gaierror():
                return ConnectFailed(f"{_TRY_AGAIN.get(cause.errno or 0, 'name not found')}: {host}")
            case OSError(errno=int(number)):
                return ConnectFailed(os.strerror(number).lower())
    return ConnectFailed(plain_text(str(exc)) or "connection lost")


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """The exception and what it came from, outermost first; of several at once (one an address), each."""
    if isinstance(exc, BaseExceptionGroup):
        for inner in exc.exceptions:
            yield from _causes(inner)
    else:
        yield exc
    beneath = exc.__cause__ or exc.__context__
    if beneath is not None:
        yield from _causes(beneath)


def _tls_reason(exc: ssl.SSLError) -> str:
    if exc.reason in (
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
    ):
        return "no TLS spoken at this port"
    return (exc.reason or "TLS failed").replace("_", " ").lower()
