"""The stage on which the tests of this folder run beside each other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.store.connection import open_engine
from tests.process.stage import Stage, raised


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


@pytest.fixture(scope="module")
def refusing_store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A configuration with a store in which nothing is; its path."""
    folder = tmp_path_factory.mktemp("refusing")
    (folder / "config.yaml").write_text(
        "providers: {nami: {type: nami, api_key: a-key, api_secret: a-secret}}\n"
        "jobs: [{name: spot, provider: nami, every: 1m, wallet: spot, currencies: {22: USDT}}]\n"
        "rules: [{name: usdt-low, type: threshold, below: 1000}]\n"
        "store: {url: 'sqlite:///store.db'}\n"
    )
    open_engine(folder / "store.db").dispose()
    return str(folder / "config.yaml")
