"""The API is what its OpenAPI description says, whatever is asked: schemathesis asks the real server.

The store behind it is full of names that mean something to HTML, URLs, SQL or terminals."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from pydantic import SecretStr

from monitor.web.auth import Access
from tests.web.support import HOSTILE, World, asking, filled, serving

TOKEN = "0123456789abcdef0123"
ACCESS = Access(
    token=SecretStr(TOKEN), refused_after=timedelta(0)
)  # much of what is asked carries a wrong one
KNOWN = {"Authorization": f"Bearer {TOKEN}"}
AN_INCIDENT = "ANINCIDENT"
"""Stands for one that is there."""


async def described() -> Any:
    """The description, as the server gives it before there is any store."""
    async with asking(World(path=Path("/nowhere/store.db")).app()) as client:
        return (await client.get("/api/v1/openapi.json")).json()


def with_examples(description: Any) -> Any:
    """The same, with names for examples that are there."""
    examples = {"series": str(HOSTILE.series("USDT")), "incident": AN_INCIDENT}
    for path in description["paths"].values():
        for parameter in path["get"].get("parameters", []):
            if parameter["name"] in examples:
                parameter["example"] = examples[parameter["name"]]
    return description


schema = schemathesis.openapi.from_dict(with_examples(asyncio.run(described())))


@dataclass(frozen=True)
class Served:
    """Where it is served, and an incident that is there."""

    url: str
    incident: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The real server, for who has the token."""
    world = filled(World(path=tmp_path_factory.mktemp("web") / "store.db"))
    with serving(world.app(ACCESS)) as url:
        known = httpx.get(f"{url}/api/v1/incidents", headers=KNOWN).json()["incidents"]
        yield Served(url=url, incident=known[-1]["id"])


@schema.parametrize()
@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(case: schemathesis.Case[Any], served: Served) -> None:
    """Codes, content types, headers and bodies; what does not fit the description is refused, what does is not; and
    nothing is told to who has no token."""
    if case.path_parameters.get("incident") == AN_INCIDENT:
        case.path_parameters["incident"] = served.incident
    case.call_and_validate(base_url=served.url, headers=KNOWN)
