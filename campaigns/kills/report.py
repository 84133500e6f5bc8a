"""Print the result, and keep the records of a failed campaign."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from campaigns.kills.aims import AIMS
from campaigns.kills.lane import Lane, Outcome

_SHOWN = 20


def show(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Print the kills by aim, the counts of notifications, and the violations."""
    console.print(_kills(outcomes))
    console.print(_figures(outcomes))
    violations = [what for outcome in outcomes for what in outcome.violations]
    for what in violations[:_SHOWN]:
        console.print(f"[red]✗[/] {_plain(what)}", soft_wrap=True)
    if len(violations) > _SHOWN:
        console.print(f"… and {len(violations) - _SHOWN} more")
    console.print("[red]FAILED[/]" if violations else "[green]nothing lost, nothing invented[/]")


def keep(folder: Path, lanes: Iterable[Lane], outcomes: Sequence[Outcome], again: str) -> None:
    """Write the command, the kills, the responses, the messages and the violations beside the stores and logs."""
    (folder / "command.txt").write_text(f"{again}\n")
    for number, (lane, outcome) in enumerate(zip(lanes, outcomes, strict=True), 1):
        place = folder / f"lane-{number}"
        _lines(place / "kills.jsonl", (asdict(kill) for kill in outcome.kills))
        (place / "violations.txt").write_text("\n".join(outcome.violations))
        for world in (lane.killed, lane.spared):
            _lines(world.folder / "messages.jsonl", (asdict(one) for one in world.receiver.deliveries))
            _lines(world.folder / "responses.jsonl", (asdict(one) for one in world.service.responses))


def _kills(outcomes: Sequence[Outcome]) -> Table:
    table = Table("aim", "kills", "before it was running", "messages sent again", title="Kills")
    again = Counter(aim for outcome in outcomes for aim in _causes(outcome))
    kills = [kill for outcome in outcomes for kill in outcome.kills]
    all_, early = Counter(kill.aim for kill in kills), Counter(kill.aim for kill in kills if not kill.running)
    for name in AIMS:
        table.add_row(name, str(all_[name]), str(early[name]), str(again[name]))
    table.add_row("all", str(len(kills)), str(early.total()), str(again.total()), style="bold")
    return table


def _causes(outcome: Outcome) -> list[str]:
    """Return the aim of the kill that caused each repeated message."""
    aims = {kill.process: kill.aim for kill in outcome.kills}
    return [aims.get(process, "none") for process in outcome.verdict.again] if outcome.verdict else []


def _figures(outcomes: Sequence[Outcome]) -> Table:
    verdicts = [outcome.verdict for outcome in outcomes if outcome.verdict is not None]
    table = Table("counted", "number", title="Notifications")
    rows = {
        "restarts": sum(outcome.restarts for outcome in outcomes),
        "responses": sum(outcome.readings for outcome in outcomes),
        "incidents": sum(outcome.incidents for outcome in outcomes),
        "messages accepted": sum(verdict.messages for verdict in verdicts),
        "of these about several incidents": sum(verdict.grouped for verdict in verdicts),
        "reminders": sum(verdict.reminded for verdict in verdicts),
        "messages refused": sum(verdict.refused for verdict in verdicts),
        "firings and resolutions in one message": sum(verdict.collapsed for verdict in verdicts),
        "duplicates, each next to a kill": sum(len(verdict.again) for verdict in verdicts),
        "firings repeated with their resolution": sum(verdict.overtaken for verdict in verdicts),
        "summaries": sum(outcome.summaries for outcome in outcomes),
        "starts with a wrong clock": sum(outcome.wrong_starts for outcome in outcomes),
        **{f"done: {name}": count for name, count in sorted(_acts(outcomes).items())},
        "violations": sum(len(outcome.violations) for outcome in outcomes),
        "seconds": round(max(outcome.seconds for outcome in outcomes)),
    }
    for name, figure in rows.items():
        table.add_row(name, str(figure))
    return table


def _acts(outcomes: Sequence[Outcome]) -> Counter[str]:
    return sum((outcome.acts for outcome in outcomes), Counter())


def _lines(file: Path, records: Iterable[object]) -> None:
    file.write_text("".join(json.dumps(record) + "\n" for record in records))


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
