"""Where alerts would go, and why, by the configuration and what the store knows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor import config
from monitor.alerting.explain_route import Explanation
from monitor.alerting.explain_route import explain as explain_opened
from monitor.daemon.runtime import open_channels
from monitor.domain.matching import Match
from monitor.domain.model import Severity
from monitor.payloads import routes
from monitor.store.writer import Store

NOW = datetime(2026, 6, 1, 23, tzinfo=UTC)
TEXT = """
providers:
  nami: {type: nami, api_key: k, api_secret: s}
  wdcf: {type: wdcf, client_secret: s}
channels:
  ops: {urls: ["json://user:secret@h/ops"], fallback: phone, quiet_hours: {from: "22:00", to: "07:00"}}
  phone: {urls: ["json://h/phone"]}
  boss: {urls: ["json://h/boss"]}
routes:
  - {match: {severity: info}, notify: []}
  - {match: {rule: low}, notify: [ops], group_wait: 30s, escalate_after: 15m, escalate_to: [boss], continue: true}
  - {match: {severity: critical}, notify: [phone], group_by: []}
  - {notify: [phone]}
inhibit: [{source: {type: failing}, target: {rule: own}, equal: [provider]}]
maintenance: [{name: weekly, match: {job: clients}, cron: "0 22 * * *", lasts: 2h}]
jobs:
  - {name: spot, provider: nami, every: 1m, wallet: spot, currencies: {22: USDT}}
  - {name: clients, provider: wdcf, every: 5m, clients: [A, B]}
rules:
  - {name: low, type: threshold, levels: {warning: {below: 5}, critical: {below: 1}}, match: {job: spot}}
  - {name: own, type: threshold, below: 5, severity: critical, notify: [boss], match: {job: clients}}
  - {name: idle, type: threshold, below: 5, severity: info, match: {job: clients}}
