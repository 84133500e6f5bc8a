"""A sandbox whose clock stops until a test moves it, and an HTTP client that adds no headers of its own."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import httpx
import pytest

from monitor.sandbox import Sandbox, Scenario, constant, parse_script
from monitor.sandbox.nami import Holding

from .support import NAMI, WDCF, FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    # Nothing here speaks TLS, and loading the certificates would take most of the tests' time.
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=5) as client:
        yield client


@pytest.fixture
def story() -> Scenario:
    wallets = {
        "spot": {
            1: Holding(value=constant(Decimal("26058942.333333325"))),
            22: Holding(value=constant(Decimal("1009.8500524310101")), locked=constant(Decimal("0.10001"))),
        },
        "futures": {22: Holding(value=constant(Decimal(7)))},
    }
    clients = {
        "CLIENT_001": parse_script("steps 0s=1500.50 10s=1400.00"),
        "CLIENT_002": constant(Decimal(0)),
        "a b/ü&c=+": constant(Decimal(3)),
    }
    return Scenario(services=(replace(NAMI, wallets=wallets), replace(WDCF, clients=clients)))


@pytest.fixture
async def sandbox(story: Scenario, clock: FakeClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(story, clock=clock) as sandbox:
        yield sandbox
