"""The sections of the file: their keys, what each may hold, and which of them exclude or need each other.

What values mean together is checked where jobs and rules are read. The descriptions are what an editor shows, by way of
the JSON Schema.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Annotated, Literal, cast, get_args, get_origin

from pydantic import Field, create_model

from monitor.config.types import (
    OR_OFF,
    UTC,
    Amount,
    Change,
    ChangeLimit,
    ChannelUrls,
    ClockTime,
    CronText,
    Database,
    FallbackAfter,
    Globs,
    GroupWait,
    HostNames,
    LabelName,
    Lasting,
    Link,
    LinkName,
    Listen,
    ListenAddress,
    Name,
    Names,
    Repeat,
    SeverityWord,
    Text,
    TimeOfDay,
    Timezone,
    Token,
    WebUrl,
    Weekdays,
)
from monitor.domain import model, routing
from monitor.domain.schedule import Cron
from monitor.domain.windows import WEEKDAYS
from monitor.providers import PROVIDERS
from monitor.providers.base import (
    AtLeastOne,
    Duration,
    ExactlyOne,
    Needs,
    OneForm,
    Proxy,
    Section,
    Settings,
    Span,
    Wallets,
)


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


class QuietHoursSection(Section):
    """When a channel takes nothing but what is critical."""

    begins: TimeOfDay = Field(alias="from", description="The time of day at which they begin: 22:00.")
    ends: TimeOfDay = Field(
        alias="to", description="The time of day at which they end, on the next day if it is the earlier one."
    )
    timezone: Timezone = Field(
        default=UTC, description="The time zone of both.", json_schema_extra={"default": "UTC"}
    )
    days: Weekdays = Field(
        default=cast("Weekdays", WEEKDAYS),
        description="The days on which they begin: mon, tue, wed, thu, fri, sat, sun. Left out: every day.",
    )


class MessageSection(Section):
    """Words of one's own."""

    constraints = (Needs("format", "body"), AtLeastOne(("title", "body")))

    title: Text | None = Field(default=None, description="The title, a template. Left out: as built in.")
    body: Text | None = Field(default=None, description="The body, a template. Left out: as built in.")
    format: Literal["text", "markdown", "html"] = Field(
        default="text",
        description="What the body is written in; a service that shows something else gets it as it is.",
    )


_MESSAGE = "Words of one's own in place of the built-in message, as Jinja2 templates: {title: …, body: …}."


class ChannelSection(Section):
    """Where messages go."""

    constraints = (Needs("fallback_after", "fallback"),)

    urls: ChannelUrls = Field(description="Apprise URLs; a message goes to each of them.")
    fallback: str | None = Field(
        default=None, description="The channel that is told instead when this one can't be reached."
    )
    fallback_after: FallbackAfter = Field(
        default=timedelta(minutes=5),
        description="How long a message has to fail before the fallback is told.",
    )
    quiet_hours: QuietHoursSection | None = Field(
        default=None, description="When messages wait, unless something critical is told. Left out: never."
    )
    message: MessageSection | None = Field(
        default=None, description=f"{_MESSAGE} A rule's own come before them."
    )
    chart: bool | None = Field(
        default=None,
        description="Whether messages carry a picture of the series' last day. Left out: those of rules that say so; "
        "where either says no, there is none.",
    )


class HeartbeatSection(Section):
    """Where the daemon says that it does its work."""

    url: WebUrl = Field(
        description="A URL as of healthchecks.io; /start and /fail are put behind it. It is a secret: ${HEARTBEAT_URL}."
    )
    every: Span = Field(default=timedelta(minutes=1), description="How often it says so.")
    proxy: Proxy | None = Field(
        default=None,
        description="The proxy to go through: http(s)://[user:password@]host[:port]. None is taken from "
        "the environment.",
    )


