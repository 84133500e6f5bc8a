"""A real store in a temporary folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from monitor.store.writer import Store


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Yield an open store, and close it at the end."""
    opened = Store(tmp_path / "store.db")
    yield opened
    await opened.close()
