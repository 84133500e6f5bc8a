"""Taking secrets out of a text before anybody sees it."""

import json
from collections.abc import Collection, Iterable, Iterator
from os.path import commonprefix
from urllib.parse import quote

_TELLING = 6
"""So many first characters of a secret give it away."""


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` with every whole secret in it replaced, the longest first."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def spellings(secrets: Iterable[str]) -> set[str]:
    """Secrets as they are, and as they look in a URL, in JSON and in Python's own quotes."""
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
    """`text` without any of the `hidden` values, as they are or percent-encoded.

    What only begins like one goes as well: shortening may have cut it."""
    values = {variant for value in hidden for variant in (value, quote(value, safe=""))}
    return "".join(_pieces(text, values))


def _pieces(text: str, values: Collection[str]) -> Iterator[str]:
    at = 0
    while at < len(text):
        length = max((_telling(text, at, value) for value in values), default=0)
        yield "***" if length else text[at]
        at += length or 1


def _telling(text: str, at: int, value: str) -> int:
    """How many characters from `at` on are the beginning of `value`; 0 where that gives nothing away."""
    if not text.startswith(value[:_TELLING], at):
        return 0
    return len(commonprefix([text[at:], value]))  # noqa: RUF071 (these are no paths: characters are what is meant)
