"""Which keys of a section exclude or need each other: the reader and the JSON Schema go by the same declarations."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from monitor.config import json_schema
from monitor.config.problems import Findings
from monitor.config.read import check_keys
from monitor.config.sections import job_section, keys
from monitor.config.yaml_tree import Plain, node
from monitor.errors import ConfigError
from monitor.providers import PROVIDERS
from monitor.providers.base import AtLeastOne, ExactlyOne, Needs, OneForm, Section


class Wanted(Section):
    """A section with a constraint of each kind."""

    constraints = (
        ExactlyOne(("every", "cron")),
        ExactlyOne(("drop", "rise", "change"), advice="; write two rules", by_place=True, unless="levels"),
        Needs("format", "body"),
        Needs("timezone", "cron", is_surplus=True),
        AtLeastOne(("title", "body")),
        OneForm(("from", "until"), ("begins", "lasts")),
    )


WHOLE = {"every": "1m", "drop": "1", "title": "t", "from": "a", "until": "b"}


def problems(**changes: str | None) -> list[str]:
    """What is wrong with a section that has these keys besides or, for None, lacks them."""
    document: dict[str, Plain] = {key: text for key, text in {**WHOLE, **changes}.items() if text is not None}
    findings = Findings("file", node({"it": document}))
    check_keys(Wanted, ("it",), findings)
    try:
        findings.raise_any()
    except ConfigError as exc:
        return [f"{one.path}: {one.reason}" for one in exc.problems]
    return []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"every": None}, ["it.every: is required, unless `cron` is given"], id="none-of-one"),
        pytest.param(
            {"cron": "c"}, ["it.cron: can't be combined with `every`; keep one of them"], id="two-of-one"
        ),
        pytest.param(
            {"drop": None}, ["it.drop: is required, unless `rise` or `change` is given"], id="none-of-three"
        ),
        pytest.param({"drop": None, "levels": "l"}, [], id="none-is-required-beside-this"),
        pytest.param(
            {"drop": None, "rise": "1", "change": "1"},
            ["it.change: can't be combined with `rise`; write two rules"],
            id="the-first-of-the-file-is-kept",
        ),
        pytest.param(
            {"format": "html"}, ["it.body: is required with `format`"], id="a-key-that-needs-another"
        ),
        pytest.param(
            {"format": "html", "title": None},
            ["it.body: is required with `format`"],
            id="missed-once-is-enough",
        ),
        pytest.param({"timezone": "UTC"}, ["it.timezone: is only allowed with `cron`"], id="a-key-too-many"),
        pytest.param({"title": None}, ["it.title: is required, unless `body` is given"], id="none-of-two"),
        pytest.param({"body": "b"}, [], id="both-of-two"),
        pytest.param({"until": None}, ["it.until: is required with `from`"], id="half-a-form"),
        pytest.param(
            {"from": None, "until": None},
            ["it.from: is required with `until`, unless `begins` and `lasts` are given"],
            id="no-form",
        ),
        pytest.param(
            {"lasts": "1h"}, ["it.lasts: can't be combined with `from`; keep one of them"], id="two-forms"
        ),
        pytest.param(
            {"from": None, "until": None, "lasts": "1h"},
            ["it.begins: is required with `lasts`"],
            id="half-the-other-form",
        ),
    ],
)
def test_what_the_reader_says(changes: dict[str, str | None], found: list[str]) -> None:
    """Each constraint in its words, and nothing said twice."""
    assert problems(**changes) == found


def _sections(of: type[Section] = Section) -> Iterator[type[Section]]:
    for section in of.__subclasses__():
        yield section
        yield from _sections(section)


def _named(section: type[Section]) -> set[str]:
    """The keys that a section's constraints name."""
    named: set[str] = set()
    for one in section.all_constraints():
        match one:
            case ExactlyOne(keys=given) | AtLeastOne(keys=given):
                named |= {*given}
            case Needs(key=key, other=other):
                named |= {key, other}
            case OneForm(first=first, second=second):
                named |= {*first, *second}
    return named


def test_constraints_name_keys_that_there_are() -> None:
    """One with a misspelt key would never hold."""
    jobs = [job_section(name) for name in PROVIDERS]
    ours = [one for one in {*_sections(), *jobs} if one.__module__.startswith("monitor.")]
    constrained = [one for one in (*ours, *jobs) if one.all_constraints()]
    assert len(constrained) > 8
    assert [one.__name__ for one in constrained if not _named(one) <= {*keys(one)}] == []


def test_the_schema_goes_by_them() -> None:
    """A key more in a section's constraints is a key more that an editor asks for."""
    schema: Any = json_schema()["properties"]["maintenance"]["items"]
    window = Draft202012Validator(
        {"type": "object", **{key: schema[key] for key in ("allOf", "dependentRequired")}}
    )
    assert window.is_valid({"from": "a", "until": "b"})
    assert window.is_valid({"cron": "a", "lasts": "b"})
    for wrong in ({}, {"from": "a"}, {"cron": "a"}, {"until": "b"}, {"from": "a", "until": "b", "cron": "c"}):
        assert not window.is_valid(wrong)
