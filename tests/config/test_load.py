"""What a good file becomes."""

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.config import Cron, Every, StoreSettings, load
from monitor.domain.matching import Match
from monitor.domain.model import Account, Severity
from monitor.domain.rules import Delta, Failing, Policy, Rule, Stale, Threshold
from monitor.errors import ConfigError
from tests.config.support import JOBS, PROVIDERS, loaded, problems, written


def _rule(folder: Path, text: str) -> Rule:
    return loaded(folder, f"{JOBS}rules:\n  - {text}\n").rules[0]


def test_a_store_is_a_file_beside_the_configuration_by_default(tmp_path: Path) -> None:
    """Readings are kept for 90 days in balances.db."""
    assert loaded(tmp_path, JOBS).store == StoreSettings(
        path=tmp_path / "balances.db", keep=timedelta(days=90)
    )


@pytest.mark.parametrize(
    ("url", "path"),
    [
        pytest.param("sqlite:///data/b.db", "{0}/data/b.db", id="relative-to-the-file"),
        pytest.param("sqlite:////var/lib/b.db", "/var/lib/b.db", id="absolute"),
        pytest.param("sqlite:///../b.db", "{0}/../b.db", id="above-the-file"),
    ],
)
def test_a_stores_path_is_absolute(url: str, path: str, tmp_path: Path) -> None:
    """Wherever the daemon is started, it is the same database."""
    assert str(loaded(tmp_path, f"{JOBS}store: {{url: '{url}'}}").store.path) == path.replace(
        "{0}", str(tmp_path)
    )


def test_paths_are_relative_to_the_file_wherever_it_is_read_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative name of the configuration makes no difference."""
    (tmp_path / "clients.txt").write_text("C\n")
    (tmp_path / "secret").write_text("of-a-file")
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    written(
        tmp_path,
        "providers: {w: {type: wdcf, client_secret: '${file:secret}'}}\n"
        "jobs: [{name: j, provider: w, every: 1m, clients_file: clients.txt}]\n",
    )
    monkeypatch.chdir(folder)
    config = load(Path(os.pardir, "config.yaml"), {})
    assert [account.name for account in config.jobs[0].accounts] == ["C"]
    assert config.store.path.is_absolute()


def test_a_job_has_its_accounts_with_currencies_and_labels(tmp_path: Path) -> None:
    """A Nami job reads one wallet; its series are the currencies' names."""
    job = loaded(tmp_path, JOBS).jobs[0]
    assert (job.name, job.provider, job.schedule) == ("spot", "nami", Every(interval=timedelta(minutes=1)))
    assert job.accounts == (
        Account(
            provider="nami", job="spot", name="spot", currencies=("VNDC", "USDT"), labels=(("team", "front"),)
        ),
    )


def test_a_job_of_many_clients_has_an_account_each(tmp_path: Path) -> None:
    """The ids stay the text that they are."""
    text = f"{PROVIDERS}jobs: [{{name: j, provider: wdcf, every: 1m, clients: [007, 1e3, off, 'null']}}]"
    accounts = loaded(tmp_path, text).jobs[0].accounts
    assert [account.name for account in accounts] == ["007", "1e3", "off", "null"]
    assert {account.currencies for account in accounts} == {("USD",)}


@pytest.mark.parametrize(
    ("wallet", "name"), [("spot", "spot"), ("0", "spot"), ("futures", "futures"), ("2", "futures")]
)
def test_a_wallet_goes_by_name_or_by_id(wallet: str, name: str, tmp_path: Path) -> None:
    """The account is called by its name either way."""
    text = f"{PROVIDERS}jobs: [{{name: j, provider: nami, every: 1m, wallet: {wallet}}}]"
    assert [account.name for account in loaded(tmp_path, text).jobs[0].accounts] == [name]


@pytest.mark.parametrize(
    ("timezone", "zone"),
    [
        pytest.param("", "UTC", id="utc-by-default"),
        pytest.param("timezone: Asia/Ho_Chi_Minh", "Asia/Ho_Chi_Minh", id="named"),
    ],
)
def test_a_cron_expression_is_read_in_its_time_zone(timezone: str, zone: str, tmp_path: Path) -> None:
    """A job runs by the clocks of the place that its file names."""
    text = f"{PROVIDERS}jobs:\n  - name: j\n    provider: nami\n    wallet: spot\n    cron: '*/5 8-18 * * mon-fri'\n"
    config = loaded(tmp_path, f"{text}    {timezone}\n")
    assert config.jobs[0].schedule == Cron(expression="*/5 8-18 * * mon-fri", timezone=ZoneInfo(zone))


def test_a_threshold_keeps_its_digits(tmp_path: Path) -> None:
    """No amount passes through a float."""
    rule = _rule(
        tmp_path, "{name: r, type: threshold, below: 0.10, clear: 1000000000000000000000.000000000000000001}"
    )
    assert isinstance(rule, Threshold)
    assert str(rule.below) == "0.10"
    assert str(rule.clear) == "1000000000000000000000.000000000000000001"


