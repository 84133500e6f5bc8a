"""The places of secrets in a configuration, the texts that may not be shown, and the copy without them for the store.

The store keeps the copy, so that commands can work from it while the file is broken."""

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
"""Sections whose texts are shown with alerts. A URL in any other section may contain a token."""
_COINCIDENCE = 6
"""Characters. A shorter secret may equal a harmless word by coincidence."""


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
    """Return whether a secret is written in the file itself. A proxy's URL is a secret only if it has credentials."""
    text = "" if scalar.references else scalar.text or ""
    return is_secret(place) and bool(text) and (place[-1] != "proxy" or "@" in text)


def secret_files(interpolated: Interpolated) -> tuple[Path, ...]:
    """Return the files that secrets were read from."""
    files = (interpolated.files[place] for place in interpolated.files if is_secret(place))
    return tuple(dict.fromkeys(chain.from_iterable(files)))


def hints(root: Node, of_references: Mapping[yaml_tree.Path, str]) -> Iterator[str]:
    """Yield a sentence for each value that is probably a mistake, and that only the service would refuse."""
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
    """Return the values of secret places, and of the references in them."""
    credentials = (secret for settings in providers.values() for secret in settings.secrets())
    urls = (url.get_secret_value() for channel in channels.values() for url in channel.urls)
    places = ((place, scalar) for place, scalar in scalars(root) if place != ("heartbeat", "url"))
    parts = (part for place, scalar in places if is_secret(place) for part in scalar.references)
    beat = () if heartbeat is None else _of_heartbeat(heartbeat.url.get_secret_value(), root)
    token = () if web is None or web.token is None else (web.token.get_secret_value(),)
    proxy = () if heartbeat is None else secrets_of(heartbeat.proxy)
    return Secrets({*credentials, *urls, *parts, *beat, *proxy, *token} - {UNSET})


def _of_heartbeat(heartbeat: str, root: Node) -> set[str]:
    """Return the heartbeat's URL, and the references in it, without the scheme.

    With the scheme, every other URL would begin like a secret."""
    node = list(yaml_tree.walk(root, ("heartbeat", "url")))[-1]
    parts = node.references if isinstance(node, Scalar) else ()
    return {part.partition("://")[2] or part for part in (heartbeat, *parts) if part != UNSET}


def withhold(root: Node, jobs: Sequence[ReadJob], secrets: Collection[str]) -> Plain:
    """Return a tree as lists and dicts that need neither the environment nor other files.

    It includes the accounts of list files. UNSET replaces every secret, and every URL outside of `_SHOWN_ANYWAY`.
    `store.url` is left out, because a reader of the copy has found the store already."""
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
                # the store has the names of these accounts anyway, and there may be many
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