"""


def explain(
    loaded: config.Config, series: str, rule: str | None, severity: Severity | None, now: datetime
) -> list[Explanation]:
    """Return what is explained by a configuration whose channels are open, as the command has it."""
    return explain_opened(open_channels(loaded)[0], series, rule, severity, now)


@pytest.fixture
def loaded(tmp_path: Path) -> config.Config:
    """The configuration above."""
    path = tmp_path / "config.yaml"
    path.write_text(TEXT)
    return config.load(path, {})


def _lines(
    loaded: config.Config, series: str, rule: str | None = None, severity: Severity | None = None
) -> list[str]:
    """The explanations in words, with `x` for what apprise calls a URL."""
    explained = explain(loaded, series, rule, severity, NOW)
    ids = {way.to.target.url_id for one in explained for way in one.paths}
    ids |= {target.url_id for one in explained for target in one.escalate_to}
    text = "\n".join(line for one in explained for line in one.lines())
    for one in ids:
        text = text.replace(one, "x")
    return text.splitlines()


def test_each_rule_and_severity_is_explained(loaded: config.Config) -> None:
    """The routes in their order, who is told, with what, when, who takes over, who is told later."""
    assert _lines(loaded, "spot/spot/USDT") == [
        "spot/spot/USDT: low (threshold), critical",
        "  routes[0] does not match: severity is critical, not info",
        "  routes[1] matches, and continues",
        "  routes[2] matches",
        "  one route after it not considered",
        "  notified: ops/x, in one message with rule=low, provider=nami of the next 30s; quiet hours: critical, so not "
        "held back; if that fails for 5m: phone",
        "  notified: phone/x, in one message with everything else of the next 10s",
        "  not acknowledged for 15m: also boss/x",
        "spot/spot/USDT: low (threshold), warning",
        "  routes[0] does not match: severity is warning, not info",
        "  routes[1] matches, and continues",
        "  routes[2] does not match: severity is warning, not critical",
        "  routes[3] matches",
        "  notified: ops/x, in one message with rule=low, provider=nami of the next 30s; quiet hours: at "
        "2026-06-02 07:00:00 UTC; if that fails for 5m: phone",
        "  notified: phone/x, in one message with rule=low, provider=nami of the next 10s",
        "  not acknowledged for 15m: also boss/x",
        "spot/spot/USDT: failing (failing), warning",
        "  routes[0] does not match: severity is warning, not info",
        "  routes[1] does not match: rule is failing, not low",
        "  routes[2] does not match: severity is warning, not critical",
        "  routes[3] matches",
        "  notified: phone/x, in one message with rule=failing, provider=nami of the next 10s",
    ]


@pytest.mark.parametrize(
    ("series", "rule", "severity", "headlines"),
    [
        pytest.param("nami", None, None, ["nami: failing (failing), warning"], id="a-provider"),
        pytest.param("clients/A", None, None, ["clients/A/*: failing (failing), warning"], id="an-account"),
        pytest.param(
            "clients/A/*", None, None, ["clients/A/*: failing (failing), warning"], id="its-subject"
        ),
        pytest.param(
            "spot/spot/USDT",
            "low",
            Severity.WARNING,
            ["spot/spot/USDT: low (threshold), warning"],
            id="one-rule-at-one-severity",
        ),
        pytest.param(
            "clients/B/USD",
            None,
            Severity.CRITICAL,
            ["clients/B/USD: own (threshold), critical"],
            id="every-rule-of-a-severity",
        ),
    ],
)
def test_what_is_asked_for_is_explained(
    series: str, rule: str | None, severity: Severity | None, headlines: list[str], loaded: config.Config
) -> None:
    """A series, an account or a provider; of all rules about it, or one."""
    lines = _lines(loaded, series, rule, severity)
    assert [line for line in lines if not line.startswith(" ")] == headlines


def test_a_rules_own_notify_and_a_maintenance_are_shown(loaded: config.Config) -> None:
    """What overrides the routes, and what keeps it quiet now."""
    assert _lines(loaded, "clients/A/USD", "own")[4:] == [
        "  one route after it not considered",
        "  the rule's own notify instead: boss",
        "  notified: boss/x, in one message with everything else of the next 10s",
        "  muted now: maintenance weekly",
    ]


def test_an_alert_that_goes_nowhere_says_so(loaded: config.Config) -> None:
    """A route that notifies nobody."""
    assert _lines(loaded, "clients/A/USD", "idle")[1:4] == [
        "  routes[0] matches",
        "  3 routes after it not considered",
        "  notified: no channel",
    ]


async def test_a_silence_of_the_store_is_shown(loaded: config.Config) -> None:
    """As the daemon would see it now."""
    store = Store(loaded.store.path)
    times = {"starts_at": NOW - timedelta(hours=1), "ends_at": NOW + timedelta(hours=1), "now": NOW}
    silenced = Match({"rule": ("low",)})
    await store.write(lambda tx: tx.alerts.add_silence(silenced, by="ann", reason="moving", **times))
    await store.close()
    assert _lines(loaded, "spot/spot/USDT", "low", Severity.CRITICAL)[-1] == (
        "  muted now: silence 1 by ann: moving"
    )


def test_programs_get_the_same_and_no_url(loaded: config.Config) -> None:
    """Channels and apprise's ids, spans as in the configuration, times in RFC 3339."""
    (explained,) = explain(loaded, "spot/spot/USDT", "low", Severity.WARNING, NOW)
    shown = routes.explained(explained)
    ops, phone = shown["told"]
    assert {key: value for key, value in ops.items() if key != "url"} == {
        "channel": "ops",
        "group": {"rule": "low", "provider": "nami"},
        "group_wait": "30s",
        "quiet_until": "2026-06-02T07:00:00.000000Z",
        "fallback": "phone",
        "fallback_after": "5m",
    }
    assert phone["channel"] == "phone"
    assert [route["fits"] for route in shown["routes"]] == [False, True, False, True]
    assert shown["routes"][0]["misfits"] == ["severity"]
    assert (shown["escalate_after"], shown["escalate_to"][0]["channel"]) == ("15m", "boss")
    assert "json://" not in str(shown)
    assert "secret" not in str(shown)


@pytest.mark.parametrize(
    ("series", "rule", "severity", "why"),
    [
        pytest.param(
            "sopt/spot/USDT",
            None,
            None,
            r"unknown series 'sopt/spot/USDT'; expected a series \(job/account/currency\), an account or a "
            "provider, such as clients/A/USD, clients/B/USD, spot/spot/USDT",
            id="series",
        ),
        pytest.param("spot/spot/EUR", None, None, "spot/spot has no 'EUR'; it has USDT", id="currency"),
        pytest.param("nami", "lwo", None, "no rule 'lwo'; there are low, own, idle, failing", id="rule"),
        pytest.param(
            "nami", "low", None, "rule low does not apply to nami; these do: failing", id="other-rule"
        ),
        pytest.param(
            "spot/spot/USDT",
            "low",
            Severity.INFO,
            "rule low has no alert with severity info; there are warning, critical",
            id="severity-of-a-rule",
        ),
        pytest.param(
            "nami",
            None,
            Severity.CRITICAL,
            "no rule has an alert about nami with severity critical; there are warning",
            id="severity",
        ),
    ],
)
def test_an_alert_that_there_cannot_be_is_refused(
    series: str, rule: str | None, severity: Severity | None, why: str, loaded: config.Config
) -> None:
    """Saying what there is instead."""
    with pytest.raises(ValueError, match=f"^{why}$"):
        explain(loaded, series, rule, severity, NOW)
