"""The file's JSON Schema (draft 2020-12), for editors: made from the same types that read the file.

An editor's YAML parser distinguishes numbers and booleans from text, and the file's reader does not. Therefore the
schema accepts a number wherever its text is valid, and a reference (`${NAME}`) wherever a value has a form.
"""

import re
from datetime import timedelta
from typing import Any, assert_never

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from monitor.config.sections import (
    LEVELS,
    RULES,
    ChannelSection,
    HeartbeatSection,
    InhibitSection,
    MaintenanceSection,
    RouteSection,
    StoreSection,
    SummarySection,
    WebSection,
    job_section,
    keys,
)
from monitor.config.types import LINK_NAME, NAME, OFF, ON
from monitor.domain.time import compact
from monitor.providers import PROVIDERS
from monitor.providers.base import AtLeastOne, ExactlyOne, Needs, OneForm, RateLimit, Section

Schema = dict[str, Any]

_REFERENCE: Schema = {
    "title": "reference",
    "description": "A value from the environment, ${NAME}, or from a file, ${file:PATH}.",
    "type": "string",
    "pattern": r"\$\{",
}
_TO_REFERENCE = {"$ref": "#/$defs/reference"}
_ANY_SCALAR = ["string", "number", "boolean"]
_ANNOTATIONS = ("title", "description", "default", "examples")
_SECTION = "section"
"""The key under which a schema holds its section while it is being built."""


def json_schema() -> Schema:
    """Return the schema. It accepts more than the reader does: it can't check that a name exists."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "balance-monitor",
        "description": "The configuration of balance-monitor.",
        "type": "object",
        "properties": _properties(),
        "required": ["providers", "jobs"],
        "additionalProperties": False,
        "$defs": {"reference": _REFERENCE},
    }


def _properties() -> Schema:
    return {
        "store": {**_section(StoreSection), "type": ["object", "null"], "title": "store"},
        "providers": _named(
            "providers",
            "Connections to the services that hold the wallets, by name.",
            {"anyOf": [_section(provider.settings) for provider in PROVIDERS.values()]},
            minProperties=1,
        ),
        "channels": _named(
            "channels",
            "Lists of URLs that messages are sent to, by name.",
            _section(ChannelSection),
            type=["object", "null"],
        ),
        "routes": _list(
            "routes",
            "Channels for alerts. The first route that matches applies; with `continue: true` also later ones.",
            [_section(RouteSection)],
            type=["array", "null"],
        ),
        "inhibit": _list(
            "inhibit",
            "Alerts that mute others while they fire.",
            [_section(InhibitSection)],
            type=["array", "null"],
        ),
        "maintenance": _list(
            "maintenance",
            "Times in which some alerts are muted.",
            [_section(MaintenanceSection)],
            type=["array", "null"],
        ),
        "jobs": _list(
            "jobs",
            "What is polled, and when.",
            [_section(job_section(name)) for name in PROVIDERS],
            minItems=1,
        ),
        "rules": _list(
            "rules",
            "Conditions over series. An alert fires when one is met.",
            [_rule(name) for name in RULES],
            type=["array", "null"],
        ),
        "links": {
            **_named(
                "links",
                "URL templates by name: shown in every message, and available as {{ links.NAME }} in templates.",
                {"type": "string", "minLength": 1},
                type=["object", "null"],
            ),
            "propertyNames": {"pattern": f"^{LINK_NAME}$"},
        },
        "heartbeat": {**_section(HeartbeatSection), "type": ["object", "null"], "title": "heartbeat"},
        "summary": {**_section(SummarySection), "type": ["object", "null"], "title": "summary"},
        "web": {**_section(WebSection), "type": ["object", "null"], "title": "web"},
        "failing": {
            "title": "failing",
            "description": "The built-in rule `failing`, on or off: it fires when polls fail three times in a row. A "
            "rule of type failing without `match` replaces it.",
            "enum": [True, False, *sorted(ON | OFF)],
            "default": "on",
        },
    }


def _named(title: str, description: str, value: Schema, **keywords: Any) -> Schema:
    return {
        "title": title,
        "description": description,
        "type": "object",
        "propertyNames": {"pattern": f"^{NAME}$"},
        "additionalProperties": value,
        **keywords,
    }


def _list(title: str, description: str, items: list[Schema], **keywords: Any) -> Schema:
    return {
        "title": title,
        "description": description,
        "type": "array",
        "items": items[0] if len(items) == 1 else {"anyOf": items},
        **keywords,
    }


class _Generator(GenerateJsonSchema):
    """Pydantic's schemas, with defaults as the file writes them. An optional key is left out, never null."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        return {**super().model_schema(schema), _SECTION: schema["cls"]}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def encode_default(self, dft: Any) -> Any:
        match dft:
            case RateLimit():
                return str(dft)
            case timedelta():
                return compact(dft) if dft else "0s"
            case _:
                return super().encode_default(dft)


