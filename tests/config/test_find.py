"""Which file is the configuration."""

from pathlib import Path

import pytest

from monitor.config import find
from monitor.errors import ConfigError


def test_the_option_comes_first(tmp_path: Path) -> None:
    """`-c` wins, whatever else there is."""
    (tmp_path / "config.yaml").touch()
    environ = {"BALANCE_MONITOR_CONFIG": "/of/the/environment.yaml"}
    assert find(Path("mine.yaml"), environ, tmp_path) == Path("mine.yaml")


def test_the_environment_comes_second(tmp_path: Path) -> None:
    """`$BALANCE_MONITOR_CONFIG` wins over the usual places, even if it names no file: that is an error to be told."""
    (tmp_path / "config.yaml").touch()
    environ = {"BALANCE_MONITOR_CONFIG": "/of/the/environment.yaml"}
    assert find(None, environ, tmp_path) == Path("/of/the/environment.yaml")


def test_the_working_directory_comes_third(tmp_path: Path) -> None:
    """config.yaml where one stands; an empty variable is as good as none."""
    (tmp_path / "config.yaml").touch()
    assert find(None, {"BALANCE_MONITOR_CONFIG": ""}, tmp_path) == tmp_path / "config.yaml"


def test_where_there_is_none_the_places_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that one knows where to put it."""
    monkeypatch.setattr("monitor.config.files.SYSTEM", tmp_path / "etc" / "config.yaml")
    with pytest.raises(ConfigError) as caught:
        find(None, {}, tmp_path)
    assert str(caught.value) == (
        f"configuration: no file found; looked for {tmp_path}/config.yaml and {tmp_path}/etc/config.yaml; "
        "name another with -c or $BALANCE_MONITOR_CONFIG"
    )


def test_the_systems_directory_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/etc/balance-monitor/config.yaml, for the daemon."""
    monkeypatch.setattr("monitor.config.files.SYSTEM", tmp_path / "system.yaml")
    (tmp_path / "system.yaml").touch()
    assert find(None, {}, tmp_path) == tmp_path / "system.yaml"
