"""The commands `sandbox` and `demo`."""

import asyncio
from typing import Annotated

import typer

from monitor.daemon.demo import demonstrate, serve

app = typer.Typer()


@app.command()
def sandbox(
    nami_port: Annotated[int, typer.Option(min=0, max=65535, help="Nami's port; 0: any free one.")] = 0,
    wdcf_port: Annotated[int, typer.Option(min=0, max=65535, help="WDCF's port; 0: any free one.")] = 0,
    balance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STORY",
            help="A balance: 'nami/spot/USDT drain 1000 to 50 over 20s', 'wdcf/CLIENT_001 walk 1000 step 5 seed 7'.",
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAULT",
            help="What goes wrong: 'wdcf reset from 12s for 6s', 'nami 429', 'wdcf latency 2s'.",
        ),
    ] = None,
    webhook: Annotated[
        bool, typer.Option("--webhook", help="Also receive notifications, and print them.")
    ] = False,
) -> None:
    """Serve both endpoints on loopback, with scripted balances and faults, and print a configuration that fits.

    The configuration goes to stdout: `balance-monitor sandbox --webhook > sandbox.yaml` and, in another terminal,
    `balance-monitor run -c sandbox.yaml`. Balances are constant, drain, top-up, steps or walk. Ctrl-C ends it."""
    asyncio.run(serve(nami_port, wdcf_port, balance or [], fault or [], webhook=webhook))


@app.command()
def demo(
    stay: Annotated[
        bool, typer.Option("--stay", help="Go on after the story, until Ctrl-C: to look around.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The status page's. Default: 8787, or another if that is taken."),
    ] = None,
) -> None:
    """See it all within 30 seconds: readings, a drain, its alert, the resolve, an outage. Needs nothing.

    A sandbox of both endpoints, the daemon with its status page and a receiver of its notifications run on loopback
    and in a temporary folder. It ends by itself, or with Ctrl-C."""
    asyncio.run(demonstrate(port, stay=stay))