def _section(section: type[Section]) -> Schema:
    schema = section.model_json_schema(schema_generator=_Generator)
    return _titled(_inlined(schema, schema.pop("$defs", {})))


def _titled(schema: Schema) -> Schema:
    """Return an object's schema with the keys as the file spells them."""
    properties = {key: _property(key, value) for key, value in schema["properties"].items()}
    rest = {key: value for key, value in schema.items() if key != _SECTION}
    return {**rest, "properties": properties, **_alternatives(schema[_SECTION])}


def _inlined(part: Any, definitions: Schema) -> Any:
    """Replace pydantic's references to sections by the sections."""
    if isinstance(part, list):
        return [_inlined(one, definitions) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        beside = {key: value for key, value in part.items() if key != "$ref"}
        return {**_inlined(definitions[name], definitions), **beside}
    return {key: _inlined(value, definitions) for key, value in part.items()}


def _rule(name: str) -> Schema:
    """Return a rule's schema: it has either its own limits, or levels with limits."""
    schema = _section(RULES[name])
    own, limits = schema.pop("allOf", []), keys(LEVELS[name])
    in_levels = {"required": ["levels"], "not": {"anyOf": _required(("severity", *limits))}}
    levels = {**schema["properties"]["levels"], "minProperties": 2}
    del levels["default"]
    return {
        **schema,
        "properties": {**schema["properties"], "levels": levels},
        "anyOf": [{"allOf": [{"not": {"required": ["levels"]}}, *own]}, in_levels],
    }


def _alternatives(section: type[Section]) -> Schema:
    """Return which keys exclude or need each other."""
    together: dict[str, list[str]] = {}
    alternatives: list[Schema] = []
    for one in section.all_constraints():
        match one:
            case ExactlyOne(keys=keys):
                alternatives.append({"oneOf": _required(keys)})
            case AtLeastOne(keys=(key,)):
                alternatives.append({"required": [key]})
            case AtLeastOne(keys=keys):
                alternatives.append({"anyOf": _required(keys)})
            case Needs(key=key, other=other):
                together[key] = [other]
            case OneForm(first=first, second=second):
                alternatives.append({"oneOf": _required((first[0], second[0]))})
                together |= {key: [other] for other, key in (first, second)}
                together |= {key: [other] for key, other in (first, second)}
            case _:
                assert_never(one)
    return {
        **({"dependentRequired": together} if together else {}),
        **({"allOf": alternatives} if alternatives else {}),
    }


def _required(keys: tuple[str, ...]) -> list[Schema]:
    return [{"required": [key]} for key in keys]


def _property(key: str, schema: Schema) -> Schema:
    annotated = {name: value for name, value in schema.items() if name != "default" or value is not None}
    return _relaxed({**annotated, "title": key})


def _relaxed(schema: Schema) -> Schema:
    """Return a schema that also accepts a reference, and a number or a boolean where its text is valid."""
    if "const" in schema:
        return schema
    if "properties" in schema:
        return _titled(schema)
    if schema.get("type") == "string" and _takes_numbers(schema):
        return {**schema, "type": _ANY_SCALAR}
    if "enum" in schema or "pattern" in schema or schema.get("type") in ("integer", "boolean"):
        return _or_reference(schema)
    return {keyword: _relaxed_part(keyword, part) for keyword, part in schema.items()}


def _relaxed_part(keyword: str, part: Any) -> Any:
    match keyword:
        case "anyOf" if any(option.get("type") == "number" for option in part):
            return [*part, _TO_REFERENCE]
        case "anyOf":
            return [_relaxed(option) for option in part]
        case "items":
            return _relaxed(part)
        case "additionalProperties" if isinstance(part, dict):
            return _relaxed(part)
        case "patternProperties":
            return {pattern: _relaxed(value) for pattern, value in part.items()}
        case _:
            return part


def _takes_numbers(schema: Schema) -> bool:
    """Return whether the text of a number is valid: the reader keeps it as it is written."""
    if "enum" in schema or schema.get("format") == "uri":
        return False
    return re.search(schema.get("pattern", ""), "1") is not None


def _or_reference(schema: Schema) -> Schema:
    annotations = {name: value for name, value in schema.items() if name in _ANNOTATIONS}
    form = {name: value for name, value in schema.items() if name not in _ANNOTATIONS}
    return {**annotations, "anyOf": [form, _TO_REFERENCE]}
