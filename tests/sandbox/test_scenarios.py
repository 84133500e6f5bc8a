"""The stories, and the configuration that goes with them."""

from datetime import timedelta
from decimal import Decimal

import httpx
import pytest
import yaml

from monitor.sandbox import Sandbox, Scenario, demo_scenario
from monitor.sandbox.nami import Nami
from monitor.sandbox.wdcf import Wdcf

from .support import FakeClock, ask_nami, ask_wdcf, nami, wdcf


def usdt(story: Scenario, seconds: float) -> Decimal:
    """What is available of Nami's spot USDT."""
    [exchange] = (one for one in story.services if isinstance(one, Nami))
    holding, elapsed = exchange.wallets["spot"][22], timedelta(seconds=seconds)
    return holding.value(elapsed).amount - holding.locked(elapsed).amount


def test_the_demo_drains_usdt_and_tops_it_up() -> None:
    """Within 13 seconds USDT falls from above 1200 below 1000, and then comes back."""
    story = demo_scenario((Nami, Wdcf))
    assert usdt(story, 0) > 1200
    assert usdt(story, 10) < 1000
    assert usdt(story, 12.9) < 1000
    assert usdt(story, 13) > 1200


async def test_the_demo_has_an_outage_of_wdcf(client: httpx.AsyncClient, clock: FakeClock) -> None:
    """From 15 to 21 seconds connections are reset, and the balance is the same before and after."""
    secret = Wdcf.demo().client_secret
    async with Sandbox(demo_scenario((Nami, Wdcf)), clock=clock) as sandbox:
        before = await ask_wdcf(client, sandbox, secret=secret)
        clock.advance(seconds=15)
        with pytest.raises(httpx.NetworkError):
            await ask_wdcf(client, sandbox, secret=secret)
        clock.advance(seconds=6)
        after = await ask_wdcf(client, sandbox, secret=secret)
    assert after.json() == before.json()


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        (
            "nami/spot/USDT constant 5",
            "type=0&currency=22",
            '"22": {"value": 5, "locked_value": 0.10001, "type": 0}',
        ),
        ("nami/spot/22/locked constant 5", "type=0&currency=22", '"locked_value": 5, "type": 0}'),
        ("nami/futures/77 constant 5", "type=2", '"77": {"value": 5, "locked_value": 0, "type": 2}'),
    ],
)
async def test_balances_of_nami_can_be_set(
    client: httpx.AsyncClient, story: Scenario, clock: FakeClock, text: str, query: str, expected: str
) -> None:
    """One number of one currency is set, by name or id, and the others stand."""
    async with Sandbox(story.with_balance(text), clock=clock) as sandbox:
        assert expected in (await ask_nami(client, sandbox, query)).text


async def test_balances_of_wdcf_can_be_set(
    client: httpx.AsyncClient, story: Scenario, clock: FakeClock
) -> None:
    """A client may be added."""
    story = story.with_balance("wdcf/NEW constant 12.30")
    async with Sandbox(story, clock=clock) as sandbox:
        assert '"balance": 12.30,' in (await ask_wdcf(client, sandbox, "NEW")).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nami/spot constant 5", r"expected `nami/spot\|futures/CURRENCY"),
        ("nami/margin/USDT constant 5", r"expected `nami/spot\|futures/CURRENCY"),
        ("wdcf/ constant 5", "or `wdcf/CLIENT_ID SCRIPT`"),
        ("nami/spot/DOGE constant 5", "expected an id or one of VNDC, USDT"),
        ("wdcf/CLIENT_001", "expected one of `constant AMOUNT`"),
    ],
)
def test_mistakes_are_explained(story: Scenario, text: str, expected: str) -> None:
    """An error of notation says what was expected."""
    with pytest.raises(ValueError, match=expected):
        story.with_balance(text)


async def test_the_configuration_fits_the_sandbox(story: Scenario) -> None:
    """URLs, credentials, limit and clients are those of the running sandbox."""
    async with Sandbox(story.allowing(600)) as sandbox:
        config = yaml.safe_load(sandbox.example_config("json://127.0.0.1:9/", every="1s"))
        exchange, service = config["providers"].values()
        assert (exchange["base_url"], service["base_url"]) == (nami(sandbox).url, wdcf(sandbox).url)
    assert (exchange["api_key"], exchange["api_secret"]) == ("the-key", "the-secret")
    assert service["client_secret"] == "the-client-secret"
    assert exchange["rate_limit"] == "600/1m"
    assert config["channels"] == {"webhook": {"urls": ["json://127.0.0.1:9/"]}}
    assert [job["name"] for job in config["jobs"]] == ["nami-spot", "nami-futures", "clients"]
    assert config["jobs"][0]["currencies"] == {1: "VNDC", 22: "USDT"}
    assert config["jobs"][2]["clients"] == list(wdcf(sandbox).endpoint.clients)


def test_without_a_webhook_there_is_no_channel() -> None:
    """Alerts are then seen in the status only."""
    assert "channels" not in yaml.safe_load(Sandbox(demo_scenario((Nami, Wdcf))).example_config())


def test_polling_over_the_limit_is_refused() -> None:
    """The example would be banned at once otherwise."""
    with pytest.raises(ValueError, match="2 wallets make 120 calls a minute, Nami allows 60"):
        Sandbox(demo_scenario((Nami, Wdcf))).example_config(every="1s")
