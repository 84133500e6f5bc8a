"""Removal of secrets from a text before anybody sees it."""

import json
from collections.abc import Collection, Iterable, Iterator
from os.path import commonprefix
from urllib.parse import quote

_REVEALING = 6
"""The first characters of a secret from which on a part of it counts as the secret."""


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return a text with every whole secret in it replaced, the longest first."""
    # A shorter secret may be a part of a longer one, whose rest would stay.
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def spellings(secrets: Iterable[str]) -> set[str]:
    """Return secrets as they are, and as they look in a URL, in JSON and in Python's own quotes."""
    return {
        spelling
        for secret in secrets
        for spelling in (
            secret,
            quote(secret, safe=""),
            json.dumps(secret, ensure_ascii=False)[1:-1],
            json.dumps(secret)[1:-1],
            repr(secret)[1:-1],
        )
    }


def redacted(text: str, hidden: Iterable[str]) -> str:
    """Return a text without any of the `hidden` values, as they are or percent-encoded.

    A part that only begins like one is removed as well: shortening may have cut the value off."""
    values = {variant for value in hidden for variant in (value, quote(value, safe=""))}
    return "".join(_pieces(text, values))


def _pieces(text: str, values: Collection[str]) -> Iterator[str]:
    at = 0
    while at < len(text):
        length = max((_shared_length(text, at, value) for value in values), default=0)
        yield "***" if length else text[at]
        at += length or 1


def _shared_length(text: str, at: int, value: str) -> int:
    """Return how many characters from `at` on are the beginning of `value`; 0 for too few to reveal it."""
    if not text.startswith(value[:_REVEALING], at):
        return 0
    return len(commonprefix([text[at:], value]))  # noqa: RUF071 (these are no paths: it compares characters)
