"""`python -m campaigns.kills --kills 300 --seed 7`: exit code 0, or 1 if a promise was broken."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from campaigns.harness import faketime
from campaigns.harness.program import ROOT, copied
from campaigns.kills import report
from campaigns.kills.checker import Kill
from campaigns.kills.lane import WRONG_CLOCKS, Lane, Outcome, cast


def main() -> int:
    """Run the campaign; return its exit code."""
    arguments = _arguments()
    console = Console(stderr=True)
    folder = Path(tempfile.mkdtemp(prefix="kill-campaign-"))
    package = copied(arguments.package, folder)
    accounts = tuple(filter(None, arguments.accounts.split(",")))
    has_wrong_clock = arguments.kills > 6 and faketime.library() and cast(accounts, timeless=True)
    wrong = WRONG_CLOCKS if arguments.kills >= 48 else WRONG_CLOCKS[arguments.kills % 2 :][:1]
    by_wrong_clock = max(4, arguments.kills // 12) if has_wrong_clock else 0
    if not by_wrong_clock and not accounts:
        console.print("no start with a wrong clock: libfaketime is not installed, or there are too few kills")
    kills = arguments.kills - by_wrong_clock * len(wrong)
    shares = [len(range(lane, kills, arguments.lanes)) for lane in range(arguments.lanes)]
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        bar = progress.add_task("kills", total=arguments.kills)

        def on_kill(kill: Kill) -> None:
            progress.update(bar, advance=1, description=f"kills, the last one {kill.aim}")

        lanes = [
            Lane(
                folder / f"lane-{number}",
                package,
                share,
                f"{arguments.seed}-{number}",
                on_kill,
                accounts=accounts,
            )
            for number, share in enumerate(shares, 1)
        ]
        for ahead in wrong if by_wrong_clock else ():
            place, seed = folder / f"lane-{len(lanes) + 1}", f"{arguments.seed}-clock-{ahead.days}"
            lanes.append(
                Lane(place, package, by_wrong_clock, seed, on_kill, accounts=accounts, wrong_clock=ahead)
            )
        outcomes = asyncio.run(_run(lanes))
    options = {name: getattr(arguments, name) for name in ("kills", "lanes", "seed", "accounts")}
    given = " ".join(f"--{name} {value}" for name, value in options.items() if value)
    again = f"python -m campaigns.kills {given}"
    report.show(console, outcomes)
    console.print(
        f"{'again' if any(one.violations for one in outcomes) else 'run as'}: {again}", soft_wrap=True
    )
    failed = any(outcome.violations for outcome in outcomes)
    if arguments.keep or (failed and not arguments.forget):
        report.keep(folder, lanes, outcomes, again)
        console.print(f"kept in {folder}", soft_wrap=True)
    else:
        shutil.rmtree(folder)
    return int(failed)


async def _run(lanes: list[Lane]) -> list[Outcome]:
    return await asyncio.gather(*(lane.run() for lane in lanes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m campaigns.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=300, help="number of kills in all")
    parser.add_argument("--seed", default=str(int(time.time())), help="seed of the random choices")
    parser.add_argument(
        "--lanes", type=int, default=2, help="pairs of processes at once, which share the kills"
    )
    parser.add_argument("--accounts", default="", help="accounts that take part: HUSH,TURN; default: all")
    parser.add_argument("--keep", action="store_true", help="keep the records of a successful run too")
    parser.add_argument("--forget", action="store_true", help="keep no records, not even of a failed run")
    parser.add_argument("--package", type=Path, default=ROOT, help="the folder whose `monitor` is run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
