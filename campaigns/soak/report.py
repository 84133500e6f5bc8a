"""Print the result of a run."""

from rich.console import Console
from rich.table import Table

from campaigns.soak.run import Outcome
from campaigns.soak.samples import WARM, Sample

_SHOWN = 20
_MIB = 1024 * 1024


def show(console: Console, outcome: Outcome, *, growth: bool) -> None:
    """Print what was done, the counts of notifications, the growth and the violations."""
    messages = outcome.messages
    console.print(
        f"{outcome.polls} polls in {outcome.seconds:.0f} s, {outcome.passed} by the process's clock; "
        f"{outcome.restarts} restarts, {outcome.reloads} reloads\n"
        f"{messages.scripted} incidents scripted, {messages.incidents} notified in {messages.messages} messages "
        f"({messages.reminders} reminders, {messages.repeated} sent again after a stop); {outcome.refused} refused"
    )
    if growth:
        console.print(_figures(outcome))
        console.print(_lives(outcome))
    for what in outcome.wrong[:_SHOWN]:
        console.print(f"✗ {what}", markup=False, soft_wrap=True)
    if len(outcome.wrong) > _SHOWN:
        console.print(f"… and {len(outcome.wrong) - _SHOWN} more")
    good = not outcome.wrong and (not growth or outcome.levels_off)
    console.print("[green]nothing lost, nothing invented[/]" if good else "[red]FAILED[/]")


def _figures(outcome: Outcome) -> Table:
    table = Table("", "first half, mean", "most", "second half, mean", "most", "growth", "levels off")
    for figure in outcome.figures:
        first, second = figure.first, figure.second
        table.add_row(
            f"{figure.name} {figure.unit}".strip(),
            f"{first.mean:.2f}",
            f"{first.most:.2f}",
            f"{second.mean:.2f}",
            f"{second.most:.2f}",
            f"{figure.growth:+.1%}",
            "" if figure.may_grow is None else "yes" if figure.levels_off else "NO",
        )
    return table


def _lives(outcome: Outcome) -> Table:
    table = Table("process", "memory when warm, MiB", "memory at its end", "descriptors", "threads", "age, s")
    for life in sorted({sample.life for sample in outcome.samples}):
        mine = [sample for sample in outcome.samples if sample.life == life]
        first, last = next((one for one in mine if one.age >= WARM), mine[-1]), mine[-1]
        table.add_row(
            str(life),
            _memory(first),
            _memory(last),
            f"{first.fds} → {last.fds}",
            f"{first.threads} → {last.threads}",
            f"{last.age:.0f}",
        )
    return table


def _memory(sample: Sample) -> str:
    return f"{sample.rss / _MIB:.1f}"
