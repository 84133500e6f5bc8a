"""The command line: list the commands, load the one that is called, turn its errors into exit codes."""

import sys
from importlib import import_module
from typing import Any, NamedTuple, cast

import typer
from typer.core import TyperGroup
from typer.main import get_group

from monitor.cli.shared import (
    EX_CONFIG,
    EX_FAILED,
    EX_INTERRUPTED,
    EX_OK,
    EX_UNKNOWN,
    EX_USAGE,
    discard_stdout,
    print_error,
)
from monitor.errors import ConfigError, MonitorError
from monitor.log.encoding import write_readably

_CHECKS = ("poll", "status")
# click's UsageError; typer exports only this subclass of it
_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)


class Listed(NamedTuple):
    """The module of this package that holds a command, and the first paragraph of the command's help."""

    module: str
    help: str


COMMANDS = {
    "run": Listed("run", "Run the daemon, in the foreground."),
    "check": Listed(
        "checks", "Validate the configuration: every problem at once, with file, line and column."
    ),
    "poll": Listed("checks", "Poll every job once, evaluate rules, send notifications, and show the result."),
    "status": Listed(
        "status",
        "Show the stored state: balances, alerts, last polls, outbox. Uses no network and needs no secrets.",
    ),
    "history": Listed(
        "readings",
        "Show the readings of one series: the newest last, each with the change since the one before. "
        "Gaps are marked.",
    ),
    "export": Listed(
        "readings",
        "Write all readings, series by series, oldest first, with exact amounts and times, "
        "for `import` or a spreadsheet.",
    ),
    "import": Listed(
        "import_",
        "Import readings that `export` wrote. Every line is checked before anything is written.",
    ),
    "ack": Listed(
        "actions",
        "Acknowledge a firing alert: no reminders and no escalation until it worsens or resolves.",
    ),
    "notify": Listed(
        "checks", "Send a test notification through every channel and report the result for each URL."
    ),
    "route": Listed(
        "checks",
        "Explain where alerts of a series would be sent now, and why: routes, channels, grouping, mutes.",
    ),
    "test": Listed(
        "checks",
        "Run tests of rules: files with readings and the events expected from them.",
    ),
    "schema": Listed(
        "about", "Print the configuration's JSON Schema, for editors: `balance-monitor schema > schema.json`."
    ),
    "version": Listed("about", "Print the versions of this program and of its dependencies."),
    "sandbox": Listed(
        "demo",
        "Simulate both services on loopback, with scripted balances and faults, and print a matching configuration.",
    ),
    "demo": Listed(
        "demo",
        "Show everything in 30 seconds: readings, a drain, its alert, the resolve, an outage. No setup needed.",
    ),
    "alerts": Listed(
        "alerts", "List incidents, current and past, the newest first. `alerts show ID` shows one incident."
    ),
    "silence": Listed(
        "actions",
        "Mute notifications for a time: add, list and expire silences. Works while the daemon runs.",
    ),
}
"""The commands in the order of `--help`. Those of one module need the same libraries."""


class _LazyGroup(TyperGroup):
    """A group that loads a command when it is called; `--help` and completion use COMMANDS alone."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        return name, name and load_command(name), rest


app = typer.Typer(
    name="balance-monitor",
    cls=_LazyGroup,
    help="""Watch wallet balances at REST services and send notifications when something is wrong.

Try it without any configuration: balance-monitor demo

Then: copy config.example.yaml to config.yaml, edit it, `balance-monitor check --live`, `balance-monitor run`.""",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _not_loaded() -> None:
    """Stand in for a command that is only listed."""


for _name, _listed in COMMANDS.items():
    app.command(_name, help=_listed.help)(_not_loaded)


def load_command(name: str) -> Any:
    """Import a command's module, and return the command with its options."""
    loaded = typer.Typer(rich_markup_mode=app.rich_markup_mode)
    loaded.add_typer(import_module(f"monitor.cli.{COMMANDS[name].module}").app)
    return get_group(loaded).commands[name]


def main() -> None:
    """Run the command line. An expected error ends in a line on stderr and an exit code, never in a traceback."""
    write_readably()
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """Run one command, and return its exit code."""
    try:
        code = app(arguments, prog_name="balance-monitor", standalone_mode=False)
        sys.stdout.flush()
    except ConfigError as exc:
        print_error(*exc.lines())
        return EX_CONFIG
    except MonitorError as exc:
        print_error(f"balance-monitor: {exc}")
        return EX_UNKNOWN if arguments[0] in _CHECKS else EX_FAILED
    except _UsageError as exc:
        exc.show()
        return EX_USAGE
    except (KeyboardInterrupt, typer.Abort):
        return EX_INTERRUPTED
    except BrokenPipeError:
        discard_stdout()
        return EX_OK
    except Exception as exc:
        if arguments[0] not in _CHECKS:
            raise
        # a defect; but 1, Python's own code for one, means "a warning fires" to Nagios
        sys.excepthook(type(exc), exc, exc.__traceback__)
        return EX_UNKNOWN
    return code if isinstance(code, int) else EX_OK
