"""No secret and no signature in anything that is written, sent to people or shown, whatever goes wrong."""

import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import parse_qsl, quote

from monitor.sandbox.http import Request, Response, Server, error_response, json_response

from .stage import together
from .support import Done, Installation, endpoint_failing, jobs, until

API_KEY = "LEAK-api-key-7f3Qz"
API_SECRET = "LEAK-api-secret-9kXw2"
CLIENT_SECRET = "LEAK-client-secret-4mVb8"
USER = "LEAKuser5tRd"
PASSWORD = "LEAK/pass word@6yHn"
TOKEN = "LEAK-path-token-1cGs3"
HEADER = "LEAK-header-value-8pLq"
QUERY = "LEAK-query-value-2zEj"
SECRETS = (API_KEY, API_SECRET, CLIENT_SECRET, USER, PASSWORD, TOKEN, HEADER, QUERY)

_SIGNATURE = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class Gossip:
    """A service that repeats all it was sent in its error, and notes each signature it saw."""

    def __init__(self) -> None:
        self.status = 401
        self.signatures: set[str] = set()
        self.server = Server(self._answer)

    async def hears(self, more: int) -> None:
        """Waits for that many further requests."""
        enough = len(self.signatures) + more
        await until(lambda: len(self.signatures) >= enough, "further requests")

    def _answer(self, request: Request) -> Response:
        self.signatures |= set(re.findall(r"[0-9a-f]{64}", f"{request.query} {request.headers}"))
        said = f"you sent {request.target} with {dict(request.headers)}"
        match self.status:
            case 200:
                return json_response(200, {"status": said, "message": said, "data": None})
            case 302:
                return Response(
                    status=302, headers={"location": f"http://{said.split()[2]}/{request.target}"}
                )
            case 0:
                return json_response(200, {"status": "ok", "data": {said: {"value": said}}})
            case status:
                return error_response(status, said)


class Hook:
    """A receiver whose URL is full of secrets; it repeats them where it refuses."""

    def __init__(self) -> None:
        self.status = 200
        self.bodies: list[bytes] = []
        self.server = Server(self._answer)

    @property
    def url(self) -> str:
        """The apprise URL, with every kind of secret there is."""
        password = quote(PASSWORD, safe="")
        where = f"127.0.0.1:{self.server.port}/{TOKEN}/"
        return f"json://{USER}:{password}@{where}?+X-Token={HEADER}&-key={QUERY}"

    def _answer(self, request: Request) -> Response:
        self.bodies.append(request.body)
        return Response(status=self.status, body=f"{request.target} {dict(request.headers)}".encode())


class Evidence:
    """Everything that anybody could look at."""

    def __init__(self, site: Installation, gossip: Gossip, hook: Hook) -> None:
        self._site = site
        self._gossip = gossip
        self._hook = hook
        self._shown: list[tuple[str, bytes]] = []

    def note(self, where: str, done: Done) -> None:
        """What a command showed."""
        self._shown.append((f"{where}'s stdout", done.out.encode()))
        self._shown.append((f"{where}'s stderr", done.err.encode()))

    def note_process(self, pid: int) -> None:
        """What the process list shows."""
        self._shown.append(("cmdline", Path(f"/proc/{pid}/cmdline").read_bytes()))
        self._shown.append(("comm", Path(f"/proc/{pid}/comm").read_bytes()))

    def leaks(self) -> list[str]:
        """Each secret with where it was found."""
        return [
            f"{secret} in {where}"
            for where, content in self._all()
            for secret in self._secrets()
            if secret.encode() in content
        ]

    def _secrets(self) -> Iterator[str]:
        for secret in SECRETS:
            yield from {secret, quote(secret, safe=""), secret[:10]}
        yield from self._gossip.signatures
        for logged in (*self._site.sandbox.nami.requests, *self._site.sandbox.wdcf.requests):
            signed = dict(parse_qsl(logged.request.query)).get("signature")
            yield signed or logged.request.headers.get("x-signature", API_SECRET)

    def _all(self) -> Iterator[tuple[str, bytes]]:
        yield from self._shown
        for body in self._hook.bodies:
            yield "a message", body
        for path in self._site.folder.rglob("*"):
            if path.is_file() and path != self._site.config:
                with suppress(FileNotFoundError):
                    yield str(path.relative_to(self._site.folder)), path.read_bytes()


