"""The configuration of a balance-monitor that fits a running sandbox."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.sandbox.scenario import CURRENCIES
from monitor.sandbox.scripts import parse_duration

_NAMI_JOBS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What the sandbox's services expect. Made up, yet kept out of the repr like real ones."""

    nami_api_key: str = field(default="sandbox-key", repr=False)
    nami_api_secret: str = field(default="sandbox-secret", repr=False)
    wdcf_client_secret: str = field(default="sandbox-client-secret", repr=False)


def example_config(
    nami_url: str,
    wdcf_url: str,
    webhook_url: str | None = None,
    *,
    every: str = "2s",
    calls_per_minute: int = 60,
    clients: Iterable[str] = ("CLIENT_001", "CLIENT_002", "CLIENT_003"),
    credentials: Credentials | None = None,
) -> str:
    """The text of a configuration (YAML) with the rules that suit `demo_story()`.

    `webhook_url` is an apprise URL; without one there is no channel. ValueError if polling both wallets `every` so
    often goes over Nami's `calls_per_minute`.
    """
    _require_polite(every, calls_per_minute)
    known = credentials or Credentials()
    channels = "" if webhook_url is None else _CHANNELS.format(url=_quoted(webhook_url))
    return channels + _REST.format(
        nami_url=_quoted(nami_url),
        wdcf_url=_quoted(wdcf_url),
        api_key=_quoted(known.nami_api_key),
        api_secret=_quoted(known.nami_api_secret),
        client_secret=_quoted(known.wdcf_client_secret),
        calls_per_minute=calls_per_minute,
        every=every,
        currencies=", ".join(f"{number}: {name}" for number, name in CURRENCIES.items()),
        clients=", ".join(_quoted(client) for client in clients),
    )


def _require_polite(every: str, calls_per_minute: int) -> None:
    needed = _NAMI_JOBS * timedelta(minutes=1) / parse_duration(every)
    if needed > calls_per_minute:
        raise ValueError(
            f"every {every}: {_NAMI_JOBS} wallets make {needed:.0f} calls a minute, Nami allows {calls_per_minute}"
        )


def _quoted(value: str) -> str:
    """A YAML string; `$${` is the configuration's literal `${`."""
    return json.dumps(value.replace("${", "$${"))


_CHANNELS = """\
channels:
  webhook:
    urls: [{url}]

routes:
  - group_wait: 1s                    # instead of 10s: what fires together is told together, soon

"""

_REST = """\
store:
  url: sqlite:///sandbox.db

providers:
  nami-sandbox:
    type: nami
    base_url: {nami_url}
    api_key: {api_key}
    api_secret: {api_secret}
    rate_limit: {calls_per_minute}/1m
    timeout: 2s
    retries: 0
  wdcf-sandbox:
    type: wdcf
    base_url: {wdcf_url}
    client_secret: {client_secret}
    timeout: 2s
    retries: 0

jobs:
  - name: nami-spot
    provider: nami-sandbox
    every: {every}
    wallet: spot
    currencies: {{{currencies}}}
  - name: nami-futures
    provider: nami-sandbox
    every: {every}
    wallet: futures
    currencies: {{22: USDT}}
  - name: clients
    provider: wdcf-sandbox
    every: {every}
    clients: [{clients}]

failing: off                          # the rule below takes its place, and is quicker
rules:
  - name: usdt-low
    type: threshold
    match: {{job: nami-spot, currency: USDT}}
    below: 1000
    clear: 1200
    severity: critical
  - name: client-drained
    type: delta
    match: {{job: clients}}
    drop: 20%
    within: 1m
  - name: endpoint-failing
    type: failing
    polls: 2
"""
