"""The consoles of commands: data on stdout, everything else on stderr; colour on a terminal, plain where piped."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from monitor.log.encoding import encodes_everything

_PIPED_WIDTH = 1000  # columns; without a terminal rich assumes 80, and would fold lines that programs read


class _Console(Console):
    """A console that leaves a broken pipe to the program; rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError, as in `status | head`."""
        raise BrokenPipeError


def stdout() -> Console:
    """Return the console for data."""
    return _console(stderr=False)


def stderr() -> Console:
    """Return the console for everything else."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = _Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else _Console(stderr=stderr, highlight=False, width=_PIPED_WIDTH)


@contextmanager
def progress(what: str, total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr during the block, if `shown`. Yields a function that advances it."""
    if not shown:
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=stderr(), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)


def show_json(data: Any) -> None:
    """Print data as one JSON document, escaped to ASCII if stdout cannot take every character."""
    print(json.dumps(data, indent=2, ensure_ascii=not encodes_everything(sys.stdout)))  # noqa: T201 -- this is the command's output
