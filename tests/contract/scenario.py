"""One afternoon at two providers, minute by minute, with every kind of notification.

Each poll of an account reads what its last line sets. A line has a minute, an action and its details."""

import asyncio
import json
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from freezegun.api import FrozenDateTimeFactory

from tests.contract import program

START = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
END = START + timedelta(minutes=150)

CONFIG = """\
store: {url: 'sqlite:///store.db', keep: 90d}
providers:
  nami-main: {type: nami, api_key: a-key-of-nami, api_secret: a-secret-of-nami, base_url: "https://nami.example"}
  wdcf-main: {type: wdcf, client_secret: a-secret-of-wdcf, base_url: "https://wdcf.example"}
channels:
  ops:
    urls: ["json://hooks.example.org/ops"]
    fallback: phone
    fallback_after: 3m
  phone: {urls: ["json://hooks.example.org/phone"]}
  night:
    urls: ["json://hooks.example.org/night"]
    quiet_hours: {from: "15:00", to: "15:40", timezone: UTC}
  own-words:
    urls: ["json://hooks.example.org/own-words"]
    message:
      title: "{{ headline }} | {{ rule }} | {{ subject }}"
      body: |
        {{ kind }} {{ severity }} {{ type }} {{ job }} {{ provider }} {{ account }} {{ currency }} {{ labels.team }}
        {{ reason }} / {{ expected }} / {{ note }} / {{ field }} {{ value }} {{ before }} {{ change }}
        {{ change_percent }}
        {{ trend | join(' ') }} / {{ since }} {{ at }} {{ duration }} {{ incident }} {{ number }}
        {{ fired }} {{ instead_of }} {{ links.runbook }}
      format: markdown
routes:
  - match: {type: failing}
    notify: [ops]
    group_by: [rule, provider]
    group_wait: 10s
  - match: {severity: critical}
    notify: [ops, own-words]
    group_by: []
    group_wait: 0s
    escalate_after: 15m
    escalate_to: [phone]
    continue: true
  - match: {job: clients}
    notify: [ops, night]
    group_by: [rule, job]
    group_wait: 1m
  - notify: [night]
inhibit:
  - source: {type: failing}
    target: {type: [threshold, delta]}
    equal: [provider]
maintenance:
  - name: futures-move
    match: {job: nami-futures}
    from: 2026-02-01T15:20
    until: 2026-02-01T15:40
    timezone: UTC
jobs:
  - name: nami-spot
    provider: nami-main
    every: 1m
    wallet: spot
    currencies: {1: VNDC, 22: USDT}
    labels: {team: treasury}
  - {name: nami-futures, provider: nami-main, cron: "*/1 * * * *", timezone: UTC, wallet: futures}
  - {name: clients, provider: wdcf-main, every: 5m, clients: [CLIENT_001, CLIENT_002, CLIENT_003]}
rules:
  - name: usdt-low
    type: threshold
    match: {job: nami-*, currency: USDT}
    below: 1000
    clear: 1200
    for: 2m
    severity: critical
    repeat_every: 30m
    links: {runbook: "https://wiki.example/top-up/{{ currency }}"}
  - name: vndc-band
    type: threshold
    match: {currency: VNDC}
    field: total
    levels:
      warning: {below: 2000000, clear: 2200000}
      critical: {below: 500000, clear: 600000}
  - {name: eth-nervous, type: threshold, match: {currency: ETH}, below: 10, flapping: {changes: 4, within: 1h}}
  - {name: client-drained, type: delta, match: {job: clients}, drop: 20%, within: 15m, severity: critical}
  - name: client-rose
    type: delta
    match: {job: clients}
    rise: 1000
    severity: info
    message: {title: "{{ subject }} rose"}
  - {name: reading-old, type: stale, match: {job: clients}, after: 12m}
  - {name: unchanged, type: stale, match: {account: CLIENT_003}, after: 2h, clock: provider, send_resolved: false}
  - {name: doomed, type: threshold, match: {account: CLIENT_002}, above: 5, repeat_every: never, notify: [night]}
  - {name: endpoint-failing, type: failing, polls: 3}
failing: off
links:
  status: "https://status.example/?series={{ subject | urlencode }}"
heartbeat: {url: "https://beats.example/a-secret-of-the-heartbeat", every: 1m}
summary: {cron: "0 15 * * *", timezone: UTC, notify: [ops]}
web: {listen: "127.0.0.1:8787"}
"""
LATER = "\n".join(line for line in CONFIG.splitlines() if "name: doomed" not in line) + "\n"
"""The same without one rule."""

