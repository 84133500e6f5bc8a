"""Where a configuration holds secrets, which texts may be shown nowhere, and what the store may keep of it.

The store keeps all the rest, so that commands can work from it while the file is broken."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from monitor.config import yaml_tree
from monitor.config.jobs import ReadJob
from monitor.config.model import Channel, Secrets
from monitor.config.read import secret_keys
from monitor.config.references import UNSET, Interpolated, wrapping
from monitor.config.sections import HeartbeatSection, WebSection
from monitor.config.yaml_tree import Node, Plain, Scalar, scalars
from monitor.providers import PROVIDERS
from monitor.providers.base import Settings, secrets_of

_SHOWN_ANYWAY = ("jobs", "routes", "inhibit", "maintenance", "summary")
"""Sections whose words are shown wherever alerts are; a URL elsewhere may hold a token."""
_COINCIDENCE = 6
"""A shorter secret may be the same as a harmless word, without having been repeated."""


def is_secret(place: yaml_tree.Path) -> bool:
    """Return whether the value at a place may not be shown."""
    match place:
        case ("providers", _, key):
            return any(key in secret_keys(provider.settings) for provider in PROVIDERS.values())
        case ("channels", _, "urls", *_):
            return True
        case ("heartbeat", "url" | "proxy") | ("web", "token"):
            return True
        case _:
            return False


def is_literal(place: yaml_tree.Path, scalar: Scalar) -> bool:
    """Return whether the file holds a secret itself. The address of a proxy is one only with credentials in it."""
    text = "" if scalar.references else scalar.text or ""
    return is_secret(place) and bool(text) and (place[-1] != "proxy" or "@" in text)


def secret_files(interpolated: Interpolated) -> tuple[Path, ...]:
    """Return the files that secrets were read from."""
    files = (interpolated.files[place] for place in interpolated.files if is_secret(place))
    return tuple(dict.fromkeys(chain.from_iterable(files)))


def hints(root: Node, of_references: Mapping[yaml_tree.Path, str]) -> Iterator[str]:
    """Yield what about values is probably not meant, and shows only as a refusal by a service."""
    for place, hint in of_references.items():
        yield f"{yaml_tree.dotted(place)}: {hint}"
    for place, scalar in scalars(root):
        if is_literal(place, scalar) and (around := wrapping(scalar.text or "")) is not None:
            yield f"{yaml_tree.dotted(place)} {around}"


def secret_texts(
    providers: Mapping[str, Settings],
    channels: Mapping[str, Channel],
    heartbeat: HeartbeatSection | None,
    web: WebSection | None,
    root: Node,
) -> Secrets:
    """Return the values of secret places, and what references brought into those."""
    credentials = (secret for settings in providers.values() for secret in settings.secrets())
    urls = (url.get_secret_value() for channel in channels.values() for url in channel.urls)
    places = ((place, scalar) for place, scalar in scalars(root) if place != ("heartbeat", "url"))
    parts = (part for place, scalar in places if is_secret(place) for part in scalar.references)
    beat = () if heartbeat is None else _of_heartbeat(heartbeat.url.get_secret_value(), root)
    token = () if web is None or web.token is None else (web.token.get_secret_value(),)
    proxy = () if heartbeat is None else secrets_of(heartbeat.proxy)
    return Secrets({*credentials, *urls, *parts, *beat, *proxy, *token} - {UNSET})


def _of_heartbeat(heartbeat: str, root: Node) -> set[str]:
    """Return the heartbeat's URL, and what references brought into it, without the scheme: with it, whatever else
    begins with https:// would seem to begin like a secret."""
    node = list(yaml_tree.walk(root, ("heartbeat", "url")))[-1]
    parts = node.references if isinstance(node, Scalar) else ()
    return {part.partition("://")[2] or part for part in (heartbeat, *parts) if part != UNSET}


def withhold(root: Node, jobs: Sequence[ReadJob], secrets: Collection[str]) -> Plain:
    """Return a tree as lists and dicts that are whole without the environment and other files.

    The accounts of a list file are in it. Something stands in for every secret, and for every URL that is not one
    of a name or a label. Where the store is, is left out: whoever reads this has found it."""
    list_files = [one for provider in PROVIDERS.values() if (one := provider.wallets.list_file) is not None]
    lists = {
        (*job.path, one.key): (one.list_key, [account.name for account in job.accounts])
        for job in jobs
        for one in list_files
    }
    list_keys = {one.list_key for one in list_files}

    def of(node: Node, place: yaml_tree.Path) -> Plain:
        match node:
            case Scalar():
                # the accounts in a list may be many, and their names are everywhere in the store
                listed = place[:1] == ("jobs",) and len(place) == 4 and place[2] in list_keys
                return UNSET if not listed and _is_withheld(node, place, secrets) else node.text
            case yaml_tree.Sequence():
                return [of(item, (*place, index)) for index, item in enumerate(node.items)]
            case yaml_tree.Mapping():
                kept: dict[str, Plain] = {}
                for key, entry in node.entries.items():
                    if (here := (*place, key)) in lists:
                        list_key, names = lists[here]
                        kept[list_key] = list(names)
                    elif here != ("store", "url"):
                        kept[key] = of(entry.value, here)
                return kept

    return of(root, ())


def _is_withheld(scalar: Scalar, place: yaml_tree.Path, secrets: Collection[str]) -> bool:
    text = scalar.text
    match place:
        case _ if not text:
            return False
        case _ if is_secret(place):
            return True
    if yaml_tree.is_private(text) and place[0] not in _SHOWN_ANYWAY:
        return True
    repeated = any(part in secrets for part in scalar.references)
    return repeated or any(len(secret) >= _COINCIDENCE and secret in text for secret in secrets)
