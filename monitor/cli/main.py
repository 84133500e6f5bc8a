"""The command line: lists the commands, loads the one that is called, and turns its errors into exit codes."""

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
# what a misused command line raises; typer exports only this child of it
_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)


class Listed(NamedTuple):
    """Say which module of this package holds a command, and the first paragraph of the command's help."""

    module: str
    help: str


COMMANDS = {
    "run": Listed("run", "Run the daemon, in the foreground."),
    "check": Listed(
        "checks", "Validate the configuration: every problem at once, with file, line and column."
    ),
    "poll": Listed(
        "checks", "Poll every job once, now, with rules and notifications, and show what came of it."
    ),
    "status": Listed(
        "status",
        "Show what the store knows: balances, alerts, last polls, outbox. Opens no network and needs no secrets.",
    ),
    "history": Listed(
        "readings",
        "Show the readings of one series: the newest last, each with the change from the one before, "
        "gaps said as such.",
    ),
    "export": Listed(
        "readings",
        "Write all readings, series after series, each oldest first: exact amounts and instants, "
        "for `import` or a sheet.",
    ),
    "import": Listed(
        "import_",
        "Read readings back that `export` wrote, to the last digit: every line is checked before anything is written.",
    ),
    "ack": Listed(
        "actions",
        "Acknowledge an alert that fires: no reminders and no escalation until it gets worse or is over.",
    ),
    "notify": Listed(
        "checks", "Send a test message through every channel, and say for each URL what came back."
    ),
    "route": Listed(
        "checks",
        "Explain where alerts about a series would go now, and why: routes, channels, grouping, what keeps them quiet.",
    ),
    "test": Listed(
        "checks",
        "Test rules before they page anyone: stories of readings, and the events that are to come of them.",
    ),
    "schema": Listed(
        "about", "Print the configuration's JSON Schema, for editors: `balance-monitor schema > schema.json`."
    ),
    "version": Listed("about", "Print the versions of this program and of what it stands on."),
    "sandbox": Listed(
        "demo",
        "Serve both endpoints on loopback, with scripted balances and faults, and print a configuration that fits.",
    ),
    "demo": Listed(
        "demo",
        "See it all within 30 seconds: readings, a drain, its alert, the resolve, an outage. Needs nothing.",
    ),
    "alerts": Listed(
        "alerts", "List incidents, current and past, the newest first. `alerts show ID` tells one's story."
    ),
    "silence": Listed(
        "actions",
        "Keep alerts quiet for a while, see what is kept quiet, end it. Works while the daemon runs.",
    ),
}
"""The commands in the order of `--help`. Those of one module need the same libraries."""


class _LazyGroup(TyperGroup):
    """Load a command when it is called; `--help` and completion do with what COMMANDS says of it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        return name, name and load_command(name), rest


app = typer.Typer(
    name="balance-monitor",
    cls=_LazyGroup,
    help="""Watches wallet balances at REST services and tells people when something is wrong.

Try it without configuring anything: balance-monitor demo

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
    """Return a command with its options, out of its module."""
    loaded = typer.Typer(rich_markup_mode=app.rich_markup_mode)
    loaded.add_typer(import_module(f"monitor.cli.{COMMANDS[name].module}").app)
    return get_group(loaded).commands[name]


def main() -> None:
    """Run the command line. Foreseeable trouble ends in a line on stderr and an exit code, never in a traceback."""
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
        # a defect; but 1, Python's own code for one, would say "a warning fires"
        sys.excepthook(type(exc), exc, exc.__traceback__)
        return EX_UNKNOWN
    return code if isinstance(code, int) else EX_OK
