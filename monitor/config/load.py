"""Loading the configuration: the whole file is read and checked, and built only if it has no problems."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from pathlib import Path

from pydantic import SecretStr

from monitor.config import yaml_tree
from monitor.config.alerting import (
    AlertingReader,
    build_channel,
    build_inhibition,
    build_maintenance,
    build_route,
    check_messages,
    read_channels,
    read_heartbeat,
    read_links,
    read_summary,
    read_web,
)
from monitor.config.files import MAX_FILE, Unreadable, read_text
from monitor.config.jobs import ReadJob, read_jobs
from monitor.config.matching import Configured
from monitor.config.model import Config, StoreSettings
from monitor.config.problems import Findings, expected, shown
from monitor.config.read import read, read_type
from monitor.config.references import Interpolated, Sources, interpolate
from monitor.config.rules import BUILT_IN, RuleReader, build
from monitor.config.secrets import hints, is_literal, is_secret, secret_files, secret_texts, withhold
from monitor.config.sections import (
    AnyRuleSection,
    ChannelSection,
    HeartbeatSection,
    InhibitSection,
    MaintenanceSection,
    RouteSection,
    StoreSection,
    SummarySection,
    UntypedSettings,
    WebSection,
    keys,
)
from monitor.config.types import OFF, ON, name_fault
from monitor.config.yaml_tree import Node, Scalar, Sequence, scalars
from monitor.errors import ConfigError, Problem
from monitor.providers import PROVIDERS
from monitor.providers.base import Settings

KEYS = (
    "store",
    "providers",
    "channels",
    "routes",
    "inhibit",
    "maintenance",
    "jobs",
    "rules",
    "failing",
    "links",
    "heartbeat",
    "summary",
    "web",
)
"""The keys of the file."""

UrlCheck = Callable[[Mapping[str, Iterable[SecretStr]]], Iterable[tuple[str, int, str]]]
"""Returns the refused URLs of channels, each as channel, index and reason."""

_EMPTY = Problem(path="", reason="is empty; `providers` and `jobs` are required")


def load(
    path: Path,
    environ: Mapping[str, str],
    *,
    need_secrets: bool = True,
    refused: UrlCheck | None = None,
) -> Config:
    """Return the configuration in a file, with its references to `environ` and to other files resolved.

    Without `need_secrets`, a missing credential or channel URL is not an error, and a placeholder replaces it.

    Raises ConfigError with all problems. If there are any, URLs that `refused` returns are added to them; if there are
    none, the URLs are checked later, when the channels are opened, because that loads apprise."""
    parsed = _parse(path)
    if parsed.root is None:
        raise ConfigError(str(path), parsed.problems or (_EMPTY,))
    sources = Sources.of(environ, path.absolute().parent)
    interpolated = interpolate(parsed.root, sources, lambda place: not need_secrets and is_secret(place))
    findings = Findings(str(path), interpolated.root, interpolated.hints)
    for place, reason in interpolated.missing.items():
        findings.value(place, reason)
    sections = _read(path, findings)
    findings.extend(parsed.problems)
    if refused is not None and findings.within(()):
        _check_urls(sections.channels, refused, findings)
    findings.raise_any()
    return _build(path, sections, interpolated)


def restore(path: Path, kept: yaml_tree.Plain) -> Config:
    """Return the configuration from a stored `document` of this file. Placeholders replace what it does not contain.

    Raises ConfigError if this version of the program does not accept it."""
    root = yaml_tree.node(kept)
    findings = Findings(str(path), root)
    sections = _read(path, findings)
    findings.raise_any()
    return _build(path, sections, Interpolated(root=root, missing={}, files={}))


def _check_urls(
    channels: Mapping[str, ChannelSection | None],
    refused: UrlCheck,
    findings: Findings,
) -> None:
    urls = {name: section.urls for name, section in channels.items() if section is not None}
    for channel, index, why in refused(urls):
        place = findings.item(("channels", channel, "urls"), index)
        if not findings.within(place):
            findings.value(place, why)


def _parse(path: Path) -> yaml_tree.Document:
    try:
        parsed = yaml_tree.parse(read_text(path, MAX_FILE))
    except Unreadable as error:
        at = (error.at.line, error.at.column) if error.at else (None, None)
        problem = Problem(path="", reason=str(error), line=at[0], column=at[1])
        raise ConfigError(str(path), (problem,)) from error
    if isinstance(parsed.root, Scalar) and parsed.root.text is None:
        return yaml_tree.Document(root=None, problems=parsed.problems)
    return parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sections:
    """The sections of the file, as far as they can be read."""

    store: StoreSection | None
    providers: Mapping[str, Settings | None]
    channels: Mapping[str, ChannelSection | None]
    jobs: tuple[ReadJob, ...]
    rules: tuple[AnyRuleSection, ...]
    built_in: bool
    routes: tuple[RouteSection, ...]
    inhibitions: tuple[InhibitSection, ...]
    maintenance: tuple[MaintenanceSection, ...]
    links: Mapping[str, str]
    heartbeat: HeartbeatSection | None
    summary: SummarySection | None
    web: WebSection | None


def _read(path: Path, findings: Findings) -> _Sections:
    _check_keys(findings)
    store = read(StoreSection, ("store",), findings) if findings.has(("store",)) else StoreSection()
    types = {
        name: read_type(("providers", name), "provider", PROVIDERS, findings)
        for name in _names("providers", findings)
    }
    providers = {name: _provider(name, kind, findings) for name, kind in types.items()}
    channels = read_channels(_names("channels", findings), findings)
    known_channels = None if findings.within(("channels",)) and not channels else tuple(channels)
    jobs = read_jobs(_items("jobs", findings), types, path, findings)
    configured = _configured(jobs, types, findings)
    links = read_links(findings)
    rules = RuleReader(
        findings=findings,
        configured=configured,
        channels=known_channels,
        links=links,
        keep=None if store is None or findings.within(("store", "keep")) else store.keep,
    ).read(_items("rules", findings))
    check_messages(channels, rules, links, findings)
    built_in = _built_in(findings)
    alerting = AlertingReader(
        findings=findings,
        configured=configured,
        rules=_rule_names(findings, built_in=built_in),
        channels=known_channels,
    )
    return _Sections(
        store=store,
        providers=providers,
        channels=channels,
        jobs=jobs,
        rules=rules,
        built_in=built_in,
        routes=alerting.routes(_items("routes", findings, "match")),
        inhibitions=alerting.inhibitions(_items("inhibit", findings, "source")),
        maintenance=alerting.maintenance(_items("maintenance", findings)),
        links=links,
        heartbeat=read_heartbeat(findings),
        summary=read_summary(known_channels, findings),
        web=read_web(findings),
    )


def _check_keys(findings: Findings) -> None:
    root = findings.node(())
    if root is not None and not isinstance(root, yaml_tree.Mapping):
        findings.value((), expected("a mapping with `providers` and `jobs`", root))
        return
    for key in findings.keys(()):
        if key not in KEYS:
            findings.unknown_key((key,), KEYS)
    for key in ("providers", "jobs"):
        if key not in findings.keys(()):
            findings.missing((key,))
        elif yaml_tree.is_empty(findings.node((key,))):
            findings.value((key,), "is empty; at least one is required")


def _names(key: str, findings: Findings) -> tuple[str, ...]:
    """Return the names in a mapping from names to settings, and report invalid ones."""
    node = findings.node((key,))
    if findings.has((key,)) and not isinstance(node, yaml_tree.Mapping):
        findings.value((key,), expected("a mapping from names to settings", node))
    names = findings.keys((key,))
    for name in names:
        if (fault := name_fault(name)) is not None:
            findings.key((key, name), fault)
    return names


def _items(key: str, findings: Findings, first: str = "name") -> tuple[yaml_tree.Path, ...]:
    """Return the paths of the items of a list. `first` is the first key of an item, for an error."""
    node = findings.node((key,))
    if isinstance(node, Sequence):
        return tuple((key, index) for index in range(len(node.items)))
    if findings.has((key,)):
        findings.value((key,), expected(f"a list (- {first}: …)", node))
    return ()


def _provider(name: str, kind: str | None, findings: Findings) -> Settings | None:
    path = ("providers", name)
    if kind is None:
        of_any_type = set(chain.from_iterable(keys(provider.settings) for provider in PROVIDERS.values()))
        read(UntypedSettings, path, findings, foreign=of_any_type)
        return None
    settings: Settings | None = read(PROVIDERS[kind].settings, path, findings)
    return settings


def _configured(jobs: tuple[ReadJob, ...], types: Mapping[str, str | None], findings: Findings) -> Configured:
    names = (findings.text((*job.path, "name")) for job in jobs)
    labels = (findings.keys((*job.path, "labels")) for job in jobs)
    return Configured(
        providers=types,
        jobs=jobs,
        job_names=frozenset(name for name in names if name is not None),
        labels=frozenset(chain.from_iterable(labels)),
    )


def _rule_names(findings: Findings, *, built_in: bool) -> frozenset[str]:
    """Return the names of all rules; empty if one has no name, or the rules can't be read."""
    paths = _items("rules", findings)
    names = [findings.text((*path, "name")) for path in paths]
    if None in names or (not paths and findings.within(("rules",))):
        return frozenset()
    return frozenset(name for name in names if name is not None) | ({BUILT_IN.name} if built_in else set())


