"""While the file is broken: the configuration in force, as the store keeps it, without secrets."""

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor import config as configuration
from monitor.config import Config
from monitor.config.in_force import in_force
from monitor.errors import ConfigError
from monitor.store.writer import Store

AT = datetime(2026, 2, 1, 14, 2, tzinfo=UTC)
TEXT = """\
store: {url: "sqlite:///balances.db", keep: 30d}
providers:
  wdcf: {type: wdcf, base_url: "https://wdcf.example/${TENANT}", client_secret: "${file:secret}", proxy: "http://me:pass-word@p:1"}
channels:
  ops: {urls: ["${OPS_URL}", "json://user:literal-password@127.0.0.1/a"], message: {body: "{{ rule }} https://x.example/?t=literal-token"}}
links: {dashboard: "https://g.example/?auth=link-token"}
heartbeat: {url: "https://beat.example/ping-token", proxy: "http://me:beat-proxy-pass@p:1"}
web: {token: "literal-web-token-0123456789"}
routes: [{match: {team: pay}, notify: [ops]}]
maintenance: [{name: night, match: {job: clients}, cron: "0 3 * * *", lasts: 1h}]
jobs:
  - {name: clients, provider: wdcf, every: "${EVERY}", clients_file: clients.txt, labels: {team: pay, runbook: "https://wiki.example/pay"}}
rules:
  - {name: low, type: threshold, match: {job: clients}, below: 1000}
"""
ENVIRON = {
    "EVERY": "30s",
    "TENANT": "tenant-secret",
    "OPS_URL": "json://user:env-password@127.0.0.1/b",
}
SECRETS = (
    "file-secret",
    "pass-word",
    "env-password",
    "literal-password",
    "literal-token",
    "link-token",
    "ping-token",
    "beat-proxy-pass",
    "literal-web-token-0123456789",
    "tenant-secret",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with all kinds of secrets in it, and beside it what it names."""
    (tmp_path / "secret").write_text("file-secret\n")
    (tmp_path / "clients.txt").write_text("CLIENT_001\nCLIENT_002\n")
    (tmp_path / "config.yaml").write_text(TEXT)
    return tmp_path / "config.yaml"


async def accepted(file: Path) -> Config:
    """Keep what the file says now."""
    loaded = configuration.load(file, ENVIRON)
    store = Store(loaded.store.path)
    await store.write(lambda tx: tx.configuration.accept(str(file), "1.0", loaded.document, AT))
    await store.close()
    return loaded


def found(file: Path, environ: dict[str, str] | None = None) -> tuple[Config, str]:
    """What a command works from, with the file as it is now and hardly a variable set."""
    environ = environ or {}
    with pytest.raises(ConfigError) as broken:
        configuration.load(file, environ, need_secrets=False)
    return in_force(file, environ, broken.value)


def mistyped(file: Path) -> None:
    """Misspell a key."""
    file.write_text(file.read_text().replace("every:", "evry:"))


def not_yaml(file: Path) -> None:
    """Leave a bracket open in the middle of the file."""
    file.write_text(file.read_text().replace("routes: [", "routes: [[["))


def unset(file: Path) -> None:
    """Change nothing: the variables of the daemon are not those of a shell."""


def not_text(file: Path) -> None:
    """Write a comment in another encoding."""
    file.write_bytes(b"# caf\xe9\n" + file.read_bytes())


def unquoted(file: Path) -> None:
    """Leave a quote open at the store itself."""
    file.write_text(file.read_text().replace('balances.db"', "balances.db"))


def misplaced_store(file: Path) -> None:
    """Misspell the section that says where the store is."""
    file.write_text(file.read_text().replace("store:", "stroe:"))


def mistyped_store(file: Path) -> None:
    """Misspell the store's URL."""
    file.write_text(file.read_text().replace("sqlite:", "sqlit:"))


def empty(file: Path) -> None:
    """Leave nothing in it."""
    file.write_text("")


def gone(file: Path) -> None:
    """Take it away."""
    file.unlink()


def a_folder(file: Path) -> None:
    """Put a folder in its place, as Docker does where what is to be mounted is not there."""
    file.unlink()
    file.mkdir()


def without_clients(file: Path) -> None:
    """Take away a file that it names."""
    file.with_name("clients.txt").unlink()


BREAKS = (
    mistyped,
    not_yaml,
    unset,
    not_text,
    unquoted,
    misplaced_store,
    mistyped_store,
    empty,
    gone,
    a_folder,
    without_clients,
)


@pytest.mark.parametrize("broken", BREAKS, ids=[one.__name__ for one in BREAKS])
async def test_what_was_accepted_is_found_however_the_file_is_broken(
    file: Path, broken: Callable[[Path], None]
) -> None:
    """All that commands need of it is as it was; one line says what is wrong, and since when this is in force."""
    was = await accepted(file)
    broken(file)
    config, warning = found(file)
    assert config.store == was.store
    assert [(one.name, one.schedule, one.accounts) for one in config.jobs] == [
        (one.name, one.schedule, one.accounts) for one in was.jobs
    ]
    assert (config.rules, config.routes, config.maintenance) == (was.rules, was.routes, was.maintenance)
    assert list(config.channels) == list(was.channels)
    assert warning.startswith(str(file))
    assert warning.endswith("; working from the configuration in force since 2026-02-01 14:02:00 UTC")
    assert "\n" not in warning
    assert config.problems[0] in warning


async def test_nothing_secret_is_kept(file: Path) -> None:
    """Neither what a reference brought in nor what stands in the file itself."""
    loaded = await accepted(file)
    kept = b"".join(path.read_bytes() for path in file.parent.glob("balances.db*"))
    assert b"CLIENT_002" in kept
    assert [secret for secret in SECRETS if secret.encode() in kept or secret in repr(loaded.document)] == []


async def test_a_secret_that_is_repeated_where_none_belongs_is_not_kept(file: Path) -> None:
    """A label that refers to it, and words that repeat it."""
    text = file.read_text().replace("runbook: ", 'copy: "${file:secret}", note: "is file-secret", runbook: ')
    file.write_text(text)
    loaded = await accepted(file)
    assert "file-secret" in dict(loaded.jobs[0].accounts[0].labels).values()
    assert b"file-secret" not in file.with_name("balances.db").read_bytes()
    gone(file)
    assert [one.name for one in found(file)[0].jobs] == ["clients"]


async def test_several_problems_make_one_line(file: Path) -> None:
    """The first, and how many more."""
    await accepted(file)
    file.write_text(file.read_text().replace("every:", "evry:").replace("below:", "bellow:"))
    _, warning = found(file, ENVIRON)
    assert "; and 1 more, see `balance-monitor check`; working from" in warning


async def test_a_store_of_another_file_is_not_taken(file: Path) -> None:
    """A path that is mistyped on the command line is an error, even with a store beside it."""
    await accepted(file)
    with pytest.raises(ConfigError, match="No such file"):
        found(file.with_name("confg.yaml"))


async def test_a_store_that_a_service_keeps_elsewhere_is_found(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the file is gone altogether, the store that names it is looked for where services have theirs."""
    state = tmp_path / "state"
    state.mkdir()
    monkeypatch.setattr("monitor.config.in_force.STATE", state)
    file.write_text(file.read_text().replace("balances.db", "state/balances.db"))
    await accepted(file)
    gone(file)
    assert found(file)[0].store.path == state / "balances.db"


async def test_without_a_store_the_file_is_what_is_wrong(file: Path) -> None:
    """Nothing was ever accepted."""
    mistyped(file)
    with pytest.raises(ConfigError, match="evry"):
        found(file, ENVIRON)


async def test_a_store_of_another_version_is_reported_with_the_file(file: Path) -> None:
    """Both have to be known: the file is broken, and why the store does not help."""
    await accepted(file)
    mistyped(file)
    with closing(sqlite3.connect(file.with_name("balances.db"))) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError) as told:
        found(file, ENVIRON)
    first, second = told.value.lines()
    assert "evry" in first
    assert second.startswith(
        f"{file.with_name('balances.db')}: written by a newer balance-monitor (schema 9999)"
    )


async def test_a_configuration_that_this_version_does_not_accept_is_reported(file: Path) -> None:
    """With the version that did, and why."""
    loaded = await accepted(file)
    assert isinstance(loaded.document, dict)
    later = json.dumps({**loaded.document, "sinks": "a key of tomorrow"})
    with closing(sqlite3.connect(file.with_name("balances.db"))) as db, db:
        db.execute("UPDATE configuration SET version = '2.0', document = ?", (later,))
    mistyped(file)
    with pytest.raises(ConfigError) as told:
        found(file, ENVIRON)
    _, second, third = told.value.lines()
    assert "was accepted by balance-monitor 2.0; this is" in second
    assert third.startswith(f"{file.with_name('balances.db')}: sinks: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_file_that_may_not_be_read_is_no_hindrance(file: Path) -> None:
    """Its store names it."""
    await accepted(file)
    file.chmod(0)
    assert "Permission denied" in found(file)[1]


async def test_what_is_kept_is_what_is_loaded_again(file: Path) -> None:
    """The document of a kept configuration is the same once more."""
    was = await accepted(file)
    gone(file)
    config, _ = found(file)
    assert config.document == was.document
    assert replace(config, problems=()).problems == was.problems
