"""A provider that the program has never seen: it takes a registration, and everything else finds it there."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast

import jsonschema
import pytest
from pydantic import Field

from monitor.config import load
from monitor.config.json_schema import json_schema
from monitor.domain.model import Account, Balance
from monitor.errors import AuthFailed, ConfigError, Outcome
from monitor.providers import PROVIDERS, payload
from monitor.providers.base import (
    BaseUrl,
    Check,
    Entry,
    ListFile,
    Provider,
    Request,
    Secret,
    Settings,
    Wallets,
    unix_time,
)
from monitor.providers.http import Client
from monitor.providers.limits import Host
from monitor.providers.response import Response as Answer
from monitor.providers.response import failure
from monitor.sandbox import Fault, Sandbox, Scenario, parse_script
from monitor.sandbox.faults import FaultForm
from monitor.sandbox.http import Request as Received
from monitor.sandbox.http import Response, error_response, json_response
from monitor.sandbox.scripts import Script
from monitor.sandbox.service import Configuration, Service, Simulation, quoted

from .support import FakeClock


class TallySettings(Settings):
    """A provider with a password."""

    type: Literal["tally"] = Field(description="Which service this is.")
    base_url: BaseUrl = Field(default="https://tally.example", description="Where it is.")
    password: Secret = Field(description="It is hashed, and never sent.")


def _check(entries: Sequence[Entry]) -> Iterator[tuple[int, str]]:
    for index, entry in enumerate(entries):
        if not entry.text.isupper():
            yield index, f"{entry.text!r} is no purse"


class TallyWallets(Wallets):
    """Purses, in the configuration or in a file."""

    forms: ClassVar[Mapping[str, str]] = {"purses": "[A]"}
    checks: ClassVar[Mapping[str, Check]] = {"purses": _check}
    list_file: ClassVar[ListFile | None] = ListFile(key="purses_from", list_key="purses", item="purse")

    purses: Annotated[list[str], Field(min_length=1)] | None = Field(default=None, description="The purses.")
    purses_from: str | None = Field(default=None, description="A file with one purse a line.")

    def accounts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """One account a purse, in points."""
        return tuple((purse, ("POINTS",)) for purse in self.purses or ())


def _signature(password: str, second: int, purse: str) -> str:
    return hashlib.sha512(f"{purse}|{second}|{password}".encode()).hexdigest()


class TallyApi:
    """`GET /purse/NAME/SECOND`, signed in a header."""

    max_skew: ClassVar[timedelta] = timedelta(seconds=5)

    def __init__(self, settings: TallySettings, wallets: TallyWallets) -> None:
        self._settings = settings

    def request(self, account: Account, now: datetime) -> Request:
        """Sign with SHA-512 of purse, second and password."""
        second = unix_time(now, timedelta(seconds=1))
        signature = _signature(self._settings.password.get_secret_value(), second, account.name)
        url = f"{self._settings.base_url}/purse/{account.name}/{second}"
        return Request(url=url, headers={"authorization": f"Tally {signature}"}, signature=signature)

    def parse(self, account: Account, answer: Answer) -> tuple[Balance, ...]:
        """Read `{"points": 12}`."""
        if answer.status != 200:
            raise failure(answer)
        points = payload.read(answer.body)["points"].amount()
        return (Balance(currency="POINTS", total=points, available=points),)


class Tally(Simulation):
    """The provider in the sandbox."""

    name: ClassVar[str] = "tally"
    title: ClassVar[str] = "Tally"
    usage: ClassVar[str] = "tally/PURSE"
    example: ClassVar[str] = "tally/A constant 5"
    faults: ClassVar[Mapping[str, FaultForm]] = {"spent": FaultForm(lambda: Fault.status(402))}

    def __init__(self, purses: Mapping[str, Script], password: str = "open-sesame") -> None:
        self.purses, self.password = purses, password

    @classmethod
    def demo(cls) -> "Tally":
        """One purse."""
        return cls({"A": parse_script("constant 12.50")})

    def endpoint(self) -> "TallyEndpoint":
        """It has no state."""
        return TallyEndpoint(self)

    def with_balance(self, place: Sequence[str], script: str) -> "Tally | None":
        """A purse by its name."""
        match place:
            case [purse]:
                return Tally({**self.purses, purse: parse_script(script)}, self.password)
            case _:
                return None

    def configuration(self, url: str, every: str) -> Configuration:
        """One job over all purses."""
        return Configuration(
            provider=f"  mine: {{type: tally, base_url: {quoted(url)}, password: {self.password}}}\n",
            jobs=f"  - {{name: purses, provider: mine, every: {every}, purses: [{', '.join(self.purses)}]}}\n",
            rules="  - {name: few, type: threshold, match: {currency: POINTS}, below: 3}\n",
        )


class TallyEndpoint:
    """The provider at work."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def account(self, request: Received) -> str | None:
        """The purse in the path."""
        return request.path.split("/")[2]

    def answer(self, request: Received, *, started: datetime, elapsed: timedelta) -> Response:
        """The points, to those who know the password."""
        _, _, purse, second = request.path.split("/")
        expected = f"Tally {_signature(self._tally.password, int(second), purse)}"
        if request.headers.get("authorization") != expected:
            return error_response(401)
        return json_response(200, {"points": self._tally.purses[purse](elapsed).amount})


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line in the registry."""
    monkeypatch.setitem(PROVIDERS, "tally", Provider("tally", TallySettings, TallyWallets, TallyApi))


def config(url: str = "https://tally.example", job: str = "purses_from: purses.txt") -> str:
    """A configuration with one job of the provider."""
    return (
        f"providers:\n  mine: {{type: tally, base_url: '{url}', password: open-sesame, retries: 0}}\n"
        f"jobs:\n  - {{name: purses, provider: mine, every: 1m, {job}}}\n"
    )


def problems(folder: Path, text: str) -> list[str]:
    """What is wrong with a configuration."""
    (folder / "config.yaml").write_text(text)
    with pytest.raises(ConfigError) as wrong:
        load(folder / "config.yaml", {})
    return [line.replace(f"{folder}/", "") for line in wrong.value.lines()]


async def test_it_is_polled_as_configured(tmp_path: Path) -> None:
    """From its own keys and its own list file, signed in its own way, to the balances."""
    purses = {"A": parse_script("constant 12.50"), "B": parse_script("constant 0")}
    (tmp_path / "purses.txt").write_text("# mine\nA\nB\n")
    async with Sandbox(Scenario(services=(Tally(purses),))) as sandbox:
        service: Service[TallyEndpoint] = sandbox.services["tally"]
        (tmp_path / "config.yaml").write_text(config(service.url))
        loaded = load(tmp_path / "config.yaml", {})
        (job,) = loaded.jobs
        settings, clock = loaded.providers["mine"], FakeClock()
        client = Client(settings, Host(settings.origin, clock=clock), clock=clock, jitter=lambda: 0.0)
        results = [await client.poll(job.api, one, max_wait=timedelta(seconds=5)) for one in job.accounts]
        service.fault = Fault.status(401)
        refused = await client.poll(job.api, job.accounts[0], max_wait=timedelta(seconds=5))
        await client.close()
    assert [str(account.series("POINTS")) for account in job.accounts] == [
        "purses/A/POINTS",
        "purses/B/POINTS",
    ]
    assert [(one.outcome, str(one.balances[0].available)) for one in results] == [
        (Outcome.OK, "12.50"),
        (Outcome.OK, "0"),
    ]
    assert refused.outcome is AuthFailed.outcome
    assert "open-sesame" in loaded.secrets
    assert tmp_path / "purses.txt" in loaded.files


def test_what_the_store_keeps_holds_its_list_and_not_its_password(tmp_path: Path) -> None:
    """As of every provider: the list in place of the file, something in place of the secret."""
    (tmp_path / "purses.txt").write_text("A\n")
    (tmp_path / "config.yaml").write_text(config())
    document = cast("dict[str, Any]", load(tmp_path / "config.yaml", {}).document)
    assert document["jobs"][0]["purses"] == ["A"]
    assert "open-sesame" not in str(document)


@pytest.mark.parametrize(
    ("job", "lines"),
    [
        pytest.param(
            "purses: [A, b]", ["config.yaml:4:59: jobs[0].purses[1]: 'b' is no purse"], id="in-the-file"
        ),
        pytest.param(
            "purses_from: purses.txt", ["purses.txt:2:1: jobs[0].purses_from: 'c' is no purse"], id="listed"
        ),
        pytest.param(
            "purses_from: empty.txt", ["empty.txt:1:1: jobs[0].purses_from: contains no purse"], id="nothing"
        ),
        pytest.param(
            "purses: [A], purses_from: purses.txt",
            ["config.yaml:4:60: jobs[0].purses_from: can't be combined with `purses`; keep one of them"],
            id="both",
        ),
        pytest.param(
            "purses: x",
            ["config.yaml:4:55: jobs[0].purses: expected a list such as [A], got text"],
            id="form",
        ),
        pytest.param(
            "purses: [A], wallet: spot",
            ["config.yaml:4:60: jobs[0].wallet: unknown key here; it belongs to jobs of nami providers"],
            id="a-key-of-another",
        ),
    ],
)
def test_mistakes_are_reported_in_its_own_words(job: str, lines: list[str], tmp_path: Path) -> None:
    """Each at its place, in the configuration or in the list file."""
    (tmp_path / "purses.txt").write_text("A\nc\n")
    (tmp_path / "empty.txt").write_text("\n")
    assert problems(tmp_path, config(job=job)) == lines


@pytest.mark.parametrize(
    ("job", "valid"),
    [
        ({"purses": ["A"]}, True),
        ({"purses_from": "purses.txt"}, True),
        ({"purses": ["A"], "purses_from": "purses.txt"}, False),
        ({"purses": ["A"], "clients": ["B"]}, False),
    ],
)
def test_the_json_schema_knows_it(job: Mapping[str, object], valid: bool) -> None:
    """Its settings, its keys of a job, and that the list and the file exclude each other."""
    document = {
        "providers": {"mine": {"type": "tally", "password": "x"}},
        "jobs": [{"name": "purses", "provider": "mine", "every": "1m", **job}],
    }
    assert jsonschema.Draft202012Validator(json_schema()).is_valid(document) is valid


async def test_the_sandbox_configures_and_faults_it(tmp_path: Path) -> None:
    """Its balances, its own faults and its part of the configuration, by the notation of the command line."""
    scenario = Scenario(services=(Tally({"A": parse_script("constant 5")}),))
    scenario = scenario.with_balance("tally/B constant 7").with_fault("tally/B spent from 5s")
    async with Sandbox(scenario) as sandbox:
        (tmp_path / "config.yaml").write_text(sandbox.example_config())
        loaded = load(tmp_path / "config.yaml", {})
        assert [one.base_url for one in loaded.providers.values()] == [sandbox.services["tally"].url]
    assert [account.name for account in loaded.jobs[0].accounts] == ["A", "B"]
    with pytest.raises(ValueError, match=r"expected `tally\[/ACCOUNT\] FAULT"):
        scenario.with_fault("wdcf reset")
    with pytest.raises(ValueError, match="expected `tally/PURSE SCRIPT`"):
        scenario.with_balance("tally/A/B constant 5")
