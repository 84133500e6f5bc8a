"""The messages, commands and API responses of one scenario are as recorded."""

import json

import pytest
from freezegun.api import FrozenDateTimeFactory

from tests.contract import program
from tests.contract.approval import Approve, indented, shaped
from tests.contract.scenario import END, World

CHANNELS = ("ops", "phone", "night", "own-words")


def _shown(one: program.Sent) -> str:
    parts = [f"title     {one.title}", f"type      {one.type}"]
    for name, text in (("plain", one.plain), ("markdown", one.markdown), ("html", one.html)):
        parts += [f"--- {name}", text]
    return "\n".join([f"===== {one.at:%H:%M:%S} {', '.join(one.covers)}", *parts])


@pytest.mark.parametrize("channel", CHANNELS)
def test_notifications(channel: str, world: World, approve: Approve) -> None:
    """Each with its title and body, as plain text, Markdown and HTML."""
    sent = [one for one in world.daemon.sent if one.channel == channel]
    approve(f"notifications/{channel}.txt", "\n".join(map(_shown, sent)), world.folder)


def test_events(world: World, approve: Approve) -> None:
    """Every event, in order."""
    approve("events.txt", "\n".join(world.daemon.events), world.folder)


def test_a_test_notification(world: World, approve: Approve) -> None:
    """As `notify` sends it."""
    approve("notifications/test.txt", _shown(program.test_notification("ops", END)), world.folder)


def test_everything_happens(world: World) -> None:
    """The scenario contains every kind of event."""
    kinds = {cover.partition(" ")[0] for one in world.daemon.sent for cover in one.covers}
    expected = "fired reminder worsened eased escalated flapping resolved closed summary"
    assert kinds == set(expected.split())
    assert any("can't be reached" in one.plain for one in world.daemon.sent)
    assert any(len(one.covers) > 1 for one in world.daemon.sent)


# Commands

COMMANDS = {
    "status": ["status"],
    "status-json": ["status", "--json"],
    "alerts": ["alerts"],
    "alerts-json": ["alerts", "--json"],
    "alerts-firing": ["alerts", "--state", "firing"],
    "alerts-of-a-rule": ["alerts", "--rule", "usdt-low", "--since", "1h"],
    "history": ["history", "nami-spot/spot/USDT", "--limit", "30"],
    "history-chart": ["history", "nami-spot/spot/USDT", "--chart"],
    "history-json": ["history", "clients/CLIENT_002/USD", "--json"],
    "history-csv": ["history", "clients/CLIENT_002/USD", "--format", "csv"],
    "history-unknown": ["history", "nami-spot/spot/BTC"],
    "export": ["export", "--series", "clients/*"],
    "export-jsonl": ["export", "--series", "nami-futures/*", "--format", "jsonl", "--since", "1h"],
    "silence-list": ["silence", "list"],
    "silence-list-all": ["silence", "list", "--all"],
    "silence-list-all-json": ["silence", "list", "--all", "--json"],
    "silence-nothing": ["silence", "add", "--match", "rule=usdt-lwo", "--for", "1h", "--reason", "x", "--by", "ann"],
    "ack-unknown": ["ack", "ZZZZ", "--reason", "x", "--by", "ann"],
    "route": ["route", "nami-spot/spot/USDT"],
    "route-json": ["route", "nami-spot/spot/USDT", "--json"],
    "route-client": ["route", "clients/CLIENT_001/USD"],
    "route-provider": ["route", "wdcf-main"],
    "route-unknown": ["route", "nami-spot/spot"],
    "check": ["check"],
    "check-json": ["check", "--json"],
    "poll-unknown": ["poll", "--job", "nothing"],
    "misused": ["status", "--jsno"],
    "unknown-command": ["statsu"],
}  # fmt: skip


def _ended(ended: program.Ended, *, is_json: bool) -> str:
    out = indented(ended.out) if is_json and ended.out else ended.out
    return f"exit code {ended.code}\n--- stdout\n{out}\n--- stderr\n{ended.err}"


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name: str, world: World, approve: Approve) -> None:
    """Their output and exit codes, where it is piped."""
    command, *arguments = COMMANDS[name]
    group = [command, arguments.pop(0)] if command == "silence" else [command]
    ended = program.run([*group, *arguments, "-c", world.config])
    approve(f"commands/{name}.txt", _ended(ended, is_json="--json" in arguments), world.folder)


