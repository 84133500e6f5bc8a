"""The cause of an HTTP library's error, in the words of the socket, the resolver or TLS."""

import os
import socket
import ssl
from collections.abc import Iterator

import httpx

from monitor.errors import ConnectFailed, Retryable, TlsFailed
from monitor.providers.payload import plain_text


def cause_of(exc: BaseException, host: str, *, through_proxy: bool = False) -> Retryable:
    """Return the failure that `exc` stands for, in the words of the layer where it occurred."""
    match exc:
        case httpx.LocalProtocolError():  # its text may quote a header that holds a key
            return ConnectFailed("the request can't be sent as HTTP")
        case httpx.RemoteProtocolError():
            return ConnectFailed(_broken(str(exc)))
        case httpx.ProxyError():
            return ConnectFailed(f"proxy: {plain_text(str(exc))}")
        case _ if through_proxy:
            failed = _beneath(exc, "of the proxy")
            return type(failed)(f"through the proxy: {failed.detail}")
        case _:
            return _beneath(exc, host)


def _broken(text: str) -> str:
    """Return a short text for h11's common errors about incomplete responses, and h11's own text for the others."""
    if text.startswith("Server disconnected"):
        return "connection closed without a response"
    if text.startswith("peer closed"):
        return "connection closed before the response was complete"
    return f"broken HTTP: {plain_text(text)}"


def _beneath(exc: BaseException, host: str) -> Retryable:
    for cause in _causes(exc):
        match cause:
            case ssl.SSLCertVerificationError():
                return TlsFailed(plain_text(cause.verify_message))
            case ssl.SSLError():
                return TlsFailed(_tls_reason(cause))
            case socket.gaierror():
                # A resolver that can't be reached does not prove that the name does not exist.
                reason = "name lookup failed" if cause.errno == socket.EAI_AGAIN else "name not found"
                return ConnectFailed(f"{reason}: {host}")
            case OSError(errno=int(number)):
                return ConnectFailed(os.strerror(number).lower())
    return ConnectFailed(plain_text(str(exc)) or "connection lost")


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes, outermost first. Of a group, one exception per address, yield each."""
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
        return "the port does not use TLS"
    return (exc.reason or "TLS failed").replace("_", " ").lower()
