"""The heartbeat gets through as polls do: by the same TLS files, through a proxy; its trouble in their words."""

import ssl
from uuid import uuid4

import pytest
from pydantic import SecretStr

from monitor.alerting.heartbeat import Heartbeat

from .support import Endpoint, closes, http

TOKEN = "BEAT-9f1c2e7a-token"


def heartbeat(base_url: str, proxy: str | None = None) -> Heartbeat:
    """One for a check at that service."""
    secret = None if proxy is None else SecretStr(proxy)
    return Heartbeat(SecretStr(f"{base_url}/ping/{TOKEN}"), uuid4, proxy=secret)


@pytest.mark.usefixtures("trusted")
async def test_certificate_authority_from_the_environment(
    server_tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    """`SSL_CERT_FILE` names the authorities of a house of one's own."""
    async with Endpoint(http(), tls=server_tls) as service:
        await heartbeat(service.base_url).begin()
    assert [head.partition("?")[0] for head in service.heads()] == [f"GET /ping/{TOKEN}/start"]
    assert caplog.records == []


async def test_configured_proxy_is_used() -> None:
    """With its own credentials; the service's name is the proxy's business."""
    async with Endpoint(http()) as proxy:
        beats = heartbeat("http://beats.invalid", proxy.base_url.replace("://", "://me:pass@"))
        await beats.end("the disk is full")
    assert proxy.heads()[0].startswith(f"POST http://beats.invalid/ping/{TOKEN}/fail?rid=")
    assert b"Proxy-Authorization: Basic bWU6cGFzcw==" in proxy.requests[0]


async def _error(caplog: pytest.LogCaptureFixture, url: str, proxy: str | None = None) -> str:
    caplog.clear()
    await heartbeat(url, proxy).begin()
    (record,) = caplog.records
    assert record.getMessage() == "heartbeat not delivered"
    assert TOKEN not in str(record.__dict__)
    return str(record.__dict__["fields"]["error"])


async def test_trouble_has_the_words_of_the_layer_where_it_is(
    server_tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    """As for polls: an operator learns what to look at, and no secret."""
    async with Endpoint(http(), tls=server_tls) as service:
        url = service.base_url
        assert await _error(caplog, url) == "self-signed certificate"
    assert await _error(caplog, url) == "connection refused"
    async with Endpoint(closes()) as service:
        assert await _error(caplog, service.base_url) == "connection closed without a response"
    async with Endpoint(http(404)) as service:
        assert await _error(caplog, service.base_url) == "HTTP 404"
    assert await _error(caplog, "http://beats.invalid") == "name not found: beats.invalid"
    assert (
        await _error(caplog, "http://beats.invalid", "http://127.0.0.1:1")
        == "through the proxy: connection refused"
    )
