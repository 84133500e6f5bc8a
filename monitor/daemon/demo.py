"""The commands `sandbox` and `demo`. The demo runs sandbox, daemon and a receiver of its messages in one process."""

import asyncio
import logging
import signal
import socket
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from rich.markup import escape
from rich.panel import Panel

from monitor import config as configuration
from monitor.alerting.recording import Recorded
from monitor.daemon.daemon import Daemon
from monitor.daemon.runtime import now
from monitor.domain.model import Reading
from monitor.domain.money import grouped
from monitor.errors import SandboxError
from monitor.log.lines import Redaction, set_up
from monitor.providers import PROVIDERS
from monitor.sandbox import Message, Sandbox, Scenario, Webhook, demo_scenario, simulations
from monitor.terminal.console import stderr, stdout

DEMO_LASTS = timedelta(seconds=25)
"""The length of the demo: by then the outage is over and its end delivered."""

STATUS_PORT = 8787
"""The port of the demo's status page, if it is free."""

_NEXT = """\
[bold]The demo is complete.[/] Every reading is stored, each cause gave one message, and the outage was not taken for
an empty wallet.

Next steps:
  1. copy [cyan]config.example.yaml[/] to [cyan]config.yaml[/] and enter your wallets, limits and channels
  2. [cyan]balance-monitor check --live[/]   reads every balance once, and stores no readings
  3. [cyan]balance-monitor notify[/]         sends a test message through your channels
  4. [cyan]balance-monitor run[/]            starts the daemon; for production, see [cyan]docs/deployment.md[/]

To rehearse with scripted balances and faults: [cyan]balance-monitor sandbox --help[/]"""


async def serve(
    ports: Mapping[str, int], balances: Sequence[str], faults: Sequence[str], *, webhook: bool
) -> None:
    """Serve every simulated provider until SIGINT or SIGTERM, on `ports` by provider (0: any free port).

    The matching configuration goes to stdout. Raises SandboxError for an invalid balance or fault, and for a port in
    use."""
    stopped = _stop_signals()
    scenario = _scenario(balances, faults)
    sandbox = Sandbox(scenario, ports=ports)
    receiver = Webhook(on_message=_print_message)
    try:
        await sandbox.start()
        if webhook:
            await receiver.start()
    except OSError as exc:
        await sandbox.stop()
        raise SandboxError(f"the sandbox cannot listen: {exc.strerror or exc}; choose another port") from exc
    print(sandbox.example_config(receiver.url if webhook else None), end="", flush=True)  # noqa: T201 -- its output
    services = " and ".join(f"{one.title} at {sandbox.services[one.name].url}" for one in scenario.services)
    stderr().print(f"serving {services}; Ctrl-C ends it", markup=False)
    try:
        await stopped.wait()
    finally:
        await receiver.stop()
        await sandbox.stop()


async def demonstrate(port: int | None, *, stay: bool) -> None:
    """Run the demo, half a minute on loopback and in a temporary folder; then end, unless it is to `stay`.

    `port` is the port of the status page; None: STATUS_PORT, or a free one. Raises SandboxError for a port in use."""
    listen = f"127.0.0.1:{_free_port(port)}"
    console = stdout()
    began = now()
    set_up("text", logging.CRITICAL)  # the demo prints what happens; log lines would only repeat it
    console.print(
        "[bold]balance-monitor demo[/]: two simulated services, the daemon, and a receiver of its messages.\n"
        f"Status page: [bold cyan]http://{listen}/[/]\n",
        soft_wrap=True,
    )
    with tempfile.TemporaryDirectory(prefix="balance-monitor-demo-") as folder:
        receiver = Webhook(on_message=lambda message: _print_card(message, began))
        # Polling each second exceeds the limits that the providers document.
        scenario = demo_scenario(simulations(PROVIDERS)).allowing(calls_per_minute=600)
        async with Sandbox(scenario) as sandbox, receiver:
            path = Path(folder) / "config.yaml"
            path.write_text(
                f"{sandbox.example_config(receiver.url, every='1s')}\nweb: {{listen: {listen}}}\n",
                encoding="utf-8",
            )
            ticker = _Ticker(began)
            daemon = Daemon(
                configuration.load(path, {}), environ={}, redact=Redaction(), on_recorded=ticker.show
            )
            loop = asyncio.get_running_loop()
            cues = [
                loop.call_later(second, _narrate, text)
                for service in scenario.services
                for second, text in service.narration.items()
            ]
            cues.append(loop.call_later(DEMO_LASTS.total_seconds(), _stay if stay else daemon.stop))
            await daemon.run()
            for cue in cues:
                cue.cancel()
    console.print()
    console.print(_NEXT)


