"""`check` says of broken configurations what is recorded, and `test` of rule tests."""

from pathlib import Path

import pytest

from tests.contract import program
from tests.contract.approval import Approve, indented

PROVIDERS = """\
providers:
  n: {type: nami, api_key: a-key-of-n, api_secret: a-secret-of-n}
  w: {type: wdcf, client_secret: a-secret-of-w}
"""
JOBS = """\
jobs:
  - {name: spot, provider: n, every: 1m, wallet: spot, currencies: {1: VNDC, 22: USDT}, labels: {team: front}}
  - {name: clients, provider: w, every: 5m, clients: [A, B]}
"""
FINE = PROVIDERS + JOBS
OPS = FINE + 'channels: {ops: {urls: ["json://example.org/hook"]}}\n'
RULE = "{name: r, type: threshold, below: 1"

ONE_N = PROVIDERS + "jobs: [{name: j, provider: n, "

BROKEN = {
    "nothing": "",
    "a-list": "- a\n",
    "a-text": "hello\n",
    "no-yaml": "providers: {a: [}\n",
    "a-tab": "providers:\n\ta: b\n",
    "a-key-twice": FINE + "store: {keep: 1d, keep: 2d}\n",
    "no-jobs": PROVIDERS,
    "no-providers": JOBS,
    "empty": "providers: {}\njobs: []\n",
    "misspelt-key": FINE + "chanels: {}\n",
    "unknown-key": FINE + "whatever: 1\n",
    "unknown-type": "providers: {n: {type: binance}}\n" + JOBS,
    "no-secret": "providers: {n: {type: nami}, w: {type: wdcf}}\n" + JOBS,
    "unset-variable": "providers: {n: {type: nami, api_key: '${A_KEY}', api_secret: '${A_SECRET}'}}\n" + JOBS,
    "no-secret-file": "providers: {w: {type: wdcf, client_secret: '${file:nothing}'}}\n" + JOBS,
    "broken-reference": "providers: {w: {type: wdcf, client_secret: '${oops'}}\n" + JOBS,
    "http-url": "providers: {n: {type: nami, api_key: a, api_secret: b, base_url: 'ftp://x'}}\n" + JOBS,
    "rate-limit": "providers: {n: {type: nami, api_key: a, api_secret: b, rate_limit: fast, timeout: 0s}}\n" + JOBS,
    "unknown-provider": PROVIDERS + "jobs: [{name: j, provider: m, every: 1m, wallet: spot}]\n",
    "no-schedule": ONE_N + "wallet: spot}]\n",
    "two-schedules": ONE_N + "wallet: spot, every: 1m, cron: '* * * * *'}]\n",
    "bad-cron": ONE_N + "wallet: spot, cron: '61 * * * *', timezone: Mars/Base}]\n",
    "bad-wallet": ONE_N + "wallet: savings, every: 1 minute}]\n",
    "name-twice": ONE_N + "wallet: spot, every: 1m}, {name: j, provider: n}]\n",
    "bad-name": PROVIDERS + "jobs: [{name: 'a/b', provider: n, wallet: spot, every: 1m}]\n",
    "no-clients": PROVIDERS + "jobs: [{name: j, provider: w, every: 1m}]\n",
    "clients-file": PROVIDERS + "jobs: [{name: j, provider: w, every: 1m, clients_file: nothing.txt}]\n",
    "clients-for-nami": ONE_N + "every: 1m, clients: [A]}]\n",
    "currency-ids": ONE_N + "every: 1m, wallet: spot, currencies: {x: USDT, 22: ''}}]\n",
    "label-name": ONE_N + "every: 1m, wallet: spot, labels: {job: x, team: 1}}]\n",
    "store-url": FINE + "store: {url: 'postgres://x'}\n",
    "keep": FINE + "store: {keep: 0s}\n",
    "no-limit": FINE + "rules: [{name: r, type: threshold}]\n",
    "unknown-rule": FINE + "rules: [{name: r, type: treshold, below: 1}]\n",
    "rule-twice": FINE + f"rules: [{RULE}}}, {RULE}}}]\n",
    "inexact": FINE + "rules: [{name: r, type: threshold, below: 1e3000000}]\n",
    "clear": FINE + f"rules: [{RULE}, clear: 0.5}}]\n",
    "severity": FINE + f"rules: [{RULE}, severity: bad, for: soon, repeat_every: 0s}}]\n",
    "match-nothing": FINE + f"rules: [{RULE}, match: {{currency: BTC, job: sopt}}}}]\n",
    "match-key": FINE + f"rules: [{RULE}, match: {{currencies: USDT}}}}]\n",
    "levels": FINE + f"rules: [{RULE}, severity: info, levels: {{warning: {{below: 1}}, critical: {{below: 2}}}}}}]\n",
    "delta": FINE + "rules: [{name: r, type: delta, drop: 120%, rise: 5, within: -1m}]\n",
    "stale-clock": FINE + "rules: [{name: r, type: stale, after: 1h, clock: provider, match: {job: spot}}]\n",
    "failing-polls": FINE + "rules: [{name: r, type: failing, polls: 0}]\nfailing: perhaps\n",
    "flapping": FINE + f"rules: [{RULE}, flapping: {{changes: 1}}}}]\n",
    "no-channel": FINE + f"rules: [{RULE}, notify: [osp]}}]\n",
    "channel-url": FINE + "channels: {ops: {urls: ['slakc://a/b/c', 'slack://a']}, phone: {urls: []}}\n",
    "channel-no-url": FINE + "channels: {ops: {urls: ['no url']}}\n",
    "channel-fallback": OPS.replace("]}}", "], fallback: ops, fallback_after: 1m}}"),
    "quiet-hours": OPS.replace("]}}", "], quiet_hours: {from: '25:00', to: '07:00', days: [someday]}}}"),
    "message": OPS.replace("]}}", "], message: {title: '{{ nonsense }}', body: '{% if %}'}}}"),
    "message-format": OPS.replace("]}}", "], message: {title: x, format: rtf}, chart: perhaps}}"),
    "routes": OPS + "routes: [{notify: [x], group_wait: 1h, escalate_after: 5m}, {}]\n",
    "inhibit": OPS + "inhibit: [{source: {rule: a}, equal: [x]}]\n",
    "maintenance": OPS + "maintenance: [{name: m, cron: '* * * * *', lasts: 1m}, {name: m, from: 2026-02-30T10:00}]\n",
    "links": OPS + "links: {a: '{{ nonsense }}', 'b c': x}\n",
    "heartbeat": OPS + "heartbeat: {url: nothing, every: 1ms}\n",
    "summary": OPS + "summary: {cron: '0 8 31 2 *', notify: [x]}\n",
    "web": OPS + "web: {listen: '0.0.0.0:8787', hosts: ['*']}\n",
    "web-token": OPS + "web: {listen: 'x', token: short}\n",
    "no-such-currency": OPS + f"rules: [{RULE}, match: {{currency: BTC}}}}]\n",
    "fine-with-warnings": OPS + f"rules: [{RULE}, match: {{label: x}}}}]\n".replace("label: x", "team: front")
    + "maintenance: [{name: past, from: 2020-01-01T00:00, until: 2020-01-02T00:00, timezone: UTC}]\n",
    "several": OPS + f"store: {{keep: x}}\nrules: [{RULE}, nam: 1}}, 5]\nwhatever: 1\n",
}  # fmt: skip