class WebSection(Section):
    """The status page, with the metrics, the API and the feed."""

    listen: ListenAddress = Field(
        default=Listen("127.0.0.1", 8787),
        description="The address and the port. Any but a loopback address needs a token.",
        json_schema_extra={"default": "127.0.0.1:8787"},
    )
    token: Token | None = Field(
        default=None,
        description="Who shows it gets in, by a bearer header or the page's login. It is a secret: ${WEB_TOKEN}. "
        "Left out: everybody who reaches the address.",
    )
    hosts: HostNames = Field(
        default=(),
        description="The names under which browsers may ask for it, besides localhost and IP addresses: "
        "monitor.example.",
    )


class SummarySection(Section):
    """What is held, what moved and what happened, at fixed times."""

    cron: CronText = Field(
        default="0 8 * * *",
        description="When it is told, as five cron fields: minute, hour, day, month, weekday. Left out: daily at 8.",
    )
    timezone: Timezone = Field(
        default=UTC, description="The time zone of cron.", json_schema_extra={"default": "UTC"}
    )
    notify: Names | None = Field(
        default=None, description="The channels that are told. Left out: every channel; []: none."
    )

    @property
    def schedule(self) -> Cron:
        """Return when it is sent."""
        return Cron(expression=self.cron, timezone=self.timezone)


_ALERTS = (
    "Which alerts: rule, type, severity, subject, job, provider, account, currency or any label, each a glob or a "
    "list of globs."
)


class RouteSection(Section):
    """Where some alerts go."""

    constraints = (Needs("escalate_after", "escalate_to"), Needs("escalate_to", "escalate_after"))

    match: dict[str, Globs] = Field(default={}, description=f"{_ALERTS} Left out: all.")
    notify: Names | None = Field(
        default=None, description="The channels that are told. Left out: every channel; []: none."
    )
    group_by: Names = Field(
        default=routing.GROUP_BY,
        description="What two alerts must have in common to be told in one message; []: nothing.",
    )
    group_wait: GroupWait = Field(
        default=routing.GROUP_WAIT, description="How long to wait for more of the same group, 5m at most."
    )
    escalate_after: Span | None = Field(
        default=None, description="After how long without an acknowledgement others are told, too."
    )
    escalate_to: Names = Field(default=(), description="The channels that are told then.")
    continues: bool = Field(
        default=False, alias="continue", description="Whether the routes after this one are looked at, too."
    )


class InhibitSection(Section):
    """Alerts that keep others quiet."""

    source: dict[str, Globs] = Field(description=f"{_ALERTS} While one of them fires…")
    target: dict[str, Globs] = Field(description=f"{_ALERTS} …these are not told.")
    equal: Names = Field(
        default=(), description="What both must have in common: provider. Left out: nothing."
    )


class MaintenanceSection(Section):
    """A time in which some alerts are not told."""

    constraints = (OneForm(("from", "until"), ("cron", "lasts")),)

    name: Name = Field(description="Its name, by which `status` and `route` call it.")
    match: dict[str, Globs] = Field(default={}, description=f"{_ALERTS} Left out: all.")
    begins: ClockTime | None = Field(
        default=None, alias="from", description="When it begins, once: 2026-12-01T02:00. Either this or cron."
    )
    ends: ClockTime | None = Field(default=None, alias="until", description="When it ends.")
    cron: CronText | None = Field(
        default=None,
        description="When it begins, again and again, as five cron fields: minute, hour, day, month, weekday.",
    )
    lasts: Lasting | None = Field(default=None, description="How long it lasts each time, 7d at most.")
    timezone: Timezone = Field(
        default=UTC, description="The time zone of all these.", json_schema_extra={"default": "UTC"}
    )


class JobSection(Wallets):
    """What is polled on one schedule over one provider."""

    constraints = (ExactlyOne(("every", "cron")), Needs("timezone", "cron", is_surplus=True))

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


class FlappingSection(Section):
    """What counts as flapping."""

    changes: int = Field(ge=2, le=100, description="More than so many times to and fro…")
    within: Span = Field(description="…within this time.")


class LevelSection(Section):
    """A limit: a rule's own, or one of several."""