class _Ticker:
    """Prints polls that bring news: a first reading, a change, a failure, a recovery."""

    def __init__(self, began: datetime) -> None:
        self._began = began
        self._last: dict[str, Reading] = {}

    def show(self, recorded: Recorded) -> None:
        """Print the lines of one poll."""
        before, after = recorded.before.streak, recorded.health.streak
        if after.count == 1:
            detail = escape(f"{after.outcome}: {after.detail}")
            self._line(
                f"[magenta]{escape(str(recorded.account))} not read ({detail}); its last balance stays"
            )
        elif before.count and not after.count:
            self._line(f"[green]{escape(str(recorded.account))} is read again")
        for view in recorded.views:
            known = self._last.get(str(view.series))
            if (
                view.last is not None
                and recorded.result.ok
                and (known is None or known.total != view.last.total)
            ):
                moved = f"[dim]was {grouped(known.available)}[/]" if known else "[dim]first reading[/]"
                self._line(
                    f"{escape(str(view.series)):<28} [bold]{grouped(view.last.available):>24}[/]  {moved}"
                )
                self._last[str(view.series)] = view.last

    def _line(self, text: str) -> None:
        stdout().print(f"[dim]{_clock(self._began)}[/] {text}", soft_wrap=True)


def _free_port(wanted: int | None) -> int:
    for port in (wanted or STATUS_PORT, wanted or 0):
        with closing(socket.socket()) as trying:
            # otherwise the port of a demo that has just ended seems to be in use
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trying.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(trying.getsockname()[1])
    raise SandboxError(f"port {wanted} is in use; choose another, or leave --port out")


def _stay() -> None:
    stdout().print("\n[bold]The demo is complete.[/] Everything keeps running until Ctrl-C.")


def _narrate(text: str) -> None:
    stdout().print(f"\n[bold cyan]{text}[/]")


def _print_card(message: Message, began: datetime) -> None:
    colour = {"failure": "red", "warning": "yellow", "success": "green"}.get(message.type, "cyan")
    console = stdout()
    if console.is_terminal:
        title = f"[dim]{_clock(began)}[/] message received"
        body = f"[bold]{escape(message.title)}[/]\n\n{escape(message.body)}"
        console.print(Panel(body, title=title, title_align="left", border_style=colour))
    else:
        console.print(f"{_clock(began)} MESSAGE {message.title}\n{_indented(message.body)}", markup=False)


def _print_message(message: Message) -> None:
    text = f"{message.received_at:%H:%M:%S} {message.type}: {message.title}\n{_indented(message.body)}"
    stderr().print(text, markup=False)


def _indented(text: str) -> str:
    return "\n".join(f"      {line}" for line in text.splitlines())


def _clock(began: datetime) -> str:
    return f"{(now() - began).total_seconds():5.1f}s"


def _scenario(balances: Iterable[str], faults: Iterable[str]) -> Scenario:
    scenario = demo_scenario(simulations(PROVIDERS))
    if balances or faults:
        scenario = replace(scenario, faults=())
    try:
        for balance in balances:
            scenario = scenario.with_balance(balance)
        for fault in faults:
            scenario = scenario.with_fault(fault)
    except ValueError as exc:
        raise SandboxError(str(exc)) from exc
    return scenario


def _stop_signals() -> asyncio.Event:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped
