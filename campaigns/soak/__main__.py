"""`python -m campaigns.soak --polls 1000000`: exit code 0, or 1 if something was lost, invented or grew."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from campaigns.harness.program import ROOT, copied
from campaigns.soak import report
from campaigns.soak.run import Outcome, Run, Terms


def main() -> int:
    """Run the soak test; return its exit code."""
    arguments = _arguments()
    console = Console(stderr=True)
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="soak-"))
    package = copied(arguments.package, folder)
    terms = Terms(
        polls=arguments.polls,
        accounts=arguments.accounts,
        every=arguments.every,
        speed=arguments.speed,
        restart_each=arguments.restart_each or max(arguments.polls // 20, 1),
        reload_each=arguments.reload_each or max(arguments.polls // 40, 1),
        sample_every=arguments.sample_every,
    )
    outcome = _run(Run(folder, package, terms), console, terms.polls)
    report.show(console, outcome, growth=not arguments.brief)
    failed = bool(outcome.wrong) or (not arguments.brief and not outcome.levels_off)
    if arguments.folder or failed:
        console.print(f"kept in {folder}", soft_wrap=True)
    else:
        shutil.rmtree(folder)
    return int(failed)


def _run(run: Run, console: Console, polls: int) -> Outcome:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task("polls", total=polls)
        return asyncio.run(
            run.whole(lambda made, what: progress.update(bar, completed=made, description=what))
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m campaigns.soak", description=__doc__)
    parser.add_argument("--polls", type=int, default=1_000_000, help="number of polls in all")
    parser.add_argument("--accounts", type=int, default=200, help="clients, besides the one wallet")
    parser.add_argument(
        "--every", type=int, default=20, help="seconds between an account's polls, by its clock"
    )
    parser.add_argument(
        "--speed", type=int, default=20, help="how much faster its clock runs (1: needs no libfaketime)"
    )
    parser.add_argument(
        "--restart-each", type=int, help="polls between restarts, in the first half; default: a 20th"
    )
    parser.add_argument("--reload-each", type=int, help="polls between reloads; default: a 40th")
    parser.add_argument("--sample-every", type=float, default=5.0, help="seconds")
    parser.add_argument("--brief", action="store_true", help="do not judge growth, for a short run")
    parser.add_argument(
        "--folder",
        type=Path,
        help="directory for store, logs and samples, which is kept",
    )
    parser.add_argument("--package", type=Path, default=ROOT, help="the folder whose `monitor` is run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
