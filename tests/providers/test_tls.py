"""TLS that is not as it should be, with a certificate made for the occasion."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.domain.model import PollResult
from monitor.errors import Outcome
from monitor.providers import http as transport

from .support import Endpoint, Station, closes, http

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=loopback"
    )
    names = [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-addext",
        "keyUsage=critical,digitalSignature,keyCertSign",
    ]
    subprocess.run(
        [*command.split(), *names, "-keyout", path, "-out", path.with_suffix(".crt")],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The certificate as the only one that is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    transport.tls_context.cache_clear()
    yield
    transport.tls_context.cache_clear()


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
    assert (result.outcome, result.detail) == (Outcome.TLS, "no TLS spoken at this port")


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
