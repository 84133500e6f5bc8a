"""A provider is one file here and one in the sandbox: nothing else knows it, and a registry finds each."""

import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import grimp
import pytest

from monitor import providers, sandbox
from monitor.providers import PROVIDERS
from monitor.sandbox import Simulation, simulations

PROGRAM = Path(__file__).parents[2] / "monitor"
EXAMPLE = re.compile(r"nami-spot(/|%2F)spot(/|%2F)USDT")
"""A series in the examples of the API's description: the name of somebody's job, of which the program knows nothing."""


def modules_of(package: ModuleType) -> dict[str, ModuleType]:
    """Every module of a package, by name."""
    return {
        one.name: import_module(f"{package.__name__}.{one.name}") for one in iter_modules(package.__path__)
    }


def simulation_of(module: ModuleType) -> type[Simulation] | None:
    """The simulation that a module defines, if it defines one."""
    classes = [thing for thing in vars(module).values() if isinstance(thing, type)]
    own = [one for one in classes if one.__module__ == module.__name__ and one is not Simulation]
    return next((one for one in own if issubclass(one, Simulation)), None)


def test_the_registry_has_every_provider() -> None:
    """By the name of its module, which is what `type` says in the configuration."""
    found = {name: vars(module).get("PROVIDER") for name, module in modules_of(providers).items()}
    assert {name: one for name, one in found.items() if one is not None} == PROVIDERS
    assert [name for name, one in PROVIDERS.items() if one.name != name] == []


def test_every_provider_has_its_simulation() -> None:
    """In the sandbox's module of the same name."""
    found = {name: simulation_of(module) for name, module in modules_of(sandbox).items()}
    known = simulations(PROVIDERS)
    assert [one.name for one in known] == list(PROVIDERS)
    assert {name: one for name, one in found.items() if one} == {one.name: one for one in known}


@pytest.mark.parametrize("package", ["providers", "sandbox"])
def test_no_provider_imports_another(package: str) -> None:
    """Not by way of other modules either: what two of them share belongs to neither."""
    graph = grimp.build_graph("monitor", cache_dir=None)
    modules = {f"monitor.{package}.{name}" for name in PROVIDERS}
    assert [one for one in sorted(modules) if graph.find_upstream_modules(one) & modules] == []
    registry = f"monitor.{package}"
    assert [one for one in sorted(modules) if registry in graph.find_upstream_modules(one)] == []


def words(text: str) -> set[str]:
    """The words of a text in lower case, those within names too: `NamiSettings` and `NAMI_KEY` hold nami."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)}


@pytest.mark.parametrize("name", PROVIDERS)
def test_nothing_else_names_a_provider(name: str) -> None:
    """Neither in code nor in text: adding one, or taking one away, leaves every other file as it is."""
    knowing = {
        str(path.relative_to(PROGRAM))
        for path in PROGRAM.rglob("*")
        if path.suffix in {".py", ".html", ".js", ".css", ".mako", ".svg"}
        and name in words(EXAMPLE.sub("", path.read_text()))
    }
    assert knowing == {f"providers/{name}.py", f"sandbox/{name}.py", "providers/__init__.py"}
