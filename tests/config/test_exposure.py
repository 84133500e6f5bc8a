"""What others can get at is told: what, where, and what to do about it. Modes decide, so this holds for root too."""

import os
import stat
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.config import load, warnings
from tests.config.support import JOBS, ONE_JOB, loaded, written

NOW = datetime(2026, 2, 1, tzinfo=UTC)

REFERRING = """\
providers:
  nami: {type: nami, api_key: "${KEY}", api_secret: "${file:key}", proxy: "http://proxy:3128"}
channels: {ops: {urls: ["json://${KEY}@h"]}}
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may enter; pytest's own are for their owner alone."""
    with tempfile.TemporaryDirectory(prefix="exposed ") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        if not all(above.stat().st_mode & stat.S_IXOTH for above in folder.parents):
            pytest.skip("the temporary directory lies in one that others can't enter")
        yield folder


def _told(folder: Path, text: str) -> list[str]:
    return warnings(load(written(folder, text), {"KEY": "secret-of-nami"}), NOW)


def _made(path: Path, mode: int) -> Path:
    path.write_text("made-up")
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660, 0o400])
def test_what_others_cannot_read_is_not_mentioned(mode: int, place: Path) -> None:
    """A group is somebody's choice: only what everybody may do is told."""
    _made(place / "key", mode)
    for name in ("balances.db", "balances.db-wal", "balances.db.backup-0001"):
        _made(place / name, mode)
    _made(place / "balances.db.lock", 0o644)
    written(place, REFERRING + ONE_JOB).chmod(0o644)
    assert _told(place, REFERRING + ONE_JOB) == []
    written(place, JOBS).chmod(mode)
    assert warnings(load(place / "config.yaml", {}), NOW) == []


def test_a_directory_that_others_cannot_enter_protects_all_in_it(place: Path) -> None:
    """systemd's state directory is one: modes below it do not matter."""
    inner = place / "inner"
    inner.mkdir(mode=0o700)
    for name in ("balances.db", "key"):
        _made(inner / name, 0o666)
    written(inner, JOBS).chmod(0o666)
    assert warnings(load(inner / "config.yaml", {}), NOW) == []
    assert _told(inner, REFERRING + ONE_JOB) == []


def test_a_store_that_others_can_read_is_reported_with_all_of_its_files(place: Path) -> None:
    """The write-ahead log and the backups hold balances too; the command that is told closes them all."""
    files = [_made(place / f"balances.db{end}", 0o644) for end in ("", "-wal", ".backup-0001")]
    (told,) = _told(place, (REFERRING + ONE_JOB).replace("${file:key}", "${KEY}"))
    quoted = " ".join(f"'{file}'" for file in files)
    assert told == (
        f"the store can be read by others (mode 0644), with all balances and accounts: chmod 600 {quoted}"
    )


@pytest.mark.parametrize(
    ("mode", "advice"),
    [
        pytest.param(0o777, "chmod o-w '{}'", id="open"),
        pytest.param(
            0o1777, "it is a shared directory, so set store.url to a file in another one", id="shared"
        ),
    ],
)
def test_a_directory_that_others_can_write_to_is_reported(mode: int, advice: str, place: Path) -> None:
    """Before there is a store: whoever may write there may put one of their own there, or take ours away."""
    place.chmod(mode)
    (told,) = _told(place, (REFERRING + ONE_JOB).replace("${file:key}", "${KEY}"))
    assert told == (
        f"the store's directory can be written to by others (mode {mode:04o}), who could replace the store: "
        f"{advice.format(place)}"
    )


def test_a_link_is_judged_by_where_it_leads(place: Path, tmp_path: Path) -> None:
    """A store that is a symbolic link lies where its file lies."""
    _made(tmp_path / "elsewhere.db", 0o644)
    (place / "balances.db").symlink_to(tmp_path / "elsewhere.db")
    assert _told(place, (REFERRING + ONE_JOB).replace("${file:key}", "${KEY}")) == []


def test_secrets_in_a_file_that_others_can_read_are_reported_by_their_places(place: Path) -> None:
    """And what the file may hold instead of them; no secret is repeated."""
    written(place, JOBS).chmod(0o644)
    (told,) = warnings(load(place / "config.yaml", {}), NOW)
    places = "providers.nami.api_key, providers.nami.api_secret, providers.wdcf.client_secret and 1 more"
    assert told == (
        f"{place}/config.yaml contains secrets ({places}) and can be read by others (mode 0644): "
        f"chmod 600 '{place}/config.yaml', or refer to them as ${{NAME}} or ${{file:PATH}}"
    )


def test_a_proxy_is_a_secret_only_with_credentials(tmp_path: Path) -> None:
    """Its address alone may stand in a file that everybody reads, and in one with references it is no exception."""
    written(tmp_path, REFERRING.replace("${file:key}", "k") + ONE_JOB)
    assert load(tmp_path / "config.yaml", {"KEY": "k"}).literals == ("providers.nami.api_secret",)
    with_credentials = REFERRING.replace("${file:key}", "${KEY}").replace("proxy:3128", "me:pw@proxy")
    assert loaded(tmp_path, with_credentials + ONE_JOB, {"KEY": "k"}).literals == ("providers.nami.proxy",)


def test_a_secrets_file_that_others_can_read_is_reported(place: Path) -> None:
    """Once, however often it is referred to; other files that values come from are no secrets."""
    _made(place / "key", 0o644)
    _made(place / "zone", 0o644).write_text("UTC")
    text = REFERRING.replace("${KEY}", "${file:key}") + (
        "jobs: [{name: j, provider: nami, cron: '* * * * *', timezone: '${file:zone}', wallet: spot}]\n"
    )
    assert _told(place, text) == [
        f"the secret file {place}/key can be read by others (mode 0644): chmod 600 '{place}/key'"
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other users")
def test_no_advice_locks_the_daemon_out(place: Path) -> None:
    """systemd's DynamicUser owns the store and nothing else: what belongs to root it reads as one of the others."""
    _made(place / "balances.db", 0o600)
    os.chown(place / "balances.db", 61234, 61234)
    written(place, JOBS).chmod(0o644)
    [told] = warnings(load(place / "config.yaml", {}), NOW)
    assert "refer to them as ${NAME} or ${file:PATH}; chmod 600 would lock out the daemon" in told
    _made(place / "key", 0o644)
    [told] = _told(place, REFERRING + ONE_JOB)
    assert "pass it with LoadCredential= in the systemd unit, or " in told
    assert "chmod 600 would lock out the daemon" in told
