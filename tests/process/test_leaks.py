"""No secret and no signature in anything that is written, sent to people or shown, whatever goes wrong."""

import gc
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from urllib.parse import parse_qsl, quote

import yaml
from pydantic import BaseModel, SecretStr

from monitor import config as configuration
from monitor.daemon.runtime import Hosts, Monitor, open_channels
from monitor.notify.channels import AppriseNotifier
from monitor.providers.http import Client
from monitor.sandbox.http import Request, Response, Server, error_response, json_response
from monitor.store.identity import SCHEMA

from .outside import Gate, next_version, surround
from .stage import together
from .support import Done, Installation, endpoint_failing, jobs, run, until

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
        """What the process list shows, but for what it was given as variables; it starts no process of its own."""
        process = Path(f"/proc/{pid}")
        for name in ("cmdline", "comm"):
            self._shown.append((name, (process / name).read_bytes()))
        given = [f"{name}={value}".encode() for name, value in self._site.environ.items()]
        variables = (process / "environ").read_bytes().split(b"\0")
        self._shown += [("environ", variable) for variable in variables if variable not in given]
        assert not "".join(path.read_text() for path in process.glob("task/*/children"))

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
        for logged in (*self._site.nami.requests, *self._site.wdcf.requests):
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
    site.execs = True  # the process list is looked at too
    site.environ |= {"LEAK_KEY": API_KEY, "LEAK_SECRET": API_SECRET, "LEAK_URL": hook.url}
    site.write(
        channels={"ops": {"urls": ["${LEAK_URL}"]}}, rules=[endpoint_failing(repeat_every="1s", polls=1)]
    )
    return Evidence(site, gossip, hook)


async def _commands(site: Installation, evidence: Evidence) -> None:
    for command in (
        ["check", "--live"],
        ["check", "--live", "--json"],
        ["poll", "--json"],
        ["notify"],
        ["notify", "--json"],
        ["status"],
        ["status", "--json"],
    ):
        evidence.note(" ".join(command), await site.command(*command))
    evidence.note("schema", await run("schema", cwd=site.folder, environ=site.environ))


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
    await site.wait_for_status(
        lambda shown: {job["outcome"] for job in shown["jobs"]} == {"auth"}, "both refused"
    )
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


LOUD = """\
import logging

def louder(logger, level, known=logging.Logger.setLevel):
    known(logger, logging.DEBUG)

logging.Logger.setLevel = louder
"""
"""Every logger at DEBUG, those that were silenced as well."""

CRASHES = """\
import asyncio
import hmac
import signal
import socket

def broken(what, secret):
    if Path(__file__).with_name(what + ".shut").exists():
        held_once(what)
        raise RuntimeError(f"can't work with {secret!r}")

def held_once(what):
    Path(__file__).with_name(what + ".held").touch()

def new(key, *args, known=hmac.new):
    broken("polls", key)
    return known(key, *args)

def getaddrinfo(host, port, *args, known=socket.getaddrinfo, **kwargs):
    if f":{port}/" in os.environ["LEAK_URL"]:
        broken("deliveries", os.environ["LEAK_URL"])
    return known(host, port, *args, **kwargs)

def fail(secret):
    raise RuntimeError(f"can't work with {secret!r}")

async def fail_in_a_task(secret):
    fail(secret)

class Unraisable:
    def __del__(self):
        fail(os.environ["LEAK_SECRET"])

def fail_everywhere(*_):
    loop = asyncio.get_running_loop()
    loop.call_soon(fail, os.environ["LEAK_SECRET"])
    loop.create_task(fail_in_a_task(os.environ["LEAK_KEY"]))
    threading.Thread(target=fail, args=[os.environ["LEAK_URL"]]).start()
    Unraisable()

hmac.new = new
socket.getaddrinfo = getaddrinfo
signal.signal(signal.SIGUSR1, fail_everywhere)
signal.signal(signal.SIGUSR2, lambda *_: fail(os.environ["LEAK_SECRET"]))
"""


