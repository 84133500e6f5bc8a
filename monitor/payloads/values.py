"""The types of values in the JSON objects, and their descriptions in the OpenAPI document.

Objects are plain dictionaries. The type checker compares them with their `TypedDict`, from which the OpenAPI document
is built, too. They are not validated at run time: with 5,000 series that would double the time of a response.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from monitor.domain.matching import Match
from monitor.domain.time import rfc3339


class OneOf:
    """One of a few words. The type checker sees a text, as in the store and the domain."""

    def __init__(self, *words: str) -> None:
        self._words = words

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Mapping[str, Any]:
        """Return the pydantic schema that allows these words only."""
        return {"type": "literal", "expected": list(self._words)}


Instant = Annotated[
    str,
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-02-01T14:30:00.000000Z"]}),
]
"""RFC 3339, in UTC, to the microsecond."""
Amount = Annotated[
    str,
    Field(
        description="Exact, with the digits as they were read, without an exponent.",
        pattern=r"^-?[0-9]+(\.[0-9]+)?$",
        examples=["1009.8500524310101"],
    ),
]
Severity = Annotated[str, OneOf("info", "warning", "critical")]
Subject = Annotated[
    str,
    Field(
        description="What the alert is about: a series, an account (`job/account/*`) or a provider.",
        examples=["nami-spot/spot/USDT"],
    ),
]
IncidentId = Annotated[str, Field(examples=["X3CVKKPVA0"])]
Globs = dict[str, list[str]]


def instant(at: datetime | None) -> Instant | None:
    """Return an instant as RFC 3339; None if there is none."""
    return None if at is None else rfc3339(at)


def globs(match: Match) -> Globs:
    """Return the globs of a match by key."""
    return {key: list(values) for key, values in match.globs.items()}
