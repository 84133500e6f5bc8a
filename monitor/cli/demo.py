"""The commands `sandbox` and `demo`."""

import asyncio
from collections.abc import Callable
from inspect import Parameter, Signature, signature
from itertools import cycle
from typing import Annotated

import typer

from monitor.daemon.demo import demonstrate, serve
from monitor.providers import PROVIDERS
from monitor.sandbox import simulations

app = typer.Typer()

_SIMULATIONS = simulations(PROVIDERS)
_BALANCES = ", ".join(f"'{one.example}'" for one in _SIMULATIONS)
_FAULTS = ", ".join(
    f"'{one.name} {fault}'"
    for one, fault in zip(
        cycle(reversed(_SIMULATIONS)), ("reset from 12s for 6s", "429", "latency 2s"), strict=False
    )
)


def _with_ports(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, ahead of its own options, one for the port of each simulated provider: `--NAME-port`.

    The command takes them as keyword arguments `NAME_port`."""
    ports = {
        f"{one.name}_port": Annotated[
            int, typer.Option(min=0, max=65535, help=f"Port of {one.title}. 0: any free port.")
        ]
        for one in _SIMULATIONS
    }
    own = [one for one in signature(command).parameters.values() if one.kind is Parameter.KEYWORD_ONLY]
    # Typer makes the options of a function's signature and annotations, and has no way to add one.
    command.__annotations__ |= ports
    vars(command)["__signature__"] = Signature(
        [
            *(Parameter(name, Parameter.KEYWORD_ONLY, default=0, annotation=ports[name]) for name in ports),
            *own,
        ]
    )
    return command


@app.command()
@_with_ports
def sandbox(
    *,
    balance: Annotated[
        list[str] | None, typer.Option(metavar="STORY", help=f"A balance: {_BALANCES}.")
    ] = None,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="FAULT", help=f"What goes wrong: {_FAULTS}.")
    ] = None,
    webhook: Annotated[
        bool, typer.Option("--webhook", help="Also receive notifications and print them.")
    ] = False,
    **ports: int,
) -> None:
    """Simulate both services on loopback, with scripted balances and faults, and print a matching configuration.

    The configuration goes to stdout: `balance-monitor sandbox --webhook > sandbox.yaml` and, in another terminal,
    `balance-monitor run -c sandbox.yaml`. Balances are constant, drain, top-up, steps or walk. Ctrl-C ends it."""
    by_provider = {name.removesuffix("_port"): port for name, port in ports.items()}
    asyncio.run(serve(by_provider, balance or [], fault or [], webhook=webhook))


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
