"""What is allowed and probably not meant."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.config import warnings
from tests.config.support import JOBS, ONE_JOB, PROVIDERS, loaded

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
WDCF = "  w: {type: wdcf, client_secret: s, "


def _warnings(folder: Path, text: str) -> list[str]:
    return warnings(loaded(folder, text), NOW)


def test_a_good_configuration_needs_no_advice(tmp_path: Path) -> None:
    """No news is good news."""
    assert _warnings(tmp_path, JOBS) == []


def test_without_channels_nobody_is_notified(tmp_path: Path) -> None:
    """Allowed, for a look at `status`, and worth a word."""
    assert _warnings(tmp_path, PROVIDERS + ONE_JOB) == [
        "no channels are configured: alerts are shown by `status`, but no notifications are sent"
    ]


@pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "[2001:db8::1]:8080", "localhost.example.org"])
def test_signatures_do_not_travel_in_the_clear_unnoticed(host: str, tmp_path: Path) -> None:
    """http:// is for loopback."""
    text = JOBS.replace("channels:", f"{WDCF}base_url: 'http://{host}'}}\nchannels:")
    assert _warnings(tmp_path, text) == [
        "providers.w.base_url is http: requests and their signatures are sent unencrypted"
    ]


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:80", "nami.localhost"])
def test_loopback_may_be_plain_http(host: str, tmp_path: Path) -> None:
    """The sandbox, a proxy of one's own."""
    assert (
        _warnings(tmp_path, JOBS.replace("channels:", f"{WDCF}base_url: 'http://{host}'}}\nchannels:")) == []
    )


def test_a_certificate_that_is_not_looked_at_is_mentioned(tmp_path: Path) -> None:
    """Whoever turned it off for a test should not forget it."""
    assert _warnings(tmp_path, JOBS.replace("channels:", f"{WDCF}verify_tls: no}}\nchannels:")) == [
        "providers.w.verify_tls is off: anybody in between can pose as the service and forge balances"
    ]


@pytest.mark.parametrize(
    ("schedule", "needed"),
    [
        pytest.param("every: 1s", "121", id="interval"),
        pytest.param("cron: '* * * * *'", None, id="cron-within-the-limit"),
    ],
)
def test_more_calls_than_a_host_allows_are_reported_with_figures(
    schedule: str, needed: str | None, tmp_path: Path
) -> None:
    """All jobs of all providers on one host count, against the strictest limit of them."""
    text = f"""\
providers:
  a: {{type: nami, api_key: k, api_secret: s}}
  b: {{type: nami, api_key: k, api_secret: s, base_url: "https://NAMI.exchange:443/path", rate_limit: 600/1m}}
channels: {{ops: {{urls: ["json://h"]}}}}
jobs:
  - {{name: x, provider: a, {schedule}, wallet: spot}}
  - {{name: y, provider: b, {schedule}, wallet: futures}}
  - {{name: z, provider: a, every: 1m, wallet: futures}}
"""
    expected = (
        f"x, y, z: the schedules need {needed} calls a minute to https://nami.exchange:443, but its rate_limit "
        "60/1m allows 60; polls will be late"
    )
    assert _warnings(tmp_path, text) == ([expected] if needed else [])


def test_exactly_as_many_calls_as_allowed_are_fine(tmp_path: Path) -> None:
    """60 calls a minute, one a second: no word about it."""
    assert _warnings(tmp_path, JOBS.replace("every: 1m", "every: 1s")) == []


def test_a_cron_jobs_calls_are_those_of_an_hour_in_which_it_runs(tmp_path: Path) -> None:
    """Two accounts every other minute are one call a minute."""
    text = JOBS.replace("client_secret: secret-of-wdcf", "client_secret: s, rate_limit: 1/2m")
    assert _warnings(tmp_path, text.replace("every: 5m", "cron: '*/2 3 * * *'")) == [
        "clients: the schedules need 1 calls a minute to https://wdcf.xerve.online:443, but its rate_limit 1/2m "
        "allows 0.5; polls will be late"
    ]


def test_a_glob_that_fits_nothing_is_mentioned(tmp_path: Path) -> None:
    """A misspelt client among others would go unwatched."""
    text = f"{JOBS}rules: [{{name: r, type: threshold, below: 1, match: {{account: [A, C], currency: USD}}}}]"
    assert _warnings(tmp_path, text) == ["rule r: match.account 'C' matches nothing that is configured"]