def _built_in(findings: Findings) -> bool:
    """Return whether the built-in rule exists: it is not switched off, and no rule of the file replaces it."""
    rules = _items("rules", findings)
    replaced = any(
        findings.text((*path, "type")) == BUILT_IN.kind and not findings.keys((*path, "match"))
        for path in rules
    )
    exists = _failing(findings) and not replaced
    for path in rules:
        if exists and findings.text((*path, "name")) == BUILT_IN.name:
            reason = (
                f"`{BUILT_IN.name}` is the name of the built-in rule; choose another, or set `failing: off`"
            )
            findings.value((*path, "name"), reason)
    return exists


def _failing(findings: Findings) -> bool:
    node = findings.node(("failing",))
    if node is None:
        return True
    word = findings.text(("failing",))
    if word is None:
        findings.value(("failing",), expected("on or off", node))
    elif word.lower() not in ON | OFF:
        findings.value(("failing",), f"expected on or off, got {shown(word)}")
    return word is not None and word.lower() in ON


def _build(path: Path, sections: _Sections, interpolated: Interpolated) -> Config:
    """Return the configuration of a file without problems: no section is None."""
    root = interpolated.root
    providers = {name: settings for name, settings in sections.providers.items() if settings is not None}
    channels = {
        name: build_channel(name, section, _places(root, name))
        for name, section in sections.channels.items()
        if section is not None
    }
    store = sections.store or StoreSection()
    rules = tuple(build(section) for section in sections.rules)
    secrets = secret_texts(providers, channels, sections.heartbeat, sections.web, root)
    return Config(
        path=path.absolute(),
        store=StoreSettings(path=path.absolute().parent / store.url, keep=store.keep),
        providers=providers,
        channels=channels,
        jobs=tuple(job.build(providers) for job in sections.jobs),
        rules=rules + ((BUILT_IN,) if sections.built_in else ()),
        literals=tuple(
            yaml_tree.dotted(place) for place, scalar in scalars(root) if is_literal(place, scalar)
        ),
        secret_files=secret_files(interpolated),
        files=frozenset((path, *(job.list_file for job in sections.jobs if job.list_file))),
        routes=tuple(build_route(number, section) for number, section in enumerate(sections.routes)),
        inhibitions=tuple(build_inhibition(section) for section in sections.inhibitions),
        maintenance=tuple(build_maintenance(section) for section in sections.maintenance),
        links=sections.links,
        heartbeat=sections.heartbeat,
        summary=sections.summary,
        web=sections.web,
        secrets=secrets,
        hints=tuple(hints(root, interpolated.hints)),
        document=withhold(root, sections.jobs, secrets),
    )