@pytest.mark.parametrize(
    "name", ["status", "alerts", "history", "history-chart", "silence-list-all", "route"]
)
def test_commands_on_a_terminal(
    name: str, world: World, approve: Approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 80 columns; without colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    command, *arguments = COMMANDS[name]
    group = [command, arguments.pop(0)] if command == "silence" else [command]
    ended = program.run([*group, *arguments, "-c", world.config])
    approve(f"commands/terminal/{name}.txt", _ended(ended, is_json=False), world.folder)


def test_the_timeline_of_every_incident(world: World, approve: Approve) -> None:
    """All that happened to it."""
    listed = json.loads(program.run(["alerts", "--json", "-c", world.config]).out)
    told = []
    for one in sorted(one["id"] for one in listed):
        for arguments in ([], ["--json"]):
            ended = program.run(["alerts", "show", one, *arguments, "-c", world.config])
            told.append(f"===== {one}\n" + _ended(ended, is_json=bool(arguments)))
    approve("commands/alerts-show.txt", "\n".join(told), world.folder)


def test_commands_beside_the_daemon(world: World, approve: Approve) -> None:
    """What people did in the story, and what they read."""
    approve("commands/in-the-scenario.txt", "\n".join(world.outputs), world.folder)


def test_commands_while_the_file_is_broken(world: World, approve: Approve) -> None:
    """They work from the configuration in force, and say so."""
    config = world.folder / "config.yaml"
    fine = config.read_text()
    try:
        config.write_text(fine.replace("every: 1m", "every: never", 1) + "whatever: 1\n")
        commands = (
            ["status"],
            ["status", "--json"],
            ["alerts", "--state", "firing"],
            ["silence", "list"],
            ["check"],
        )
        found = []
        for command in commands:
            ended = program.run([*command, "-c", world.config])
            found.append(f"===== {' '.join(command)}\n" + _ended(ended, is_json="--json" in command))
    finally:
        config.write_text(fine)
    approve("commands/broken-file.txt", "\n".join(found), world.folder)


def test_the_schema(world: World, approve: Approve) -> None:
    """Of the configuration."""
    approve("schema.json", indented(program.run(["schema"]).out), world.folder)


@pytest.mark.parametrize("command", program.commands(), ids=lambda command: "-".join(command) or "all")
def test_help(
    command: tuple[str, ...], world: World, approve: Approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every command."""
    ended = program.run([*command, "--help"])
    approve(f"help/{'-'.join(command) or 'all'}.txt", _ended(ended, is_json=False), world.folder)


# The web

_SERIES = "nami-spot%2Fspot%2FUSDT"
URLS = {
    "status": "/api/v1/status",
    "alerts": "/api/v1/alerts",
    "series": "/api/v1/series",
    "series-chosen": "/api/v1/series?job=clients&order=worst",
    "readings": f"/api/v1/readings?series={_SERIES}&limit=5",
    "readings-unknown": "/api/v1/readings?series=a%2Fb%2Fc",
    "readings-unreadable": f"/api/v1/readings?series={_SERIES}&limit=0",
    "chart": f"/api/v1/chart?series={_SERIES}&span=1h",
    "incidents": "/api/v1/incidents",
    "incidents-firing": "/api/v1/incidents?state=firing",
    "incident-unknown": "/api/v1/incidents/ZZZZZZZZZZ",
    "openapi": "/api/v1/openapi.json",
    "healthz": "/healthz",
    "readyz": "/readyz",
    "feed": "/alerts.atom",
    "metrics": "/metrics",
    "nothing": "/nothing",
}


def _answered(one: program.Answered) -> str:
    text = shaped(one.text, one.media_type)
    return f"{one.status} {one.media_type}\n{text}"


@pytest.mark.parametrize("name", URLS)
def test_the_web(name: str, world: World, approve: Approve) -> None:
    """Each address that a program asks for."""
    url = URLS[name]
    approve(f"web/{name}.txt", _answered(program.ask(world.daemon.site(END), [url])[url]), world.folder)


def test_every_incident_by_the_api(world: World, approve: Approve) -> None:
    """All that happened to it."""
    listed = json.loads(program.run(["alerts", "--json", "-c", world.config]).out)
    urls = sorted(f"/api/v1/incidents/{one['id']}" for one in listed)
    answers = program.ask(world.daemon.site(END), urls)
    text = "\n".join(f"===== {url}\n{_answered(one)}" for url, one in answers.items())
    approve("web/incidents-each.txt", text, world.folder)


def test_health_in_trouble(world: World, approve: Approve, clock: FrozenDateTimeFactory) -> None:
    """What probes hear then."""
    urls = ["/healthz", "/readyz"]
    troubles = {"unready": "the first polls"}, {"hang": "the writer hangs"}, {"trouble": "the store is full"}
    told = []
    for trouble in troubles:
        for url, one in program.ask(world.daemon.site(END, **trouble), urls).items():
            told.append(f"===== {trouble} {url}\n{_answered(one)}")
    approve("web/health-in-trouble.txt", "\n".join(told), world.folder)