class ThresholdLevel(LevelSection):
    """A limit of an amount."""

    constraints = (AtLeastOne(("below", "above"), unless="levels"),)

    below: Amount | None = Field(default=None, description="Fires below this amount.")
    above: Amount | None = Field(default=None, description="Fires above this amount.")
    clear: Amount | None = Field(
        default=None, description="Once firing, goes on until the amount is back here (hysteresis)."
    )


class DeltaLevel(LevelSection):
    """A limit of a change."""

    constraints = (
        ExactlyOne(("drop", "rise", "change"), advice="; write two rules", by_place=True, unless="levels"),
    )

    drop: ChangeLimit | None = Field(default=None, description="Fires when it fell by this much: 250 or 20%.")
    rise: ChangeLimit | None = Field(default=None, description="Fires when it rose by this much: 250 or 20%.")
    change: ChangeLimit | None = Field(
        default=None, description="Fires when it moved by this much either way: 250 or 20%."
    )

    def move(self) -> tuple[Literal["drop", "rise", "change"], Change]:
        """Return the direction it has to move in, and how far. Raise ValueError where the section has neither."""
        if self.drop is not None:
            return "drop", self.drop
        if self.rise is not None:
            return "rise", self.rise
        if self.change is not None:
            return "change", self.change
        raise ValueError("no drop, rise or change")


class StaleLevel(LevelSection):
    """A limit of the time without news."""

    after: Span = Field(description="Fires when there was no news for this long.")


class FailingLevel(LevelSection):
    """A limit of failures in a row."""

    polls: int = Field(ge=1, le=1000, description="How many in a row.")


_LEVELS = "Several limits, worse and worse, by severity: one incident that worsens and eases. In place of those here."


class RuleSection(Section):
    """The keys every rule has."""

    name: Name = Field(description="The rule's name, by which the store knows its alerts.")
    match: dict[str, Globs] = Field(
        default={},
        description="Which series: job, provider, account, currency or any label, each a glob or a list of "
        "globs. Left out: all.",
    )
    for_: Duration = Field(
        default=timedelta(0), alias="for", description="How long the condition has to hold before it is told."
    )
    keep_firing_for: Duration = Field(
        default=timedelta(0), description="How long it has to be over before that is told."
    )
    repeat_every: Repeat = Field(
        default=timedelta(hours=4), description="How often to remind while it fires: 4h, or never."
    )
    send_resolved: bool = Field(default=True, description="Whether to tell that it is over.")
    cooldown: Duration = Field(
        default=timedelta(0),
        description="For how long after its end it is still the same incident when it fires again.",
    )
    flapping: Annotated[FlappingSection | None, *OR_OFF] = Field(
        default=None,
        description="From when on it is told once that it flaps, and then nothing until it settles or gets worse: "
        "{changes: 6, within: 1h}, or off.",
        json_schema_extra={"default": "off"},
    )
    severity: SeverityWord = Field(default="warning", description="How bad it is.")
    notify: Names | None = Field(
        default=None, description="The channels that are told. Left out: as the routes say; []: none."
    )
    message: MessageSection | None = Field(default=None, description=_MESSAGE)
    links: dict[LinkName, Link] = Field(
        default={}, description="Links of its own, besides those of all rules or in their place."
    )
    chart: bool | None = Field(
        default=None,
        description="Whether messages carry a picture of the series' last day. Left out: on channels that say so; "
        "where either says no, there is none.",
    )


class UntypedRuleSection(RuleSection):
    """What every rule has, for one of a type that is not known."""

    type: str


class ThresholdSection(ThresholdLevel, RuleSection):
    """An amount below or above a limit."""

    type: Literal["threshold"] = Field(description="An amount below or above a limit.")
    field: model.Field = Field(default="available", description="Which amount of a balance.")
    levels: dict[SeverityWord, ThresholdLevel] = Field(default={}, description=_LEVELS)


