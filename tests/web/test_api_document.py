"""docs/api.md names every address and every parameter that there is, and no other."""

import re
from pathlib import Path
from typing import Any

import pytest

from monitor.web.view import SeriesState
from tests.web.support import World, asking

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
ROW = re.compile(r"^\| `(/[^`]+)` \| (.+) \|$", re.MULTILINE)
ADDRESSES, PARAMETERS = (
    dict(ROW.findall(DOCUMENT.partition(f"| {head} |")[2].partition("\n\n")[0]))
    for head in ("path", "parameters of")
)


@pytest.fixture
async def described(tmp_path: Path) -> dict[str, Any]:
    """Every operation of the description, by its address."""
    async with asking(World(path=tmp_path / "store.db").app()) as client:
        paths = (await client.get("/api/v1/openapi.json")).json()["paths"]
    return {path: operations["get"] for path, operations in paths.items()}


async def test_every_address_has_its_row(described: dict[str, Any]) -> None:
    """The description itself, too."""
    assert set(ADDRESSES) == {*described, "/api/v1/openapi.json"}


async def test_every_parameter_is_named(described: dict[str, Any]) -> None:
    """With what it can be, where that is one of a few."""
    queries = {
        path: {one["name"]: one["schema"] for one in operation.get("parameters", []) if one["in"] == "query"}
        for path, operation in described.items()
    }
    assert {path for path, query in queries.items() if query} == set(PARAMETERS)
    for path, text in PARAMETERS.items():
        named = set(re.findall(r"`([^`]+)`", text))
        assert set(queries[path]) <= named
        assert named <= set(queries[path]) | words(queries[path])


def words(schemas: dict[str, Any]) -> set[str]:
    """All words that some parameter can be."""
    text = re.findall(r"'enum': \[([^]]+)\]", str(schemas))
    return set(re.findall(r"'([^']+)'", "".join(text))) | set(SeriesState)