SCENARIO = """
0   is nami-spot/spot        USDT=1500.50 VNDC=2500000
0   is nami-futures/futures  USDT=8000 ETH=20/12.5
0   is clients/CLIENT_001    USD=500
0   is clients/CLIENT_002    USD=12345678901234567890.123456789012345678
0   is clients/CLIENT_003    USD=-0.00000010
5   is nami-spot/spot        USDT=900.10 VNDC=2500000
10  is nami-spot/spot        USDT=899 VNDC=1900000
12  is clients/CLIENT_001    USD=390
14  do silence add --match currency=VNDC --for 20m --reason "a transfer is under way" --by ann
15  do ack usdt-low          --reason "on it" --by ann
16  is nami-spot/spot        USDT=899 VNDC=400000
18  is nami-spot/spot        USDT=1300 VNDC=400000
20  is clients/CLIENT_001    USD=5000
22  is nami-futures/futures  USDT=8000 ETH=9/9
23  is nami-futures/futures  USDT=8000 ETH=20/20
24  is nami-futures/futures  USDT=8000 ETH=9/9
25  is nami-futures/futures  USDT=8000 ETH=20/20
26  is nami-futures/futures  USDT=8000 ETH=9/9
28  is nami-futures/futures  USDT=8000 ETH=20/20
29  channel ops              connection refused
30  is clients/CLIENT_002    !timeout
30  is clients/CLIENT_003    !timeout
30  is clients/CLIENT_001    !timeout
41  do status
41  do alerts
42  channel ops              fine
51  is nami-futures/futures  USDT=500 ETH=20/20
54  do status
54  do route nami-futures/futures/USDT
54  do route clients/CLIENT_003/USD --rule reading-old
55  is clients/CLIENT_001    USD=5000
55  is clients/CLIENT_002    USD=2
55  is clients/CLIENT_003    USD=0
62  is nami-spot/spot        USDT=1300
66  do status
70  channel night            300
71  channel night            fine
72  is nami-spot/spot        USDT=700 VNDC=2100000
73  do status
75  do silence add --match account=CLIENT_001 --for 5h --reason "a long night" --by bob
76  do silence add --match rule=doomed --for 1h --reason "a mistake" --by bob
77  do silence expire 3 --by bob
80  is clients/CLIENT_002    USD=7
80  is nami-futures/futures  !auth
84  is nami-futures/futures  USDT=500 ETH=20/20
88  is nami-spot/spot        USDT=700 VNDC=300000
100 is clients/CLIENT_002    !bad_payload
110 reload
120 is nami-spot/spot        USDT=1500 VNDC=2600000
135 is nami-spot/spot        USDT=20 VNDC=2600000
145 channel ops              connection refused
"""
"""`is`: the amounts that polls read from then on (available, or total/available), or their failure. `do`: a command
beside the daemon. `channel`: its error, or for how many seconds it accepts nothing."""


@dataclass(slots=True)
class World:
    """The result of the scenario."""

    folder: Path
    daemon: program.Daemon
    outputs: list[str]

    @property
    def config(self) -> str:
        """Return the path of the configuration."""
        return str(self.folder / "config.yaml")


async def play(folder: Path, clock: FrozenDateTimeFactory) -> World:
    """Play the scenario, in a directory of its own."""
    config = folder / "config.yaml"
    config.write_text(CONFIG)
    daemon = await program.Daemon.start(config, START)
    world = World(folder, daemon, [])
    reads: dict[str, dict[str, tuple[str, str]] | str] = {}
    lines = [line.split(maxsplit=2) for line in SCENARIO.strip().splitlines()]
    minutes = int((END - START) / timedelta(minutes=1))
    for minute in range(minutes):
        now = START + timedelta(minutes=minute)
        clock.move_to(now)
        for _, what, *details in (line for line in lines if int(line[0]) == minute):
            rest = details[0] if details else ""
            match what:
                case "is":
                    account, _, read = rest.partition(" ")
                    reads[account] = _read(read.strip())
                case "channel":
                    channel, trouble = rest.split(maxsplit=1)
                    daemon.trouble[channel] = int(trouble) if trouble.isdecimal() else trouble
                    if trouble == "fine":
                        del daemon.trouble[channel]
                case "reload":
                    config.write_text(LATER)
                    await daemon.reload(config, now)
                case "do":
                    await asyncio.to_thread(_command, world, rest, now)
        due = {one: read for one, read in reads.items() if not one.startswith("clients") or minute % 5 == 0}
        await daemon.minute(due, now)
    clock.move_to(END)
    await daemon.stop()
    return world


def _read(text: str) -> dict[str, tuple[str, str]] | str:
    if text.startswith("!"):
        return text[1:]
    read = {}
    for part in text.split():
        currency, _, amounts = part.partition("=")
        total, _, available = amounts.partition("/")
        read[currency] = (total, available or total)
    return read


def _command(world: World, text: str, now: datetime) -> None:
    name, *arguments = shlex.split(text)
    if name == "ack":
        rule, *arguments = arguments
        arguments = [_firing(world, rule), *arguments]
    group = [name, arguments.pop(0)] if name == "silence" else [name]
    ended = program.run([*group, *arguments, "-c", world.config])
    world.outputs.append(f"{now:%H:%M} $ {text}\nexit code {ended.code}\n{ended.out}{ended.err}")


def _firing(world: World, rule: str) -> str:
    found = program.run(["alerts", "-c", world.config, "--rule", rule, "--state", "firing", "--json"])
    return str(json.loads(found.out)[0]["id"])