class DeltaSection(DeltaLevel, RuleSection):
    """An amount that moved too far."""

    type: Literal["delta"] = Field(description="An amount that moved too far.")
    field: model.Field = Field(default="available", description="Which amount of a balance.")
    within: Span | None = Field(
        default=None,
        description="From the window's peak (drop) or trough (rise) to now. Left out: since the reading before.",
    )
    levels: dict[SeverityWord, DeltaLevel] = Field(default={}, description=_LEVELS)


class StaleSection(RuleSection):
    """Nothing new for too long."""

    constraints = (AtLeastOne(("after",), unless="levels"),)

    type: Literal["stale"] = Field(description="Nothing new for too long.")
    after: Span | None = Field(default=None, description="Fires when there was no news for this long.")
    clock: Literal["observed", "provider"] = Field(
        default="observed",
        description="What counts as news: a successful reading (observed), or a change of the wallet by the "
        "service's own clock (provider).",
    )
    levels: dict[SeverityWord, StaleLevel] = Field(default={}, description=_LEVELS)


class FailingSection(RuleSection):
    """Polls that fail."""

    type: Literal["failing"] = Field(description="Polls that fail.")
    polls: int = Field(
        default=3,
        ge=1,
        le=1000,
        description="How many in a row. Refused credentials and bans fire at the first.",
    )
    levels: dict[SeverityWord, FailingLevel] = Field(default={}, description=_LEVELS)


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

LEVELS: Mapping[str, type[LevelSection]] = MappingProxyType(
    {"threshold": ThresholdLevel, "delta": DeltaLevel, "stale": StaleLevel, "failing": FailingLevel}
)
"""What each of a rule's `levels` may say, by the rule's type."""


@cache
def job_section(provider_type: str) -> type[JobSection]:
    """Return the keys of a job over a provider of this type: those of every job, and those that say what is polled.

    What they become is both a JobSection and what the provider's `api` takes."""
    bases: tuple[type[Wallets], ...] = (JobSection, PROVIDERS[provider_type].wallets)
    return cast("type[JobSection]", create_model(f"{provider_type.capitalize()}Job", __base__=bases))


def keys(section: type[Section]) -> list[str]:
    """Return a section's keys, as the file spells them."""
    return [field.alias or name for name, field in section.model_fields.items()]


def inner(section: type[Section], place: Sequence[str | int]) -> type[Section]:
    """Return the section that the last step of a place within a section is taken in."""
    annotation: object = section
    for step in place[:-1]:
        annotation = _below(annotation, step)
        if isinstance(annotation, type) and issubclass(annotation, Section):
            section = annotation
    return section


def _below(annotation: object, step: str | int) -> object:
    """Return the type one step further."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        fields = (field for name, field in annotation.model_fields.items() if step in (name, field.alias))
        return next((_bare(field.annotation) for field in fields), None)
    arguments = get_args(annotation)
    return _bare(arguments[1 if get_origin(annotation) is dict else 0]) if arguments else None


def _bare(annotation: object) -> object:
    """Return a type without what is said about it, and without None beside it."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    others = [one for one in get_args(annotation) if one is not NoneType]
    return _bare(others[0]) if NoneType in get_args(annotation) and len(others) == 1 else annotation


def owner(section: type[Section], key: str) -> str | None:
    """Return what a key belongs to that is not one of the section's, but of its like; None if there is nothing."""
    if issubclass(section, JobSection):
        return _those("jobs of {} providers", {name: job_section(name) for name in PROVIDERS}, key)
    if issubclass(section, RuleSection):
        return _those("rules of type {}", RULES, key)
    if issubclass(section, LevelSection):
        return _those("levels of rules of type {}", LEVELS, key) or _those("the rule itself", RULES, key)
    if issubclass(section, Settings):
        return _those("providers of type {}", {name: PROVIDERS[name].settings for name in PROVIDERS}, key)
    return None


def _those(what: str, sections: Mapping[str, type[Section]], key: str) -> str | None:
    names = [name for name, section in sections.items() if key in keys(section)]
    return what.format(" or ".join(names)) if names else None
