"""What a poll must not do each time, since it costs more than the poll itself."""

import sys
from collections.abc import Sequence
from types import ModuleType

import pytest

from monitor.errors import Outcome

from .support import Endpoint, Station, http


class Searching:
    """Notes what Python searches the disk for."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Finds nothing; those after it do."""
        self.names.append(name)


async def test_a_poll_searches_for_no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is not installed is not looked for again and again."""
    searching = Searching()
    async with Endpoint(http()) as endpoint, Station(endpoint.base_url) as station:
        client = station.client()
        await station.poll(client)
        monkeypatch.setattr(sys, "meta_path", [searching, *sys.meta_path])
        outcome = (await station.poll(client)).outcome
    assert (outcome, searching.names) == (Outcome.OK, [])
