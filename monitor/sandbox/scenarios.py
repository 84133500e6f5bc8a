"""Several simulated providers together: their balances and faults, each on a port of its own, and a configuration."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from types import MappingProxyType
from typing import Any, Self

from monitor.sandbox.faults import PlannedFault, parse_fault
from monitor.sandbox.http import Clock, utc_now
from monitor.sandbox.service import Service, Simulation, quoted

_ANY_PORT: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything that happens in a sandbox: the providers with their balances, and the faults; times from the start."""

    services: tuple[Simulation, ...]
    faults: tuple[PlannedFault, ...] = ()

    def with_balance(self, text: str) -> "Scenario":
        """Return this scenario with one balance set, e.g. `exchange/spot/USDT drain 1000 to 50 over 20s`.

        What comes after the provider's name is in its own notation. Raises ValueError with what was expected."""
        where, _, script = text.strip().partition(" ")
        name, *place = where.split("/")
        for index, service in enumerate(self.services):
            if service.name == name and (changed := service.with_balance(place, script)) is not None:
                return replace(self, services=(*self.services[:index], changed, *self.services[index + 1 :]))
        usages = " or ".join(f"`{service.usage} SCRIPT`" for service in self.services)
        raise ValueError(f"balance {text!r}: expected {usages}")

    def allowing(self, calls_per_minute: int) -> "Scenario":
        """Return this scenario with another call limit for every provider that has one."""
        return replace(self, services=tuple(one.allowing(calls_per_minute) for one in self.services))

    def with_fault(self, text: str) -> "Scenario":
        """Return this scenario with one more fault, e.g. `exchange reset from 12s for 6s`.

        Raises ValueError with what was expected."""
        own = {word: form for service in self.services for word, form in service.faults.items()}
        fault = parse_fault(text, [service.name for service in self.services], own)
        return replace(self, faults=(*self.faults, fault))


def simulations(providers: Iterable[str]) -> tuple[type[Simulation], ...]:
    """Return the simulations of providers, each from the module of its name in this package.

    They are found by name so that the registry of providers is the only one: the sandbox must not import the code whose
    mistakes it is to show."""
    return tuple(import_module(f"monitor.sandbox.{provider}").SIMULATION for provider in providers)


def demo_scenario(kinds: Iterable[type[Simulation]]) -> Scenario:
    """Return the twenty-five seconds of the demo: each provider's balances and faults."""
    scenario = Scenario(services=tuple(kind.demo() for kind in kinds))
    for service in scenario.services:
        for fault in service.demo_faults:
            scenario = scenario.with_fault(f"{service.name} {fault}")
    return scenario


class Sandbox:
    """A scenario at work on 127.0.0.1, from its beginning on. `services` holds the running ones by provider.

    `clock` gives aware UTC and drives everything but the pauses of slow responses. `ports` are by provider; 0, or none
    given, is any free port."""

    def __init__(
        self, scenario: Scenario, *, clock: Clock = utc_now, ports: Mapping[str, int] = _ANY_PORT
    ) -> None:
        self._scenario = scenario
        self.services: Mapping[str, Service[Any]] = {
            one.name: Service(
                one.endpoint(),
                planned=[fault for fault in scenario.faults if fault.service == one.name],
                clock=clock,
                port=ports.get(one.name, 0),
            )
            for one in scenario.services
        }

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start every service. Raises OSError if a port is taken; nothing is left running then."""
        try:
            for service in self.services.values():
                await service.start()
        except OSError:
            await self.stop()  # those that have started
            raise

    async def stop(self) -> None:
        """Drop every connection at once, even in the middle of a response."""
        for service in self.services.values():
            await service.stop()

    def example_config(self, webhook_url: str | None = None, *, every: str = "2s") -> str:
        """Return the text of a configuration (YAML) for the running sandbox, with the rules that suit the demo.

        `webhook_url` is an apprise URL; without one there is no channel. Raises ValueError if polling `every` so often
        exceeds a provider's call limit."""
        parts = [one.configuration(self.services[one.name].url, every) for one in self._scenario.services]
        channels = "" if webhook_url is None else _CHANNELS.format(url=quoted(webhook_url))
        return channels + _REST.format(
            providers="".join(part.provider for part in parts),
            jobs="".join(part.jobs for part in parts),
            rules="".join(part.rules for part in parts),
        )


_CHANNELS = """\
channels:
  webhook:
    urls: [{url}]

routes:
  - group_wait: 1s                    # instead of 10s: alerts that fire together are sent sooner

"""

_REST = """\
store:
  url: sqlite:///sandbox.db

providers:
{providers}
jobs:
{jobs}
failing: off                          # replaced by the faster rule below
rules:
{rules}\
  - name: endpoint-failing
    type: failing
    polls: 2
"""
