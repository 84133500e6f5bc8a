"""Files that somebody is still writing."""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from monitor.config import load_at_rest
from monitor.errors import ConfigError

LOADING = import_module("monitor.config.load")  # the package has a function of this name

WHOLE = """
providers: {wdcf: {type: wdcf, client_secret: secret}}
jobs:
  - {name: clients, provider: wdcf, every: 1m, clients_file: clients.txt}
"""


Sleeper = Callable[[Iterator[object]], None]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a file of clients."""
    (tmp_path / "clients.txt").write_text("CLIENT_001\nCLIENT_002\n")
    path = tmp_path / "config.yaml"
    path.write_text(WHOLE)
    return path


@pytest.fixture(autouse=True)
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Sleeper:
    """Nothing is waited for; instead somebody does the next thing, as long as there is one."""

    def happens(things: Iterator[object]) -> None:
        monkeypatch.setattr(LOADING, "time", SimpleNamespace(sleep=lambda seconds: next(things, None)))

    happens(iter(()))
    return happens


def test_what_is_at_rest_is_loaded_with_the_files_it_names(config: Path) -> None:
    """The file itself and the lists of clients, also where they were not known before."""
    loaded = load_at_rest(config, {}, ())
    assert loaded.files == {config, config.parent / "clients.txt"}
    assert [account.name for account in loaded.jobs[0].accounts] == ["CLIENT_001", "CLIENT_002"]


def test_the_end_of_the_writing_is_waited_for(config: Path, meanwhile: Sleeper) -> None:
    """What is read is the last that was written, in whichever of the files."""
    clients = config.parent / "clients.txt"
    meanwhile(clients.write_text("\n".join("ABCD"[:count])) for count in (1, 2, 3, 4))
    loaded = load_at_rest(config, {}, [clients])
    assert [account.name for account in loaded.jobs[0].accounts] == list("ABCD")


def test_a_list_that_was_not_known_before_is_waited_for(config: Path, meanwhile: Sleeper) -> None:
    """The first look knows only the configuration; the list that it names is then watched as well."""
    clients = config.parent / "clients.txt"
    meanwhile(text and clients.write_text(text) for text in ("", "A", "A\nB"))
    loaded = load_at_rest(config, {}, ())
    assert [account.name for account in loaded.jobs[0].accounts] == ["A", "B"]


def test_writing_without_an_end_is_an_error(config: Path, meanwhile: Sleeper) -> None:
    """It is not waited for for ever, and nothing half-written is taken."""
    meanwhile(config.write_text(WHOLE + "\n" * count) for count in range(1, 1000))
    with pytest.raises(ConfigError, match="keeps changing"):
        load_at_rest(config, {}, ())


def test_what_is_wrong_at_rest_is_reported(config: Path) -> None:
    """A file that is gone is said to be that."""
    (config.parent / "clients.txt").unlink()
    with pytest.raises(ConfigError, match=r"clients\.txt"):
        load_at_rest(config, {}, ())
    config.unlink()
    with pytest.raises(ConfigError, match="can't be read"):
        load_at_rest(config, {}, ())


@pytest.mark.parametrize("gone", ["clients.txt", "config.yaml"])
def test_a_file_that_is_gone_for_a_moment_is_waited_for(config: Path, meanwhile: Sleeper, gone: str) -> None:
    """Whoever replaces it removes the old one first."""
    file = config.parent / gone
    text = file.read_text()
    meanwhile(thing() for thing in (lambda: None, file.unlink, lambda: None, lambda: file.write_text(text)))
    clients = config.parent / "clients.txt"
    loaded = load_at_rest(config, {}, [clients])
    assert len(loaded.jobs[0].accounts) == 2
    file.unlink()
    meanwhile(thing() for thing in (lambda: None, lambda: None, lambda: file.write_text(text)))
    assert len(load_at_rest(config, {}, [clients]).jobs[0].accounts) == 2
