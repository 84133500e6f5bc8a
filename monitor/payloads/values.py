"""The values that objects for programs consist of, as the API's description (OpenAPI) shows them.

Objects are plain dictionaries that the type checker compares with their `TypedDict`. The description is made of the
same types; nothing is validated on the way out: with 5,000 series that would take as long as all the rest.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from monitor.domain.matching import Match
from monitor.domain.time import rfc3339


class OneOf:
    """One of a few words. For the type checker a text, since the store and the domain have it as one."""

    def __init__(self, *words: str) -> None:
        self._words = words

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Mapping[str, Any]:
        """Describe, and where somebody validates accept, these words alone."""
        return {"type": "literal", "expected": list(self._words)}


Instant = Annotated[
    str,
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-02-01T14:30:00.000000Z"]}),
]
"""RFC 3339, in UTC, to the microsecond."""
Amount = Annotated[
    str,
    Field(
        description="Exact: the digits as they came, no exponent.",
        pattern=r"^-?[0-9]+(\.[0-9]+)?$",
        examples=["1009.8500524310101"],
    ),
]
Severity = Annotated[str, OneOf("info", "warning", "critical")]
Subject = Annotated[
    str,
    Field(
        description="What it is about: a series, an account (`job/account/*`), or a provider.",
        examples=["nami-spot/spot/USDT"],
    ),
]
IncidentId = Annotated[str, Field(examples=["X3CVKKPVA0"])]
Globs = dict[str, list[str]]


def instant(at: datetime | None) -> Instant | None:
    """Return an instant as programs are given it, where there is one."""
    return None if at is None else rfc3339(at)


def globs(match: Match) -> Globs:
    """Return what a match asks for, by key."""
    return {key: list(values) for key, values in match.globs.items()}