def _places(root: Node, channel: str) -> tuple[yaml_tree.Position, ...]:
    """Return where a channel's URLs are: a list of them, or one alone."""
    urls = list(yaml_tree.walk(root, ("channels", channel, "urls")))[-1]
    return tuple(item.at for item in urls.items) if isinstance(urls, Sequence) else (urls.at,)


REST = timedelta(seconds=0.5)
"""How long a file must be unchanged before it counts as complete."""
TRIES = 8

Stamp = tuple[int, int, int]


def load_at_rest(path: Path, environ: Mapping[str, str], known: Iterable[Path]) -> Config:
    """Return the configuration once its file, and the files that it names, are unchanged for a while. See `load`.

    `known` are the files that it named before. Waits for a missing file, which may be about to be replaced. Raises
    ConfigError also if the files keep changing. Blocks for at least `REST`."""
    files = frozenset((path, *known))
    for left in reversed(range(TRIES)):
        before = _stamps(files)
        time.sleep(REST.total_seconds())
        if _stamps(files) != before:
            continue
        try:
            config = load(path, environ)
        except ConfigError:
            if left and None in before.values():
                continue
            raise
        if config.files <= files and _stamps(files) == before:
            return config
        files |= config.files
    reason = "keeps changing; reload again when it is complete"
    raise ConfigError(str(path), (Problem(path="", reason=reason),))


def _stamps(files: Iterable[Path]) -> dict[Path, Stamp | None]:
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> Stamp | None:
    try:
        found = file.stat()
    except (OSError, ValueError):  # missing, or a NUL in its name: `load` reports that
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
