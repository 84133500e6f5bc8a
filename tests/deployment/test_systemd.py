"""The systemd unit: accepted by systemd itself, locked down, and as patient as it promises."""

import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "balance-monitor.service"
EXECUTABLE = "/opt/balance-monitor/venv/bin/balance-monitor"
DRAIN_SECONDS = 10  # the longest the daemon takes to finish what is in flight

needs_systemd_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not installed, and nothing else knows what systemd accepts",
)


def directives() -> dict[str, list[str]]:
    """Returns every directive's values in order, as `Section.Key`."""
    found: dict[str, list[str]] = defaultdict(list)
    section = ""
    for line in UNIT.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found[f"{section}.{key}"].append(value)
    return dict(found)


def seconds(span: str) -> int:
    """Returns the length of a span such as `30s` or `2min`."""
    match = re.fullmatch(r"(\d+)(s|min)", span)
    assert match, f"not a plain span: {span}"
    return int(match[1]) * {"s": 1, "min": 60}[match[2]]


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs systemd-analyze and returns what it said, stderr included."""
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
        check=False,
    )


def verify(text: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Verifies a unit's text with only the executable's path replaced, since nothing is installed in /opt here."""
    executable = directory / "balance-monitor"
    executable.write_text("#!/bin/sh\n")
    executable.chmod(0o755)
    copy = directory / UNIT.name
    copy.write_text(text.replace(EXECUTABLE, str(executable)))
    return analyze("verify", str(copy))


@needs_systemd_analyze
def test_systemd_accepts_the_unit_without_a_word(tmp_path: Path) -> None:
    """systemd-analyze verify has nothing to say about the unit."""
    result = verify(UNIT.read_text(), tmp_path)
    assert (result.returncode, result.stdout) == (0, "")


@needs_systemd_analyze
def test_verification_would_notice_a_misspelt_directive(tmp_path: Path) -> None:
    """The check above is a real one: a key that systemd does not know is reported."""
    result = verify(UNIT.read_text().replace("WatchdogSec=", "WatchdogSecs="), tmp_path)
    assert "Unknown key 'WatchdogSecs'" in result.stdout


@needs_systemd_analyze
def test_exposure_is_rated_1_3_or_better() -> None:
    """systemd's own audit rates the sandbox 1.3 or better (its threshold counts in tenths)."""
    result = analyze("security", "--offline=true", "--threshold=13", str(UNIT))
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("directive", "values"),
    [
        pytest.param("Service.Type", ["notify"], id="runs-on-systemd-252-which-has-no-notify-reload"),
        pytest.param(
            "Service.ExecStart",
            [f"{EXECUTABLE} run -c /etc/balance-monitor/config.yaml"],
            id="starts-the-daemon",
        ),
        pytest.param("Service.ExecReload", ["/bin/kill -HUP $MAINPID"], id="reloads-by-sighup"),
        pytest.param("Service.Restart", ["on-failure"], id="restarts-after-a-failure"),
        pytest.param(
            "Service.RestartPreventExitStatus", ["78"], id="stays-down-when-the-configuration-is-invalid"
        ),
        pytest.param("Unit.StartLimitIntervalSec", ["0"], id="never-gives-up"),
        pytest.param("Service.DynamicUser", ["yes"], id="has-no-lasting-user"),
        pytest.param("Service.StateDirectory", ["balance-monitor"], id="owns-its-state-directory"),
        pytest.param("Service.StateDirectoryMode", ["0700"], id="hides-its-state-directory"),
        pytest.param("Service.UMask", ["0077"], id="hides-every-file-it-makes"),
        pytest.param("Service.LimitCORE", ["0"], id="leaves-no-secrets-in-core-dumps"),
        pytest.param(
            "Service.EnvironmentFile",
            ["-/etc/balance-monitor/environment"],
            id="starts-without-an-environment-file",
        ),
        pytest.param(
            "Service.RestrictAddressFamilies",
            ["AF_INET AF_INET6 AF_UNIX"],
            id="reaches-endpoints-and-the-notify-socket",
        ),
    ],
)
def test_unit_says(directive: str, values: list[str]) -> None:
    """The directive that carries a promise of docs/deployment.md is there, once, as promised."""
    assert directives().get(directive) == values


def test_credentials_are_bare_names_that_may_be_missing() -> None:
    """Every credential is a bare name: systemd skips a missing one, where a missing path fails the start."""
    names = directives()["Service.LoadCredential"]
    assert {"nami-api-key", "nami-api-secret", "wdcf-secret"} <= set(names)
    assert [name for name in names if not re.fullmatch(r"[a-z][a-z0-9-]*", name)] == []


def test_stop_waits_longer_than_the_daemon_drains() -> None:
    """systemd does not kill a daemon that is still within its own deadline."""
    [timeout] = directives()["Service.TimeoutStopSec"]
    assert seconds(timeout) > DRAIN_SECONDS


def test_restarts_do_not_spin() -> None:
    """Without a start limit it is the pause that keeps restarts, and the polls they bring, rare."""
    [pause] = directives()["Service.RestartSec"]
    assert seconds(pause) >= 5


def test_watchdog_is_on_and_outlasts_a_stalled_disk() -> None:
    """A daemon that hangs is restarted within minutes, one that waits for a slow disk for half a minute is not."""
    [watchdog] = directives()["Service.WatchdogSec"]
    assert 30 < seconds(watchdog) <= 300


def test_unit_names_the_store_url_it_needs() -> None:
    """The unit tells its reader that the store's URL has to be absolute, since /etc is read-only to the daemon."""
    assert "sqlite:////var/lib/balance-monitor/balances.db" in UNIT.read_text()
