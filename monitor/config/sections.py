"""The sections of the file: their keys, and what each may hold.

What keys mean together is judged where jobs and rules are read. The descriptions are what an editor shows,
by way of the JSON Schema.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast

from pydantic import Field, create_model

from monitor.config.values import (
    Change,
    ChangeLimit,
    ChannelUrls,
    CronText,
    Database,
    Globs,
    LabelName,
    Name,
    Names,
    Repeat,
    Text,
    Timezone,
)
from monitor.domain import model
from monitor.fields import Amount, Duration, Section, Span
from monitor.providers import PROVIDERS
from monitor.providers.base import Settings, Wallets


class StoreSection(Section):
    """Where readings are kept, and for how long."""

    url: Database = Field(
        default=Path("balances.db"),
        description="The SQLite database: sqlite:///FILE relative to this file, sqlite:////FILE absolute. "
        "Created when missing.",
        json_schema_extra={"default": "sqlite:///balances.db"},
    )
    keep: Span = Field(default=timedelta(days=90), description="How long readings are kept.")


class UntypedSettings(Settings):
    """What every provider has, for one of a type that is not known."""

    type: str
    base_url: str = ""


class ChannelSection(Section):
    """Where messages go."""

    urls: ChannelUrls = Field(description="Apprise URLs; a message goes to each of them.")


class JobSection(Wallets):
    """What is polled on one schedule over one provider."""

    name: Name = Field(description="The job's name, by which the store knows its readings.")
    provider: str = Field(description="The name of one of the providers.")
    every: Span | None = Field(default=None, description="How often to poll: 30s, 5m. Either this or cron.")
    cron: CronText | None = Field(
        default=None,
        description="When to poll, as five cron fields: minute, hour, day, month, weekday (0 and 7: Sunday).",
    )
    timezone: Timezone | None = Field(
        default=None,
        description="The time zone of cron; UTC if left out.",
        json_schema_extra={"default": "UTC"},
    )
    labels: dict[LabelName, Text] = Field(
        default={}, description="Names of your own for what is polled; rules can match them."
    )


class RuleSection(Section):
    """The keys every rule has."""

    name: Name = Field(description="The rule's name, by which the store knows its alerts.")
    match: dict[str, Globs] = Field(
        default={},
        description="Which series: job, provider, account, currency or any label, each a glob or a list of "
        "globs. Left out: all.",
    )
    hold: Duration = Field(
        default=timedelta(0), alias="for", description="How long the condition has to hold before it is told."
    )
    keep_firing_for: Duration = Field(
        default=timedelta(0), description="How long it has to be over before that is told."
    )
    repeat_every: Repeat = Field(
        default=timedelta(hours=4), description="How often to remind while it fires: 4h, or never."
    )
    send_resolved: bool = Field(default=True, description="Whether to tell that it is over.")
    severity: Literal["info", "warning", "critical"] = Field(default="warning", description="How bad it is.")
    notify: Names | None = Field(
        default=None, description="The channels that are told. Left out: every channel; []: none."
    )


class UntypedRuleSection(RuleSection):
    """What every rule has, for one of a type that is not known."""

    type: str


class ThresholdSection(RuleSection):
    """An amount below or above a limit."""

    type: Literal["threshold"] = Field(description="An amount below or above a limit.")
    field: model.Field = Field(default="available", description="Which amount of a balance.")
    below: Amount | None = Field(default=None, description="Fires below this amount.")
    above: Amount | None = Field(default=None, description="Fires above this amount.")
    clear: Amount | None = Field(
        default=None, description="Once firing, goes on until the amount is back here (hysteresis)."
    )


class DeltaSection(RuleSection):
    """An amount that moved too far."""

    type: Literal["delta"] = Field(description="An amount that moved too far.")
    field: model.Field = Field(default="available", description="Which amount of a balance.")
    drop: ChangeLimit | None = Field(default=None, description="Fires when it fell by this much: 250 or 20%.")
    rise: ChangeLimit | None = Field(default=None, description="Fires when it rose by this much: 250 or 20%.")
    change: ChangeLimit | None = Field(
        default=None, description="Fires when it moved by this much either way: 250 or 20%."
    )
    within: Span | None = Field(
        default=None,
        description="From the window's peak (drop) or trough (rise) to now. Left out: since the reading before.",
    )

    def move(self) -> tuple[Literal["drop", "rise", "change"], Change]:
        """The way it has to move, and how far. ValueError where the section says neither."""
        if self.drop is not None:
            return "drop", self.drop
        if self.rise is not None:
            return "rise", self.rise
        if self.change is not None:
            return "change", self.change
        raise ValueError(f"{self.name} has no drop, rise or change")


class StaleSection(RuleSection):
    """Nothing new for too long."""

    type: Literal["stale"] = Field(description="Nothing new for too long.")
    after: Span = Field(description="Fires when there was no news for this long.")
    clock: Literal["observed", "provider"] = Field(
        default="observed",
        description="What counts as news: a successful reading (observed), or a change of the wallet by the "
        "service's own clock (provider).",
    )


class FailingSection(RuleSection):
    """Polls that fail."""

    type: Literal["failing"] = Field(description="Polls that fail.")
    polls: int = Field(
        default=3,
        ge=1,
        le=1000,
        description="How many in a row. Refused credentials and bans fire at the first.",
    )


AnyRuleSection = ThresholdSection | DeltaSection | StaleSection | FailingSection

RULES: Mapping[str, type[AnyRuleSection]] = MappingProxyType(
    {
        "threshold": ThresholdSection,
        "delta": DeltaSection,
        "stale": StaleSection,
        "failing": FailingSection,
    }
)
"""What a rule's `type` may say, and what it then means."""


@cache
def job_section(provider_type: str) -> type[JobSection]:
    """The keys of a job over a provider of this type: those of every job, and those that say what is polled.

    What they become is both a JobSection and what the provider's `api` takes."""
    bases: tuple[type[Wallets], ...] = (JobSection, PROVIDERS[provider_type].wallets)
    return cast("type[JobSection]", create_model(f"{provider_type.capitalize()}Job", __base__=bases))


def keys(section: type[Section]) -> list[str]:
    """A section's keys, as the file spells them."""
    return [field.alias or name for name, field in section.model_fields.items()]


def owner(section: type[Section], key: str) -> str | None:
    """What a key belongs to that is not one of the section's, but of its like; None if there is nothing."""
    if issubclass(section, JobSection):
        return _those("jobs of {} providers", {name: job_section(name) for name in PROVIDERS}, key)
    if issubclass(section, RuleSection):
        return _those("rules of type {}", RULES, key)
    if issubclass(section, Settings):
        return _those("providers of type {}", {name: PROVIDERS[name].settings for name in PROVIDERS}, key)
    return None


def _those(what: str, sections: Mapping[str, type[Section]], key: str) -> str | None:
    names = [name for name, section in sections.items() if key in keys(section)]
    return what.format(" or ".join(names)) if names else None
