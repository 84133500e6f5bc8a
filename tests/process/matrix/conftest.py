"""The stage on which the tests of this folder run beside each other."""

from collections.abc import Iterator

import pytest

from tests.process.stage import Stage, stage_of


@pytest.fixture(scope="package")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Where the `@together()` tests of this folder are at work."""
    with stage_of(__file__, request) as stage:
        yield stage
