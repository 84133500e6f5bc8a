"""The stage on which the tests of this directory run at the same time."""

from collections.abc import Iterator

import pytest

from tests.process.stage import Stage, stage_of


@pytest.fixture(scope="package")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Yield the stage of the `@together()` tests of this directory."""
    with stage_of(__file__, request) as stage:
        yield stage