def test_a_threshold_takes_all_its_keys(tmp_path: Path) -> None:
    """Everything that the file can say of a threshold reaches the rule."""
    rule = _rule(
        tmp_path,
        "{name: r, type: threshold, field: total, above: 5, clear: 4, for: 2m, keep_firing_for: 1m, severity: critical,"
        " repeat_every: 1h, send_resolved: no, notify: ops, match: {job: spot, currency: [USDT, VN*]}}",
    )
    assert rule == Threshold(
        name="r",
        match=Match({"job": ("spot",), "currency": ("USDT", "VN*")}),
        policy=Policy(
            severity=Severity.CRITICAL,
            for_=timedelta(minutes=2),
            keep_firing_for=timedelta(minutes=1),
            repeat_every=timedelta(hours=1),
            send_resolved=False,
            notify=("ops",),
        ),
        field="total",
        above=Decimal(5),
        clear=Decimal(4),
    )


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        pytest.param("", Policy(), id="the-defaults-of-the-domain"),
        pytest.param(", repeat_every: never", Policy(repeat_every=None), id="no-reminders"),
        pytest.param(", notify: []", Policy(notify=()), id="nobody-is-told"),
        pytest.param(", severity: info", Policy(severity=Severity.INFO), id="info"),
        pytest.param(", for: 0s", Policy(), id="no-time-at-all"),
    ],
)
def test_a_rule_has_the_policy_of_its_keys(text: str, policy: Policy, tmp_path: Path) -> None:
    """What a rule leaves out is as the domain has it."""
    assert _rule(tmp_path, f"{{name: r, type: threshold, below: 1{text}}}").policy == policy


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param(
            "drop: 20%", Delta(name="r", direction="drop", limit=Decimal(20), percent=True), id="percent"
        ),
        pytest.param(
            "drop: 12.5 %", Delta(name="r", direction="drop", limit=Decimal("12.5"), percent=True), id="blank"
        ),
        pytest.param(
            "drop: 150%", Delta(name="r", direction="drop", limit=Decimal(150), percent=True), id="over-100"
        ),
        pytest.param("rise: 0.5", Delta(name="r", direction="rise", limit=Decimal("0.5")), id="amount"),
        pytest.param(
            "change: 3, within: 15m, field: total",
            Delta(
                name="r", direction="change", limit=Decimal(3), within=timedelta(minutes=15), field="total"
            ),
            id="window-and-field",
        ),
    ],
)
def test_a_delta_is_an_amount_or_a_percentage(text: str, rule: Rule, tmp_path: Path) -> None:
    """One direction, one limit, one window."""
    assert _rule(tmp_path, f"{{name: r, type: delta, {text}}}") == rule


def test_a_stale_rule_goes_by_our_clock_or_by_the_services(tmp_path: Path) -> None:
    """The service's own clock is asked only where there is one."""
    text = "{name: r, type: stale, after: 2h, clock: provider, match: {job: clients}}"
    expected = Stale(name="r", after=timedelta(hours=2), clock="provider", match=Match({"job": ("clients",)}))
    assert _rule(tmp_path, text) == expected


BUILT_IN = Failing(name="failing", polls=3)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        pytest.param("", [BUILT_IN], id="nothing-said"),
        pytest.param("failing: on", [BUILT_IN], id="on"),
        pytest.param("failing: off", [], id="off"),
        pytest.param("failing: 'FALSE'", [], id="false-in-capitals"),
        pytest.param("failing: No", [], id="no"),
        pytest.param("rules:\n", [BUILT_IN], id="rules-of-which-none-is-left"),
        pytest.param(
            "rules: [{name: x, type: failing, polls: 5}]", [Failing(name="x", polls=5)], id="replaced"
        ),
        pytest.param(
            "rules: [{name: failing, type: failing, polls: 5}]",
            [Failing(name="failing", polls=5)],
            id="redefined",
        ),
        pytest.param(
            "rules: [{name: x, type: failing, match: {job: spot}}]",
            [Failing(name="x", match=Match({"job": ("spot",)})), BUILT_IN],
            id="one-over-some-stands-beside-it",
        ),
    ],
)
def test_a_failing_rule_over_everything_exists_by_itself(
    text: str, rules: list[Rule], tmp_path: Path
) -> None:
    """Unless it is switched off, or one of the file's, over everything, takes its place."""
    assert list(loaded(tmp_path, JOBS + text).rules) == rules


@pytest.mark.parametrize("section", ["channels:", "channels: {}", "rules:", "rules: []", "store:"])
def test_a_section_that_may_be_left_out_may_be_empty(section: str, tmp_path: Path) -> None:
    """All of its lines commented out is as if it were not there."""
    text = f"{PROVIDERS}jobs: [{{name: j, provider: nami, every: 1m, wallet: spot}}]\n{section}\n"
    assert problems(tmp_path, text) == []


def test_a_file_may_begin_with_a_byte_order_mark_and_end_its_lines_as_dos_does(tmp_path: Path) -> None:
    """What an editor on Windows makes of a file is the same file."""
    assert problems(tmp_path, b"\xef\xbb\xbf" + JOBS.replace("\n", "\r\n").encode()) == []


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(b"", "config.yaml: is empty; `providers` and `jobs` are required", id="empty"),
        pytest.param(
            b"# a comment\n", "config.yaml: is empty; `providers` and `jobs` are required", id="comment"
        ),
        pytest.param(b"a: 1\nb: x\xe9\n", "config.yaml:2:5: is not UTF-8 text", id="latin-1"),
        pytest.param("a: 1".encode("utf-16"), "config.yaml:1:1: is not UTF-8 text", id="utf-16"),
    ],
)
def test_a_file_without_a_configuration_says_so(content: bytes, line: str, tmp_path: Path) -> None:
    """One line, with a place where there is one."""
    assert problems(tmp_path, content) == [line]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("gone.yaml", "can't be read: No such file or directory", id="missing"),
        pytest.param(".", "can't be read: Is a directory", id="directory"),
        pytest.param("nul\0.yaml", "can't be read: not a file name", id="impossible-name"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name: str, reason: str, tmp_path: Path) -> None:
    """The error is ours, with the file's name."""
    path = tmp_path / name
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert str(caught.value) == f"{path}: {reason}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_says_so(tmp_path: Path) -> None:
    """A service's user often is not the one who wrote the file."""
    written(tmp_path, JOBS).chmod(0)
    with pytest.raises(ConfigError, match="can't be read: Permission denied"):
        load(tmp_path / "config.yaml", {})
