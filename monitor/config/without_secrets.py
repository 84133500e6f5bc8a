"""Which places of a configuration hold secrets, and what the store may keep of it: the rest, on its own."""

from collections.abc import Collection, Sequence

from monitor.config import yaml_tree
from monitor.config.jobs import ReadJob
from monitor.config.read import secret_keys
from monitor.config.references import UNSET
from monitor.config.yaml_tree import Node, Plain, Scalar
from monitor.providers import PROVIDERS

_SHOWN_ANYWAY = ("jobs", "routes", "inhibit", "maintenance", "summary")
"""Sections whose words are shown wherever alerts are; a URL elsewhere may hold a token."""
_COINCIDENCE = 6
"""A shorter secret may be the same as a harmless word, without having been repeated."""


def is_secret(place: yaml_tree.Path) -> bool:
    """Tell whether what stands at a place may not be shown."""
    match place:
        case ("providers", _, key):
            return any(key in secret_keys(provider.settings) for provider in PROVIDERS.values())
        case ("channels", _, "urls", *_):
            return True
        case ("heartbeat", "url" | "proxy") | ("web", "token"):
            return True
        case _:
            return False


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
