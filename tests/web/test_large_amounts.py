"""Amounts beyond every float are shown, digit for digit, wherever balances are."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from tests.web.support import SPOT, World, asking, opened

NINES = "9" * 310
PLACES = [
    "/",
    "/?order=-balance",
    "/series?name=nami-spot/spot/USDT",
    "/incidents",
    "/metrics",
    "/api/v1/status",
    "/api/v1/series",
    "/api/v1/readings?series=nami-spot/spot/USDT",
    "/api/v1/chart?series=nami-spot/spot/USDT",
    "/api/v1/alerts",
    "/api/v1/incidents",
]


@pytest.mark.parametrize(
    "amounts",
    [
        pytest.param(("1", NINES), id="beyond every float after one"),
        pytest.param((NINES, "1"), id="one after beyond every float"),
        pytest.param((NINES, "8" * 310), id="both beyond every float"),
        pytest.param((f"-{NINES}", NINES), id="at both ends"),
        pytest.param(("0", f"0.{'0' * 318}1"), id="closer than floats have digits"),
        pytest.param(("0", "9" * 9_999), id="as many digits as are taken"),
    ],
)
async def test_every_place_shows_amounts_of_any_length(tmp_path: Path, amounts: tuple[str, ...]) -> None:
    """Nothing answers 500, and the newest amount is on the page to its last digit."""
    world = World(path=tmp_path / "balances.db")
    async with opened(world) as store:
        for amount in amounts:
            await world.poll(store, SPOT, {"USDT": amount})
    async with asking(world.app()) as client:
        answers = {place: await client.get(place) for place in PLACES}
    assert {place: answer.status_code for place, answer in answers.items()} == dict.fromkeys(PLACES, 200)
    told = {one["series"]: one["available"] for one in answers["/api/v1/series"].json()["series"]}
    assert told["nami-spot/spot/USDT"] == amounts[-1]
    assert format(Decimal(amounts[-1]), ",f") in re.sub("<[^>]+>", "", answers["/"].text)
