"""The commands `sandbox` and `demo`."""

import asyncio
from typing import Annotated

import typer

from monitor.daemon.demo import demonstrate, serve

app = typer.Typer()


@app.command()
def sandbox(
    nami_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of Nami. 0: any free port.")] = 0,
    wdcf_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of WDCF. 0: any free port.")] = 0,
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
        bool, typer.Option("--webhook", help="Also receive notifications and print them.")
    ] = False,
) -> None:
    """Simulate both services on loopback, with scripted balances and faults, and print a matching configuration.

    The configuration goes to stdout: `balance-monitor sandbox --webhook > sandbox.yaml` and, in another terminal,
    `balance-monitor run -c sandbox.yaml`. Balances are constant, drain, top-up, steps or walk. Ctrl-C ends it."""
    asyncio.run(serve(nami_port, wdcf_port, balance or [], fault or [], webhook=webhook))


@app.command()
def demo(
    stay: Annotated[bool, typer.Option("--stay", help="Keep running afterwards, until Ctrl-C.")] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port of the status page. Default: 8787, or a free one if it is in use."
        ),
    ] = None,
) -> None:
    """Show everything in 30 seconds: readings, a drain, its alert, the resolve, an outage. No setup needed.

    Runs both simulated services, the daemon with its status page and a receiver for its notifications, on loopback
    and in a temporary folder. Ends by itself, or with Ctrl-C."""
    asyncio.run(demonstrate(port, stay=stay))
