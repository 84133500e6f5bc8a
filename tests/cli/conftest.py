"""The stage on which the tests of this directory run at the same time."""

from collections.abc import Iterator

import pytest

from monitor.store.connection import open_engine
from tests.process.stage import Stage, stage_of


@pytest.fixture(scope="package")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Yield the stage of the `@together()` tests of this directory."""
    with stage_of(__file__, request) as stage:
        yield stage


@pytest.fixture(scope="module")
def refusing_store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the path of a configuration with an empty store."""
    folder = tmp_path_factory.mktemp("refusing")
    (folder / "config.yaml").write_text(
        "providers: {nami: {type: nami, api_key: a-key, api_secret: a-secret}}\n"
        "jobs: [{name: spot, provider: nami, every: 1m, wallet: spot, currencies: {22: USDT}}]\n"
        "rules: [{name: usdt-low, type: threshold, below: 1000}]\n"
        "store: {url: 'sqlite:///store.db'}\n"
    )
    open_engine(folder / "store.db").dispose()
    return str(folder / "config.yaml")
