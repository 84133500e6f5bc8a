"""What values of the configuration are made of: pydantic types over the domain's notations, and secrets.

Everything arrives as text: the YAML reader keeps a scalar's characters, so that `007` stays a client's id and
`0.10` an exact amount, and the types here decide what they mean.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, WithJsonSchema

from monitor.domain import money
from monitor.domain.time import DURATION_NOTATION, duration


class Section(BaseModel):
    """A mapping in the configuration: unknown keys are errors, values can't be changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _duration(value: object) -> object:
    return duration(value) if isinstance(value, str) else value


def _positive_duration(value: object) -> object:
    span = _duration(value)
    if span == timedelta(0):
        raise ValueError(f"must be greater than zero; expected {DURATION_NOTATION}")
    return span


def _amount(value: object) -> object:
    return money.amount(value) if isinstance(value, str) else value


_DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^[0-9]{1,9}[smhd]$",
    "examples": ["30s", "5m", "4h", "90d"],
}

Duration = Annotated[timedelta, BeforeValidator(_duration), WithJsonSchema(_DURATION_SCHEMA)]
"""A span of time, possibly none: `0s`, `30s`, `5m`, `4h`, `90d`."""

Span = Annotated[timedelta, BeforeValidator(_positive_duration), WithJsonSchema(_DURATION_SCHEMA)]
"""A span of time that is not empty."""

Amount = Annotated[Decimal, BeforeValidator(_amount), WithJsonSchema({"type": ["number", "string"]})]
"""An exact amount, with the digits of the file."""

Secret = Annotated[SecretStr, Field(min_length=1)]
"""Text that appears in no `repr`, log or error."""
