"""The sandbox on its own, and the demo: sandbox, daemon and a receiver of its messages, in one process."""

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

STORY_LASTS = timedelta(seconds=25)
"""After this the demo's story has been told: the outage is over and its end delivered."""

STATUS_PORT = 8787
"""Where the demo's status page is, if nobody else is there."""

_NEXT = """\
[bold]That was it.[/] Every reading is kept exactly, one cause gave one message, and an outage is no empty wallet.

What to do next:
  1. copy [cyan]config.example.yaml[/] to [cyan]config.yaml[/] and say which wallets, limits and channels are yours
  2. [cyan]balance-monitor check --live[/]   reads every balance once and stores no reading
  3. [cyan]balance-monitor notify[/]         tries your channels
  4. [cyan]balance-monitor run[/]            and later [cyan]systemd/balance-monitor.service[/] or the Dockerfile

To rehearse on made-up balances and faults: [cyan]balance-monitor sandbox --help[/]"""


async def serve(
    ports: Mapping[str, int], balances: Sequence[str], faults: Sequence[str], *, webhook: bool
) -> None:
    """Serve every simulated provider until SIGINT or SIGTERM, on `ports` by provider (0: any free port).

    The matching configuration goes to stdout. Raises SandboxError for a scenario that can't be read and a port that is
    taken."""
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
        raise SandboxError(f"the sandbox can't listen: {exc.strerror or exc}; choose another port") from exc
    print(sandbox.example_config(receiver.url if webhook else None), end="", flush=True)  # noqa: T201 -- its output
    services = " and ".join(f"{one.title} at {sandbox.services[one.name].url}" for one in scenario.services)
    stderr().print(f"serving {services}; Ctrl-C ends it", markup=False)
    try:
        await stopped.wait()
    finally:
        await receiver.stop()
        await sandbox.stop()


async def demonstrate(port: int | None, *, stay: bool) -> None:
    """Tells the whole story within half a minute, on loopback and in a temporary folder; then ends, unless it is to
    `stay`. `port` is the status page's; None: the usual one, or another if that is taken.

    Raises SandboxError for a port that is taken."""
    listen = f"127.0.0.1:{_free_port(port)}"
    console = stdout()
    began = now()
    set_up("text", logging.CRITICAL)
    console.print(
        "[bold]balance-monitor demo[/]: two services on loopback, the daemon, and you receive its messages.\n"
        f"Its status page: [bold cyan]http://{listen}/[/]\n",
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
            cues.append(loop.call_later(STORY_LASTS.total_seconds(), _stay if stay else daemon.stop))
            await daemon.run()
            for cue in cues:
                cue.cancel()
    console.print()
    console.print(_NEXT)


class _Ticker:
    """Prints what polls read, where it is news: the first reading, a change, a failure, the recovery."""

    def __init__(self, began: datetime) -> None:
        self._began = began
        self._last: dict[str, Reading] = {}

    def show(self, recorded: Recorded) -> None:
        """One poll's lines."""
        before, after = recorded.before.streak, recorded.health.streak
        if after.count == 1:
            detail = escape(f"{after.outcome}: {after.detail}")
            self._line(
                f"[magenta]{escape(str(recorded.account))} not read ({detail}); the balance stays as it was"
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
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trying.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(trying.getsockname()[1])
    raise SandboxError(f"port {wanted} is taken; choose another, or leave it out")


def _stay() -> None:
    stdout().print("\n[bold]The story is told.[/] Everything goes on until Ctrl-C.")


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
