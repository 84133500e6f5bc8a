"""The JSON Schema, against the files that it describes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from monitor.config import json_schema
from tests.config.support import EXAMPLE, JOBS, ONE_JOB, PROVIDERS, problems

VALIDATOR = Draft202012Validator(json_schema())


def _accepts(text: str) -> bool:
    """Whether an editor would find nothing wrong; keys are text in JSON."""
    return VALIDATOR.is_valid(json.loads(json.dumps(yaml.safe_load(text))))


def test_it_is_a_schema() -> None:
    """Of the draft that it names."""
    Draft202012Validator.check_schema(json_schema())


def test_the_example_fits_it() -> None:
    """References, defaults and all."""
    assert _accepts(EXAMPLE.read_text())


def _properties(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _properties(part)
    if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
        yield from schema["properties"].items()


def test_every_key_is_described() -> None:
    """With the title by which the file knows it, and a sentence."""
    described = list(_properties(json_schema()))
    assert len(described) > 50
    assert [key for key, schema in described if schema["title"] != key or not schema["description"]] == []


def test_every_section_refuses_other_keys() -> None:
    """A misspelt key is underlined while it is typed."""

    def sections(schema: Any) -> Iterator[dict[str, Any]]:
        for part in (
            schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
        ):
            yield from sections(part)
        if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
            yield schema

    assert [
        section["title"]
        for section in sections(json_schema())
        if section["additionalProperties"] is not False
    ] == []


def test_defaults_are_written_as_in_the_file() -> None:
    """Not as pydantic would write them."""
    properties = json_schema()["properties"]
    assert properties["store"]["properties"]["keep"]["default"] == "90d"
    nami = properties["providers"]["additionalProperties"]["anyOf"][0]["properties"]
    assert (nami["timeout"]["default"], nami["rate_limit"]["default"]) == ("10s", "60/1m")
    assert "default" not in nami["proxy"]


RULE = f"{JOBS}rules:\n  - "
JOB = f"{PROVIDERS}jobs:\n  - "


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(JOBS, id="flow-style"),
        pytest.param(f"{JOBS}store:\nrules:\nfailing: off", id="empty-sections"),
        pytest.param(f"{JOBS}failing: 'no'", id="failing-in-quotes"),
        pytest.param(f"{JOBS}store: {{url: 'sqlite:////a/b.db', keep: 1d}}", id="store"),
        pytest.param(f"{JOB}{{name: 7, provider: nami, every: 1s, wallet: 2}}", id="numbers-as-text"),
        pytest.param(
            f"{JOB}{{name: j, provider: wdcf, cron: '* * * * *', timezone: UTC, clients: [7, A, on]}}",
            id="ids",
        ),
        pytest.param(f"{RULE}{{name: r, type: threshold, below: 0.5}}", id="amount-as-a-number"),
        pytest.param(
            f"{RULE}{{name: r, type: threshold, above: '1e3', clear: 5, field: total}}", id="amount-as-text"
        ),
        pytest.param(f"{RULE}{{name: r, type: delta, drop: 20%, within: 1h}}", id="percentage"),
        pytest.param(f"{RULE}{{name: r, type: delta, rise: 20}}", id="change-as-a-number"),
        pytest.param(f"{RULE}{{name: r, type: stale, after: 2h, repeat_every: never, for: 0s}}", id="stale"),
        pytest.param(
            f"{RULE}{{name: r, type: failing, notify: ops, match: {{job: [spot, 'c*'], team: f*}}}}",
            id="match",
        ),
        pytest.param(
            f"{RULE}{{name: r, type: failing, cooldown: 5m, flapping: {{changes: 6, within: 1h}}}}",
            id="flapping",
        ),
        pytest.param(f"{RULE}{{name: r, type: failing, flapping: off}}", id="flapping-off"),
        pytest.param(
            f"{RULE}{{name: r, type: threshold, levels: {{info: {{below: 2}}, critical: {{below: 1}}}}}}",
            id="levels",
        ),
        pytest.param(
            f"{RULE}{{name: r, type: stale, levels: {{info: {{after: 1h}}, critical: {{after: 2h}}}}}}",
            id="levels-without-what-a-rule-without-them-needs",
        ),
        pytest.param(
            f"{JOBS}routes: [{{}}, {{match: {{severity: critical}}, notify: ops, group_by: [], group_wait: 0s, "
            "escalate_after: 1m, escalate_to: [ops], continue: on}]\ninhibit:\nmaintenance: []",
            id="routes",
        ),
        pytest.param(
            f"{JOBS}inhibit: [{{source: {{type: failing}}, target: {{job: spot}}, equal: provider}}]",
            id="inhibit",
        ),
        pytest.param(
            f"{JOBS}maintenance: [{{name: a, from: 2026-01-01T00:00, until: 2026-01-01T01:00, timezone: UTC}}, "
            "{name: b, cron: '0 2 * * *', lasts: 1h, match: {job: spot}}]",
            id="maintenance",
        ),
        pytest.param(
            JOBS.replace(
                'hook"]', 'hook"], fallback: b, fallback_after: 1m, quiet_hours: {from: "7:00", to: "8:00"}'
            ).replace("jobs:", "  b: {urls: json://h}\njobs:"),
            id="channel",
        ),
    ],
)
def test_what_loads_fits(text: str, tmp_path: Path) -> None:
    """An editor doesn't print_error about a good file."""
    assert problems(tmp_path, text) == []
    assert _accepts(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PROVIDERS, id="no-jobs"),
        pytest.param(ONE_JOB, id="no-providers"),
        pytest.param("providers: {}\njobs: []", id="both-empty"),
        pytest.param(f"{JOBS}chanels: {{}}", id="unknown-key"),
        pytest.param(f"{JOBS}failing: perhaps", id="failing"),
        pytest.param(f"{JOBS}store: {{keep: 90}}", id="duration-without-a-unit"),
        pytest.param(f"{JOBS}store: {{url: 'postgres://x'}}", id="another-database"),
        pytest.param(f"{JOBS.replace('type: wdcf', 'type: wdfc')}", id="type-of-provider"),
        pytest.param(f"{JOBS.replace('client_secret', 'secret')}", id="missing-credential"),
        pytest.param(f"{JOBS.replace('ops:', 'o/p:')}", id="name"),
        pytest.param(f"{JOB}{{name: j, provider: nami, wallet: spot}}", id="no-schedule"),
        pytest.param(
            f"{JOB}{{name: j, provider: nami, wallet: spot, every: 1m, cron: '* * * * *'}}",
            id="two-schedules",
        ),
        pytest.param(
            f"{JOB}{{name: j, provider: nami, wallet: spot, every: 1m, timezone: UTC}}",
            id="zone-without-cron",
        ),
        pytest.param(f"{JOB}{{name: j, provider: nami, wallet: spto, every: 1m}}", id="wallet"),
        pytest.param(f"{JOB}{{name: j, provider: wdcf, every: 1m}}", id="no-clients"),
        pytest.param(f"{JOB}{{name: j, provider: wdcf, every: 1m, clients: []}}", id="clients-empty"),
        pytest.param(f"{RULE}{{name: r}}", id="no-type"),
        pytest.param(f"{RULE}{{name: r, type: threshold}}", id="no-limit"),
        pytest.param(f"{RULE}{{name: r, type: delta, drop: 1, rise: 1}}", id="two-changes"),
        pytest.param(f"{RULE}{{name: r, type: delta, drop: much}}", id="change-in-words"),
        pytest.param(f"{RULE}{{name: r, type: delta, drop: 0}}", id="no-change"),
        pytest.param(f"{RULE}{{name: r, type: stale}}", id="no-after"),
        pytest.param(f"{RULE}{{name: r, type: failing, polls: 0}}", id="polls"),
        pytest.param(f"{RULE}{{name: r, type: failing, severity: crit}}", id="severity"),
        pytest.param(f"{RULE}{{name: r, type: failing, below: 1}}", id="key-of-another-type"),
        pytest.param(f"{RULE}{{name: r, type: failing, flapping: {{changes: 6}}}}", id="flapping"),
        pytest.param(f"{RULE}{{name: r, type: failing, levels: {{info: {{polls: 2}}}}}}", id="one-level"),
        pytest.param(
            f"{RULE}{{name: r, type: threshold, below: 1, levels: {{info: {{below: 2}}, critical: {{below: 1}}}}}}",
            id="a-limit-beside-levels",
        ),
        pytest.param(
            f"{RULE}{{name: r, type: failing, levels: {{info: {{polls: 2}}, crit: {{polls: 3}}}}}}",
            id="no-severity",
        ),
        pytest.param(
            f"{RULE}{{name: r, type: delta, levels: {{info: {{drop: 2}}, warning: {{}}}}}}", id="empty-level"
        ),
        pytest.param(f"{JOBS}routes: [{{escalate_to: ops}}]", id="half-an-escalation"),
        pytest.param(f"{JOBS}routes: [{{notfy: ops}}]", id="route-key"),
        pytest.param(f"{JOBS}inhibit: [{{source: {{type: failing}}}}]", id="half-an-inhibition"),
        pytest.param(f"{JOBS}maintenance: [{{name: m, cron: '0 2 * * *'}}]", id="no-end"),
        pytest.param(f"{JOBS}maintenance: [{{name: m}}]", id="no-window"),
        pytest.param(
            f"{JOBS}maintenance: [{{name: m, from: 2026-01-01T00:00, until: 2026-01-01T01:00, cron: '0 2 * * *', "
            "lasts: 1h}]",
            id="two-windows",
        ),
        pytest.param(JOBS.replace('hook"]', 'hook"], fallback_after: 1m'), id="fallback-after-without-one"),
        pytest.param(JOBS.replace('hook"]', 'hook"], quiet_hours: {from: "22:00"}'), id="half-quiet-hours"),
    ],
)
def test_what_does_not_fit_does_not_load(text: str, tmp_path: Path) -> None:
    """What an editor can tell is wrong is wrong."""
    assert problems(tmp_path, text) != []
    assert not _accepts(text)
