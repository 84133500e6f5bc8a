"""The result of the scenario, at its end, with a frozen clock."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from freezegun.api import FrozenDateTimeFactory

from tests.contract import program
from tests.contract.approval import Approve, compare, normalised
from tests.contract.scenario import END, START, World, play


@pytest.fixture(scope="package")
def clock() -> Iterator[FrozenDateTimeFactory]:
    """Yield the clock of the program for all tests of this directory."""
    with program.frozen(START) as clock:
        yield clock


@pytest.fixture(scope="package")
def world(clock: FrozenDateTimeFactory, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return the result of the scenario, with its store."""
    folder = tmp_path_factory.mktemp("contract")
    world = asyncio.run(play(folder, clock))
    clock.move_to(END)
    return world


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "BALANCE_MONITOR_CONFIG", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "COLUMNS": "80",
        "LINES": "40",
        "NO_COLOR": "1",
        "TZ": "UTC",
        "TERM": "xterm",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def approve(request: pytest.FixtureRequest) -> Approve:
    """Return a function that compares a text with the recorded one, or records it."""

    def approve(name: str, text: str, folder: Path | None = None) -> None:
        compare(name, normalised(text, folder), record=bool(request.config.getoption("--record")))

    return approve
