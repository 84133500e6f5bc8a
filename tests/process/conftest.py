"""The stage on which the tests of this folder run beside each other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .stage import Stage, raised


@pytest.fixture(scope="package")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Where `@together()` tests of this folder are at work."""
    here = Path(__file__).parent
    functions = [
        item.function
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path.is_relative_to(here)
    ]
    with raised(functions, tmp_path_factory.mktemp) as stage:
        yield stage
