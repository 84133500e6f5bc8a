"""The sections of the file: their keys, the type of each, and which of them exclude or need each other.

Values are checked against each other where jobs and rules are read. Editors show the descriptions, through the JSON
Schema.
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
    """The keys of every provider, for a provider of an unknown type."""

    type: str
    base_url: str = ""


class QuietHoursSection(Section):
    """The hours in which a channel receives only critical messages."""

    begins: TimeOfDay = Field(alias="from", description="Time of day at which they begin: 22:00.")
    ends: TimeOfDay = Field(
        alias="to", description="Time of day at which they end; on the next day if it is before `from`."
    )
    timezone: Timezone = Field(
        default=UTC, description="Time zone of `from` and `to`.", json_schema_extra={"default": "UTC"}
    )
    days: Weekdays = Field(
        default=cast("Weekdays", WEEKDAYS),
        description="Days on which they begin: mon, tue, wed, thu, fri, sat, sun. Default: every day.",
    )


class MessageSection(Section):
    """A custom message."""

    constraints = (Needs("format", "body"), AtLeastOne(("title", "body")))

    title: Text | None = Field(
        default=None, description="Template of the title. Default: the built-in title."
    )
    body: Text | None = Field(default=None, description="Template of the body. Default: the built-in body.")
    format: Literal["text", "markdown", "html"] = Field(
        default="text",
        description="Format of the body. A service that shows another format receives it unchanged.",
    )


_MESSAGE = "A custom message in place of the built-in one, as Jinja2 templates: {title: …, body: …}."


class ChannelSection(Section):
    """A named list of URLs that messages are sent to."""

    constraints = (Needs("fallback_after", "fallback"),)

    urls: ChannelUrls = Field(description="Apprise URLs. A message is sent to each of them.")
    fallback: str | None = Field(
        default=None, description="Channel that is notified instead when this one can't be reached."
    )
    fallback_after: FallbackAfter = Field(
        default=timedelta(minutes=5),
        description="How long the delivery of a message must fail before the fallback is notified.",
    )
    quiet_hours: QuietHoursSection | None = Field(
        default=None,
        description="Hours in which only critical messages are sent and all others wait. Default: none.",
    )
    message: MessageSection | None = Field(
        default=None, description=f"{_MESSAGE} A rule's own message takes precedence."
    )
    chart: bool | None = Field(
        default=None,
        description="Whether messages include a chart of the series' last day. Default: only those of rules with "
        "`chart: true`. If the rule or the channel has false, there is no chart.",
    )


class HeartbeatSection(Section):
    """A regular request to an external service, which alerts you when it stops."""

    url: WebUrl = Field(
        description="URL, such as one of healthchecks.io; /start and /fail are appended. A secret: ${HEARTBEAT_URL}."
    )
    every: Span = Field(default=timedelta(minutes=1), description="Interval between requests.")
    proxy: Proxy | None = Field(
        default=None,
        description="Proxy for the requests: http(s)://[user:password@]host[:port]. Proxies in the environment are "
        "ignored.",
    )


class WebSection(Section):
    """The status page, with the metrics, the API and the feed."""

    listen: ListenAddress = Field(
        default=Listen("127.0.0.1", 8787),
        description="Address and port. Any address other than loopback requires a token.",
        json_schema_extra={"default": "127.0.0.1:8787"},
    )
    token: Token | None = Field(
        default=None,
        description="Token that grants access, in a bearer header or at the page's login. A secret: ${WEB_TOKEN}. "
        "Default: everybody who can reach the address has access.",
    )
    hosts: HostNames = Field(
        default=(),
        description="Host names under which browsers may request the page, besides localhost and IP addresses: "
        "monitor.example.",
    )


class SummarySection(Section):
    """A regular message: balances, changes, incidents, polls."""

    cron: CronText = Field(
        default="0 8 * * *",
        description="When it is sent, as five cron fields: minute, hour, day, month, weekday. Default: daily at 8.",
    )
    timezone: Timezone = Field(
        default=UTC, description="Time zone of `cron`.", json_schema_extra={"default": "UTC"}
    )
    notify: Names | None = Field(
        default=None, description="Channels that are notified. Default: every channel; []: none."
    )

    @property
    def schedule(self) -> Cron:
        """Return when it is sent."""
        return Cron(expression=self.cron, timezone=self.timezone)


_ALERTS = (
    "Alerts, by rule, type, severity, subject, job, provider, account, currency or any label; each a glob or a list "
    "of globs."
)


class RouteSection(Section):
    """The channels for some alerts."""

    constraints = (Needs("escalate_after", "escalate_to"), Needs("escalate_to", "escalate_after"))

    match: dict[str, Globs] = Field(default={}, description=f"{_ALERTS} Default: all.")
    notify: Names | None = Field(
        default=None, description="Channels that are notified. Default: every channel; []: none."
    )
    group_by: Names = Field(
        default=routing.GROUP_BY,
        description="Attributes that alerts must have in common to be sent in one message; []: none.",
    )
    group_wait: GroupWait = Field(
        default=routing.GROUP_WAIT,
        description="How long to wait for more alerts of the same group, 5m at most.",
    )
    escalate_after: Span | None = Field(
        default=None,
        description="Time without an acknowledgement after which the channels of `escalate_to` are notified too.",
    )
    escalate_to: Names = Field(default=(), description="Channels that are notified after `escalate_after`.")
    continues: bool = Field(
        default=False, alias="continue", description="Whether the routes after this one are also considered."
    )


class InhibitSection(Section):
    """Alerts that mute others while they fire."""

    source: dict[str, Globs] = Field(
        description=f"{_ALERTS} While one of them fires, the alerts of `target` are muted."
    )
    target: dict[str, Globs] = Field(
        description=f"{_ALERTS} They are muted while an alert of `source` fires."
    )
    equal: Names = Field(
        default=(),
        description="Attributes that both alerts must have in common, such as provider. Default: none.",
    )


class MaintenanceSection(Section):
    """A time in which some alerts are muted."""

    constraints = (OneForm(("from", "until"), ("cron", "lasts")),)

    name: Name = Field(description="Name of the window, as `status` and `route` show it.")
    match: dict[str, Globs] = Field(default={}, description=f"{_ALERTS} Default: all.")
    begins: ClockTime | None = Field(
        default=None,
        alias="from",
        description="Start of a single window: 2026-12-01T02:00. Either this or `cron`.",
    )
    ends: ClockTime | None = Field(default=None, alias="until", description="End of a single window.")
    cron: CronText | None = Field(
        default=None,
        description="Starts of a repeated window, as five cron fields: minute, hour, day, month, weekday.",
    )
    lasts: Lasting | None = Field(default=None, description="Duration of each repeated window, 7d at most.")
    timezone: Timezone = Field(
        default=UTC, description="Time zone of the keys above.", json_schema_extra={"default": "UTC"}
    )


class JobSection(Wallets):
    """What is polled on one schedule over one provider."""

    constraints = (ExactlyOne(("every", "cron")), Needs("timezone", "cron", is_surplus=True))

    name: Name = Field(description="Name of the job. Its readings are stored under this name.")
    provider: str = Field(description="Name of one of the providers.")
    every: Span | None = Field(
        default=None, description="Interval between polls: 30s, 5m. Either this or `cron`."
    )
    cron: CronText | None = Field(
        default=None,
        description="When to poll, as five cron fields: minute, hour, day, month, weekday (0 and 7: Sunday).",
    )
    timezone: Timezone | None = Field(
        default=None,
        description="Time zone of `cron`. Default: UTC.",
        json_schema_extra={"default": "UTC"},
    )
    labels: dict[LabelName, Text] = Field(
        default={}, description="Your own names and values for the accounts of the job, for use in `match`."
    )


class FlappingSection(Section):
    """The number of changes within a time that counts as flapping."""

    changes: int = Field(
        ge=2,
        le=100,
        description="An alert flaps when it fires and resolves more often than this within `within`.",
    )
    within: Span = Field(description="Time in which the changes are counted.")


class LevelSection(Section):
    """A limit: the only one of a rule, or one of several."""


class ThresholdLevel(LevelSection):
    """A limit of an amount."""

    constraints = (AtLeastOne(("below", "above"), unless="levels"),)

    below: Amount | None = Field(default=None, description="Fires below this amount.")
    above: Amount | None = Field(default=None, description="Fires above this amount.")
    clear: Amount | None = Field(
        default=None,
        description="Once firing, continues until the amount is back at this value (hysteresis).",
    )


class DeltaLevel(LevelSection):
    """A limit of a change."""

    constraints = (
        ExactlyOne(("drop", "rise", "change"), advice="; write two rules", by_place=True, unless="levels"),
    )

    drop: ChangeLimit | None = Field(
        default=None, description="Fires when the amount fell by this much: 250 or 20%."
    )
    rise: ChangeLimit | None = Field(
        default=None, description="Fires when the amount rose by this much: 250 or 20%."
    )
    change: ChangeLimit | None = Field(
        default=None, description="Fires when the amount fell or rose by this much: 250 or 20%."
    )

    def move(self) -> tuple[Literal["drop", "rise", "change"], Change]:
        """Return the direction and the size of the change. Raises ValueError if the section has none."""
        if self.drop is not None:
            return "drop", self.drop
        if self.rise is not None:
            return "rise", self.rise
        if self.change is not None:
            return "change", self.change
        raise ValueError("no drop, rise or change")


class StaleLevel(LevelSection):
    """A limit of the time without an update."""

    after: Span = Field(description="Fires when there was no update for this long.")


class FailingLevel(LevelSection):
    """A limit of failures in a row."""

    polls: int = Field(ge=1, le=1000, description="Number of failed polls in a row.")


_LEVELS = (
    "Several limits by severity, for one incident that worsens and eases. Replaces `severity` and the limit."
)


class RuleSection(Section):
    """The keys every rule has."""

    name: Name = Field(description="Name of the rule. Its alerts are stored under this name.")
    match: dict[str, Globs] = Field(
        default={},
        description="Series, by job, provider, account, currency or any label; each a glob or a list of globs. "
        "Default: all.",
    )
    for_: Duration = Field(
        default=timedelta(0),
        alias="for",
        description="How long the condition must hold before the alert fires.",
    )
    keep_firing_for: Duration = Field(
        default=timedelta(0), description="How long the condition must be over before the alert resolves."
    )
    repeat_every: Repeat = Field(
        default=timedelta(hours=4),
        description="Interval between reminders while the alert fires: 4h, or never.",
    )
    send_resolved: bool = Field(
        default=True, description="Whether to send a notification when the alert resolves."
    )
    cooldown: Duration = Field(
        default=timedelta(0),
        description="Time after the end in which an alert that fires again continues the same incident.",
    )
    flapping: Annotated[FlappingSection | None, *OR_OFF] = Field(
        default=None,
        description="When an alert counts as flapping: {changes: 6, within: 1h}, or off. One notification reports it; "
        "further ones follow when the alert is stable again or worsens.",
        json_schema_extra={"default": "off"},
    )
    severity: SeverityWord = Field(default="warning", description="Severity of the alert.")
    notify: Names | None = Field(
        default=None, description="Channels that are notified. Default: those of the routes; []: none."
    )
    message: MessageSection | None = Field(default=None, description=_MESSAGE)
    links: dict[LinkName, Link] = Field(
        default={},
        description="Links of this rule, in addition to those of all rules. One of the same name replaces it.",
    )
    chart: bool | None = Field(
        default=None,
        description="Whether messages include a chart of the series' last day. Default: only on channels with "
        "`chart: true`. If the rule or the channel has false, there is no chart.",
    )


class UntypedRuleSection(RuleSection):
    """The keys of every rule, for a rule of an unknown type."""

    type: str


class ThresholdSection(ThresholdLevel, RuleSection):
    """An amount below or above a limit."""

    type: Literal["threshold"] = Field(description="An amount below or above a limit.")
    field: model.Field = Field(default="available", description="Amount of the reading.")
    levels: dict[SeverityWord, ThresholdLevel] = Field(default={}, description=_LEVELS)


class DeltaSection(DeltaLevel, RuleSection):
    """An amount that fell or rose too far."""

    type: Literal["delta"] = Field(description="An amount that fell or rose too far.")
    field: model.Field = Field(default="available", description="Amount of the reading.")
    within: Span | None = Field(
        default=None,
        description="Window of the change: from its highest (drop) or lowest (rise) amount to now. Default: since the "
        "reading before.",
    )
    levels: dict[SeverityWord, DeltaLevel] = Field(default={}, description=_LEVELS)


class StaleSection(RuleSection):
    """No update for too long."""

    constraints = (AtLeastOne(("after",), unless="levels"),)

    type: Literal["stale"] = Field(description="No update for too long.")
    after: Span | None = Field(default=None, description="Fires when there was no update for this long.")
    clock: Literal["observed", "provider"] = Field(
        default="observed",
        description="What counts as an update: a successful poll (observed), or a change of the wallet by the "
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
        description="Number of failed polls in a row. Refused credentials and bans fire at the first.",
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
"""The section of a rule, by its `type`."""

LEVELS: Mapping[str, type[LevelSection]] = MappingProxyType(
    {"threshold": ThresholdLevel, "delta": DeltaLevel, "stale": StaleLevel, "failing": FailingLevel}
)
"""The section of each of a rule's `levels`, by the rule's type."""


@cache
def job_section(provider_type: str) -> type[JobSection]:
    """Return the section of a job over a provider of this type: the keys of every job, and those of the provider.

    It is a JobSection, and also the section that the provider's `api` takes."""
    bases: tuple[type[Wallets], ...] = (JobSection, PROVIDERS[provider_type].wallets)
    return cast("type[JobSection]", create_model(f"{provider_type.capitalize()}Job", __base__=bases))