async def _prepare(site: Installation, gossip: Gossip, hook: Hook, *, wrong: bool) -> Evidence:
    await gossip.server.start()
    await hook.server.start()
    providers = site.document["providers"]
    if not wrong:
        url = f"http://127.0.0.1:{gossip.server.port}"
        providers["nami"]["base_url"] = providers["wdcf"]["base_url"] = url
    providers["nami"] |= {"api_key": "${LEAK_KEY}", "api_secret": "${LEAK_SECRET}"}
    providers["wdcf"]["client_secret"] = CLIENT_SECRET
    site.environ |= {"LEAK_KEY": API_KEY, "LEAK_SECRET": API_SECRET, "LEAK_URL": hook.url}
    site.write(
        channels={"ops": {"urls": ["${LEAK_URL}"]}}, rules=[endpoint_failing(repeat_every="1s", polls=1)]
    )
    return Evidence(site, gossip, hook)


async def _commands(site: Installation, evidence: Evidence) -> None:
    for command in (
        ["check", "--live"],
        ["check", "--live", "--json"],
        ["notify"],
        ["status"],
        ["status", "--json"],
    ):
        evidence.note(" ".join(command), await site.command(*command))


@together()
async def test_a_service_that_repeats_what_it_was_sent_reveals_nothing(site: Installation) -> None:
    """Key, signature and headers come back in errors of every kind; at log level debug none of it shows anywhere."""
    gossip, hook = Gossip(), Hook()
    evidence = await _prepare(site, gossip, hook, wrong=False)
    daemon = await site.start("--log-level", "debug")
    for status in (401, 400, 404, 500, 302, 200, 0):
        gossip.status = status
        await gossip.hears(2)
    evidence.note_process(daemon.pid)
    hook.status = 500
    await daemon.logged("notification not delivered")
    await _commands(site, evidence)
    assert await daemon.stop() == 0
    evidence.note("poll", await site.command("poll"))
    await gossip.server.stop()
    await hook.server.stop()
    assert len(gossip.signatures) > 10
    assert len(hook.bodies) > 5
    assert evidence.leaks() == []
    kept = b"".join(path.read_bytes() for path in site.folder.glob("balances.db*"))
    assert b"HTTP 401: you sent" in kept
    assert set(_SIGNATURE.findall(kept)) <= _url_ids(site)


def _url_ids(site: Installation) -> set[bytes]:
    with closing(sqlite3.connect(site.store)) as db:
        return {row[0].encode() for row in db.execute("SELECT DISTINCT url_id FROM notifications")}


@together()
async def test_refused_credentials_reveal_nothing(site: Installation) -> None:
    """Wrong keys against the real thing, a channel that is down, a broken reload, the log as JSON: no secret shows."""
    gossip, hook = Gossip(), Hook()
    evidence = await _prepare(site, gossip, hook, wrong=True)
    daemon = await site.start("--log-level", "debug", "--log-format", "json")
    await site.shows(lambda shown: {job["outcome"] for job in shown["jobs"]} == {"auth"}, "both refused")
    evidence.note_process(daemon.pid)
    await hook.server.stop()
    await daemon.logged("notification not delivered")
    await _commands(site, evidence)
    good = site.config.read_text()
    site.config.write_text(good.replace("${LEAK_URL}", f"nosuch://{USER}:x@host/{TOKEN}"))
    evidence.note("check of a wrong URL", await site.command("check"))
    site.config.write_text(good.replace(CLIENT_SECRET, f"[{CLIENT_SECRET}]"))
    evidence.note("check of a secret that is a list", await site.command("check"))
    site.config.write_text(good.replace("client_secret:", "client_secrt:"))
    evidence.note("check of a misspelt key", await site.command("check"))
    site.config.write_text(good.replace("every: 1s", "every: ${LEAK_SECRET}"))
    evidence.note("check of a secret in the wrong place", await site.command("check"))
    site.config.write_text(good)
    assert await daemon.stop() == 0
    await gossip.server.stop()
    assert jobs(await site.status())["spot"]["outcome"] == "auth"
    assert evidence.leaks() == []


@together()
async def test_a_reload_with_new_secrets_reveals_neither_old_nor_new(site: Installation) -> None:
    """While the credentials are exchanged under way both the old and the new stay out of the log."""
    gossip, hook = Gossip(), Hook()
    evidence = await _prepare(site, gossip, hook, wrong=False)
    daemon = await site.start("--log-level", "debug")
    site.document["providers"]["wdcf"]["client_secret"] = CLIENT_SECRET + "-new"
    site.write()
    daemon.send(signal.SIGHUP)
    await daemon.logged("configuration reloaded")
    await gossip.hears(2)
    await daemon.stop()
    await gossip.server.stop()
    await hook.server.stop()
    assert evidence.leaks() == []