def _written(folder: Path, name: str) -> str:
    path = folder / f"{name}.yaml"
    path.write_text(BROKEN[name])
    path.chmod(0o600)
    return str(path)


def _ended(name: str, ended: program.Ended, *, is_json: bool = False) -> str:
    out = indented(ended.out) if is_json and ended.out else ended.out
    return f"===== {name}: exit code {ended.code}\n{out}{ended.err}"


@pytest.mark.usefixtures("clock")
def test_broken_configurations(tmp_path: Path, approve: Approve) -> None:
    """Each finding, with its place."""
    found = [_ended(name, program.run(["check", "-c", _written(tmp_path, name)])) for name in BROKEN]
    approve("check/broken.txt", "\n".join(found), tmp_path)


@pytest.mark.usefixtures("clock")
def test_broken_configurations_as_data(tmp_path: Path, approve: Approve) -> None:
    """The same for programs."""
    found = [
        _ended(name, program.run(["check", "--json", "-c", _written(tmp_path, name)]), is_json=True)
        for name in BROKEN
    ]
    approve("check/broken-json.txt", "\n".join(found), tmp_path)


@pytest.mark.usefixtures("clock")
def test_no_configuration(tmp_path: Path, approve: Approve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not there, none at all, a folder."""
    monkeypatch.chdir(tmp_path)
    found = [
        _ended(" ".join(command), program.run(command))
        for command in (["check", "-c", "nothing.yaml"], ["check", "-c", "."], ["check"], ["status"])
    ]
    approve("check/none.txt", "\n".join(found), tmp_path)


RULES = (
    FINE.replace("currencies: {1: VNDC, 22: USDT}, ", "")
    + """\
rules:
  - {name: low, type: threshold, match: {job: spot}, below: 1000, for: 2m, severity: critical}
  - {name: drained, type: delta, match: {job: clients}, drop: 20%, within: 15m}
channels: {ops: {urls: ["json://example.org/hook"]}}
"""
)
TESTS = """\
config: config.yaml
tests:
  - name: passes
    series: {spot/spot/USDT: 1500 900x3 1500}
    expect:
      - {at: 3m, rule: low, series: spot/spot/USDT, event: fired, severity: critical, to: [ops], reason: 900 < 1000}
      - {at: 4m, rule: low, series: spot/spot/USDT, event: resolved}
  - name: too late, and something that does not come
    series: {spot/spot/USDT: 1500 900x4}
    expect:
      - {at: 4m, rule: low, series: spot/spot/USDT, event: fired}
      - {at: 5m, rule: low, series: spot/spot/USDT, event: resolved}
  - name: something that nobody expects
    every: 5m
    series: {clients/A/USD: 500 300 !timeoutx3}
    expect: []
  - name: another severity, channel and reason
    series: {spot/spot/USDT: 900x3}
    expect:
      - {at: 2m, rule: low, series: spot/spot/USDT, event: fired, severity: info, to: [], reason: 901}
  - name: nothing happens
    series: {spot/spot/USDT: 1000x5 _x2 ~}
    expect: []
"""
MISTAKES = """\
config: config.yaml
tests:
  - name: mistakes
    every: 1x
    series: {spot/spot/USDT: 1500 nonsense, nowhere/spot/USDT: 1}
    expect:
      - {at: 3m, rule: lwo, series: spot/spot/USDT, event: fierd}
  - nam: x
"""


@pytest.mark.usefixtures("clock")
def test_rule_tests(tmp_path: Path, approve: Approve) -> None:
    """Those that pass, that fail, and that can't be read."""
    for name, text in {"config": RULES, "tests": TESTS, "mistakes": MISTAKES}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    tests, mistakes = str(tmp_path / "tests.yaml"), str(tmp_path / "mistakes.yaml")
    calls = {
        "quiet": [tests],
        "verbose": [tests, "--verbose"],
        "json": [tests, "--json"],
        "mistakes": [mistakes],
        "mistakes-json": [mistakes, "--json"],
        "missing": [str(tmp_path / "nothing.yaml")],
    }
    found = [
        _ended(name, program.run(["test", *call]), is_json="json" in name) for name, call in calls.items()
    ]
    approve("rule-tests.txt", "\n".join(found), tmp_path)