def keys(section: type[Section]) -> list[str]:
    """Return a section's keys, as the file spells them."""
    return [field.alias or name for name, field in section.model_fields.items()]


def inner(section: type[Section], place: Sequence[str | int]) -> type[Section]:
    """Return the innermost section that holds a place, which is given from `section` on."""
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
    """Return a type without its annotations and without None."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    others = [one for one in get_args(annotation) if one is not NoneType]
    return _bare(others[0]) if NoneType in get_args(annotation) and len(others) == 1 else annotation


def owner(section: type[Section], key: str) -> str | None:
    """Return which sections of the same kind have a key that this one lacks; None if there is none."""
    if issubclass(section, JobSection):
        return _sections_with("jobs of {} providers", {name: job_section(name) for name in PROVIDERS}, key)
    if issubclass(section, RuleSection):
        return _sections_with("rules of type {}", RULES, key)
    if issubclass(section, LevelSection):
        return _sections_with("levels of rules of type {}", LEVELS, key) or _sections_with(
            "the rule itself", RULES, key
        )
    if issubclass(section, Settings):
        return _sections_with(
            "providers of type {}", {name: PROVIDERS[name].settings for name in PROVIDERS}, key
        )
    return None


def _sections_with(what: str, sections: Mapping[str, type[Section]], key: str) -> str | None:
    names = [name for name, section in sections.items() if key in keys(section)]
    return what.format(" or ".join(names)) if names else None
