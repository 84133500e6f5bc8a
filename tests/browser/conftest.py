"""One browser for all tests of this folder, and one place that most of them look at."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from .support import Place, chromium, installed, launched

HERE = Path(__file__).parent
MISSING = "no Chromium on this machine: `apt-get install chromium`"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all tests here on one event loop, as the browser needs it, or skip them without a browser."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if chromium() is None:
                item.add_marker(pytest.mark.skip(reason=MISSING))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Yield the Chromium of this machine, without a window."""
    executable = chromium()
    if executable is None:
        pytest.skip(MISSING)
    async with async_playwright() as playwright:
        started = await launched(playwright, executable)
        yield started
        await started.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Yield an installation with a firing alert, which tests must not change."""
    async with installed(tmp_path_factory.mktemp("place")) as found:
        yield found