@together()
async def test_errors_nobody_foresaw_reveal_nothing(site: Installation) -> None:
    """In a poll, a delivery, the loop, a task, a thread, a destructor, and at last one that ends the process.

    Each error's text holds a secret, each is told with its traceback, and every logger there is stands at DEBUG."""
    gossip, hook = Gossip(), Hook()
    evidence = await _prepare(site, gossip, hook, wrong=False)
    surround(site, LOUD, CRASHES)
    site.environ["PYTHONASYNCIODEBUG"] = "1"
    daemon = await site.start("--log-level", "debug")
    await gossip.hears(4)
    deliveries, polls = Gate(site, "deliveries"), Gate(site, "polls")
    deliveries.shut()
    await deliveries.holds()
    await daemon.logged("notification not delivered")
    polls.shut()
    await daemon.logged("a run failed")
    daemon.send(signal.SIGUSR1)
    await daemon.logged('where="in thread')
    await daemon.logged('where="where nothing')
    await daemon.logged("Task exception was never retrieved")
    await daemon.logged("Exception in callback fail(")
    daemon.send(signal.SIGUSR2)
    assert await daemon.ended() == 1
    assert "CRITICAL crashed" in daemon.log
    await gossip.server.stop()
    await hook.server.stop()
    assert daemon.log.count("can't work with '***'") >= 5
    assert "Traceback (most recent call last)" in daemon.log
    assert evidence.leaks() == []


@together()
async def test_a_dump_of_all_threads_reveals_nothing(site: Installation) -> None:
    """What faulthandler prints when systemd's watchdog aborts the process: where it was, and no value."""
    gossip, hook = Gossip(), Hook()
    evidence = await _prepare(site, gossip, hook, wrong=False)
    surround(site, "import resource\n", "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))")
    daemon = await site.launch(PYTHONFAULTHANDLER="1")
    await daemon.logged("running")
    await gossip.hears(2)
    daemon.send(signal.SIGABRT)
    ended = await daemon.ended()
    await gossip.server.stop()
    await hook.server.stop()
    assert ended in (
        -signal.SIGABRT,
        -signal.SIGSEGV,
    )  # the dump reads frames of threads that run: it may fall over
    assert "most recent call first" in daemon.log
    assert evidence.leaks() == []


@together()
async def test_a_backup_holds_no_secret(site: Installation) -> None:
    """Nor does the lock, nor what was kept of a service's gossip before and after the schema changed."""
    gossip, hook = Gossip(), Hook()
    evidence = await _prepare(site, gossip, hook, wrong=False)
    evidence.note("poll", await site.command("poll"))
    next_version(site)
    daemon = await site.start("--log-level", "debug")
    await gossip.hears(2)
    assert await daemon.stop() == 0
    await gossip.server.stop()
    await hook.server.stop()
    assert b"HTTP 401: you sent" in site.store.with_name(f"balances.db.backup-{SCHEMA}").read_bytes()
    assert evidence.leaks() == []


async def test_no_object_shows_a_secret(tmp_path: Path) -> None:
    """Everything of ours that can be got at from a loaded configuration at work, however it is turned into text."""
    (tmp_path / "secret").write_text(API_SECRET)
    document = {
        "providers": {
            "nami": {"type": "nami", "api_key": "${KEY}", "api_secret": "${file:secret}"},
            "wdcf": {
                "type": "wdcf",
                "client_secret": CLIENT_SECRET,
                "proxy": f"http://{USER}:{HEADER}@proxy:1",
            },
        },
        "channels": {"ops": {"urls": [f"json://{USER}:{quote(PASSWORD, safe='')}@h/{TOKEN}/?+X={HEADER}"]}},
        "jobs": [
            {"name": "spot", "provider": "nami", "every": "1m", "wallet": "spot"},
            {"name": "clients", "provider": "wdcf", "every": "1m", "clients": ["C"]},
        ],
    }
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(document))
    hosts = Hosts()
    monitor = Monitor(*open_channels(configuration.load(file, {"KEY": API_KEY})), hosts)
    ours = [one for one in _reachable(monitor) if type(one).__module__.startswith(("monitor", "pydantic"))]
    shown = {f"{type(one).__name__}: {text}" for one in ours for text in _texts(one)}
    await monitor.close()
    kinds = {type(one) for one in ours}
    assert kinds >= {configuration.Config, configuration.Channel, AppriseNotifier, Client, SecretStr}
    assert [
        text for text in shown for secret in SECRETS if secret in text or quote(secret, safe="") in text
    ] == []


def _reachable(root: object) -> Iterator[object]:
    """What an object refers to, and what that refers to: not the program's code, and not what is plain text."""
    seen: dict[int, object] = {}
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType | BuiltinFunctionType):
            continue
        seen[id(one)] = one
        waiting += gc.get_referents(one)
    yield from seen.values()


def _texts(one: object) -> Iterator[str]:
    yield from (repr(one), str(one), f"{one}")
    if is_dataclass(one) and not isinstance(one, type):
        yield repr(asdict(one))
    if isinstance(one, BaseModel):
        yield from (repr(one.model_dump()), one.model_dump_json())
