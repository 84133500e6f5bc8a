"""TLS that is not as it should be, with a certificate made for the occasion."""

import asyncio
import ssl
from datetime import timedelta

import pytest

from monitor.domain.model import PollResult
from monitor.errors import Outcome
from monitor.providers import http as transport

from .support import Endpoint, Station, closes, http


async def poll(base_url: str, **values: object) -> PollResult:
    async with Station(base_url) as station:
        return await station.poll(station.client(**values))


async def test_self_signed_certificate(server_tls: ssl.SSLContext) -> None:
    """A certificate nobody vouches for is refused, and said to be that."""
    async with Endpoint(http(), tls=server_tls) as endpoint:
        result = await poll(endpoint.base_url)
    assert (result.outcome, result.detail) == (Outcome.TLS, "self-signed certificate")
    assert endpoint.requests == []


async def test_unverified_certificate(server_tls: ssl.SSLContext) -> None:
    """With `verify_tls: false` any certificate will do."""
    async with Endpoint(http(), tls=server_tls) as endpoint:
        assert (await poll(endpoint.base_url, verify_tls=False)).outcome is Outcome.OK


@pytest.mark.usefixtures("trusted")
async def test_certificate_authority_from_the_environment(server_tls: ssl.SSLContext) -> None:
    """`SSL_CERT_FILE` names the authorities of a house of one's own."""
    async with Endpoint(http(), tls=server_tls) as endpoint:
        assert (await poll(endpoint.base_url)).outcome is Outcome.OK


@pytest.mark.usefixtures("trusted")
async def test_certificate_of_another_host(server_tls: ssl.SSLContext) -> None:
    """A trusted certificate for another name is refused, and both are named."""
    async with Endpoint(http(), tls=server_tls) as endpoint:
        result = await poll(endpoint.base_url.replace("127.0.0.1", "localhost"))
    assert result.outcome is Outcome.TLS
    assert result.detail == "Hostname mismatch, certificate is not valid for 'localhost'."


async def test_no_tls_at_this_port() -> None:
    """A port that answers in plain HTTP is said to speak no TLS."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await closes(http(400))(writer)

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        result = await poll(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert (result.outcome, result.detail) == (Outcome.TLS, "the port does not use TLS")


async def test_handshake_that_never_ends() -> None:
    """The deadline covers the TLS handshake, and its socket is closed."""
    closed = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other side closes
        closed.set()
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        base_url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Station(base_url) as station:
            result = await station.poll(station.client(timeout=timedelta(seconds=0.2)))
            await asyncio.wait_for(closed.wait(), 1)
    assert result.outcome is Outcome.TIMEOUT


async def test_authorities_are_loaded_once() -> None:
    """Clients share what was loaded to verify with."""
    assert transport.tls_context(verify=True) is transport.tls_context(verify=True)
