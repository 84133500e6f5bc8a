"""Every kind of rule is complete: a module of its own, known to the configuration and to the documents."""

import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from monitor.config.sections import LEVELS, RULES
from monitor.domain import rules
from monitor.domain.rules import Rule

ROOT = Path(__file__).parents[3]
DOCS, PROGRAM = ROOT / "docs", ROOT / "monitor"
KINDS = sorted(module.name for module in iter_modules(rules.__path__) if module.name != "base")


def rule_of(kind: str) -> type[Rule]:
    """The one rule that is defined in the kind's module."""
    module = import_module(f"{rules.__name__}.{kind}")
    (rule,) = (
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Rule) and one.__module__ == module.__name__
    )
    return rule


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_one_module(kind: str) -> None:
    """Its rule bears the module's name as its kind, and can be had from the package."""
    assert rule_of(kind).kind == kind
    assert rule_of(kind).__name__ in rules.__all__


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_answers_all_that_is_asked_of_it(kind: str) -> None:
    """None leaves to the base class what only a kind can say."""
    rule = rule_of(kind)
    unanswered = [
        name for name in dir(rule) if getattr(getattr(rule, name, None), "__isabstractmethod__", False)
    ]
    assert unanswered == []
    assert rule.reads in rules.Reads


def test_only_the_configuration_names_a_kind() -> None:
    """It has to build them. All others ask the rule."""
    imported = re.compile(r"^from monitor\.domain\.rules\b.* import (\([^)]*\)|.*)$", re.M)
    kinds = {rule_of(kind).__name__ for kind in KINDS}
    knowing = {
        str(path.relative_to(PROGRAM))
        for path in PROGRAM.rglob("*.py")
        for names in imported.findall(path.read_text())
        if kinds.intersection(re.findall(r"\w+", names))
    }
    assert knowing == {"config/rules.py", "domain/rules/__init__.py"}


def test_the_configuration_knows_every_kind() -> None:
    """By the section of the rule, and by that of a level."""
    assert sorted(RULES) == KINDS
    assert sorted(LEVELS) == KINDS


def test_the_documents_describe_every_kind() -> None:
    """A heading in the page on rules, and the word among those that `type` matches."""
    chapter = re.search(r"^## Kinds of rules\n(.*?)^## ", (DOCS / "rules.md").read_text(), re.M | re.S)
    assert chapter is not None
    assert sorted(re.findall(r"^### (\w+)$", chapter[1], re.M)) == KINDS
    row = re.search(r"^\| `type` \| (.*) \|$", (DOCS / "alerting.md").read_text(), re.M)
    assert row is not None
    assert sorted(re.split(", | or ", row[1])) == KINDS