ROUTED = f"{JOBS}rules: [{{name: low, type: threshold, below: 1, match: {{job: spot}}}}]\n"


@pytest.mark.parametrize(
    ("routes", "advice"),
    [
        pytest.param(
            "[{}, {match: {rule: low}}]",
            ["routes[1] is never reached: routes[0] matches every alert and lacks `continue: true`"],
            id="behind-one-that-takes-everything",
        ),
        pytest.param("[{continue: true}, {match: {rule: low}}]", [], id="behind-one-that-goes-on"),
        pytest.param(
            "[{match: {rule: 'l*'}}, {match: {rule: low, severity: warning}}, {}]",
            ["routes[1] is never reached: routes[0] matches the same alerts and lacks `continue: true`"],
            id="behind-one-that-takes-all-of-it",
        ),
        pytest.param("[{match: {rule: 'l[ao]*'}}, {match: {rule: low}}]", [], id="perhaps-behind-one"),
        pytest.param("[{match: {rule: low}}, {match: {rule: [low, failing]}}]", [], id="partly-behind-one"),
        pytest.param("[{match: {rule: low, job: spot}}, {match: {rule: low}}]", [], id="wider"),
    ],
)
def test_a_route_that_is_never_reached_is_mentioned(routes: str, advice: list[str], tmp_path: Path) -> None:
    """The order of routes matters, and is easily got wrong."""
    assert _warnings(tmp_path, f"{ROUTED}routes: {routes}") == advice


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        pytest.param(
            "routes: [{match: {rule: [low, 'hig*'], job: [spot, 'x*']}}]",
            [
                "routes[0].match.job 'x*' matches nothing that is configured",
                "routes[0].match.rule 'hig*' matches nothing that is configured",
            ],
            id="globs",
        ),
        pytest.param(
            "routes: [{match: {rule: low, job: clients}}]",
            ["routes[0].match can match no alert of these rules and accounts"],
            id="a-rule-and-an-account-that-have-nothing-to-do-with-each-other",
        ),
        pytest.param(
            "inhibit: [{source: {rule: low, account: A}, target: {type: failing}}]",
            ["inhibit[0].source can match no alert of these rules and accounts"],
            id="inhibition",
        ),
        pytest.param(
            "routes: [{match: {severity: critical}}]",
            ["routes[0].match can match no alert of these rules and accounts"],
            id="a-severity-that-no-rule-has",
        ),
        pytest.param(
            "maintenance: [{name: m, match: {rule: low, type: stale}, cron: '0 2 * * *', lasts: 1h}]",
            [
                "maintenance m: match.type 'stale' matches nothing that is configured",
            ],
            id="a-type-that-no-rule-is-of",
        ),
        pytest.param("routes: [{match: {rule: failing, account: A}}]", [], id="the-built-in-rule"),
    ],
)
def test_what_no_alert_fits_is_mentioned(text: str, advice: list[str], tmp_path: Path) -> None:
    """A misspelt name among others would be missed in the night."""
    assert _warnings(tmp_path, ROUTED + text) == advice


@pytest.mark.parametrize(
    ("until", "advice"),
    [
        pytest.param("12:00", ["maintenance m ended at 2026-06-01 12:00:00 UTC; remove it"], id="over"),
        pytest.param("12:01", [], id="under-way"),
    ],
)
def test_a_maintenance_in_the_past_is_mentioned(until: str, advice: list[str], tmp_path: Path) -> None:
    """It does nothing any more, or was meant for another year."""
    text = f"maintenance: [{{name: m, from: 2026-06-01T11:00, until: 2026-06-01T{until}}}]"
    assert _warnings(tmp_path, JOBS + text) == advice


def test_a_reference_without_braces_is_mentioned(tmp_path: Path) -> None:
    """`$NAME` is a secret like any other, and hardly ever one. What is not a name alone is not repeated."""
    text = JOBS.replace("key-of-nami", "$NAMI_API_KEY").replace(
        "json://example.org/hook", "json://me:$PASS@h/hook"
    )
    assert _warnings(tmp_path, text) == [
        "providers.nami.api_key is used literally; did you mean `${NAMI_API_KEY}`?",
        "channels.ops.urls[0] contains a `$`, which is used literally; a reference needs braces: `${NAME}`",
    ]


@pytest.mark.parametrize("key", ["$aB3xY", "pa$WORD", "$", "${NAMI_API_KEY}"])
def test_other_dollars_are_a_secrets_own(key: str, tmp_path: Path) -> None:
    """No word about them, and nothing of them shown."""
    config = loaded(tmp_path, JOBS.replace("key-of-nami", f"'{key}'"), {"NAMI_API_KEY": "k"})
    assert warnings(config, NOW) == []


RULE = "rules: [{name: low, type: threshold, below: 1, chart: CHART}]"


def _without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)


@pytest.mark.parametrize(
    ("channel", "rule", "askers"),
    [
        pytest.param("true", "true", "rule low, channel ops", id="both"),
        pytest.param("false", "true", "rule low", id="a-rule"),
        pytest.param("false", "false", "", id="none"),
    ],
)
def test_charts_that_nothing_draws_are_mentioned(
    channel: str, rule: str, askers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that mends it; the alerts come all the same."""
    _without_matplotlib(monkeypatch)
    text = JOBS.replace('hook"]', f'hook"], chart: {channel}') + RULE.replace("CHART", rule)
    assert _warnings(tmp_path, text) == (
        [
            f"{askers}: `chart` is on, but matplotlib is not installed; messages are sent without charts: "
            "pip install 'balance-monitor[charts]'"
        ]
        if askers
        else []
    )


def test_charts_that_no_service_shows_are_mentioned(tmp_path: Path) -> None:
    """One that does is enough."""
    text = JOBS.replace('hook"]', 'hook"], chart: true')
    assert _warnings(tmp_path, text) == []
    assert _warnings(tmp_path, text.replace("json://example.org/hook", "gchat://w/key/token")) == [
        "channel ops: `chart` is on, but none of its services accepts attachments"
    ]


SAME = "lead to the same recipient; it receives each message once"


@pytest.mark.parametrize(
    ("channels", "more", "advice"),
    [
        pytest.param(
            {"ops": ["ntfy://h/a", "ntfy://h/b/a"]},
            "",
            [
                "channels.ops.urls[1] leads to a recipient that the channel already has; it receives each message once"
            ],
            id="twice-in-a-channel",
        ),
        pytest.param(
            {"ops": ["ntfy://h/a"], "oncall": ["ntfy://h/a?format=html"]},
            "",
            [f"without routes, every alert: channels ops and oncall {SAME}"],
            id="in-two-channels",
        ),
        pytest.param(
            {"ops": ["ntfy://h/a"], "oncall": ["ntfy://h/a"], "dev": ["ntfy://h/d"]},
            "routes: [{notify: [ops, dev]}, {notify: [ops, oncall]}]",
            [f"routes[1]: channels ops and oncall {SAME}"],
            id="in-two-channels-of-one-route",
        ),
        pytest.param(
            {"ops": ["ntfy://h/a"], "oncall": ["ntfy://h/a"]},
            "routes: [{match: {severity: critical}, notify: [ops]}, {notify: [oncall]}]",
            [],
            id="not-in-channels-of-different-routes",
        ),
    ],
)
def test_a_recipient_named_twice_is_mentioned(
    channels: dict[str, list[str]], more: str, advice: list[str], tmp_path: Path
) -> None:
    """By the channels' names, never by its URL."""
    said = "".join(f"  {name}: {{urls: {urls}}}\n" for name, urls in channels.items())
    text = f"{PROVIDERS}{ONE_JOB}channels:\n{said}{more}\n"
    assert [line for line in _warnings(tmp_path, text) if "recipient" in line] == advice


def test_a_fallback_that_leads_to_the_same_recipient_is_mentioned(tmp_path: Path) -> None:
    """It fails as its channel does."""
    text = (
        f"{PROVIDERS}{ONE_JOB}channels:\n  ops: {{urls: ['ntfy://h/a'], fallback: phone}}\n"
        "  phone: {urls: ['ntfy://h/a']}\nroutes: [{notify: [ops]}]\n"
    )
    assert "channel ops: its fallback phone leads to the same recipient" in _warnings(tmp_path, text)
