"""Secrets in a text, whole, encoded or cut."""

import pytest

from monitor.log.redaction import redacted, spellings

SECRET = "s3cr3t/with+signs"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(f"bad key {SECRET}!", "bad key ***!", id="whole"),
        pytest.param(f"{SECRET} and {SECRET}", "*** and ***", id="twice"),
        pytest.param("?key=s3cr3t%2Fwith%2Bsigns&x", "?key=***&x", id="percent-encoded"),
        pytest.param("bad key s3cr3t/wi…", "bad key ***…", id="cut-by-shortening"),
        pytest.param("not found", "not found", id="nothing-to-hide"),
        pytest.param("", "", id="empty"),
    ],
)
def test_secret_is_hidden(text: str, shown: str) -> None:
    """A secret goes wherever it stands, and so does what shortening left of it."""
    assert redacted(text, [SECRET]) == shown


def test_short_secret() -> None:
    """A secret shorter than what tells others is hidden as a whole."""
    assert redacted("pin 123", ["123"]) == "pin ***"


def test_secret_of_asterisks() -> None:
    """A secret that looks like what replaces it does not make it go on for ever."""
    assert redacted("a * b", ["*"]) == "a *** b"


def test_secret_within_another() -> None:
    """The longer of two secrets goes first, so that nothing of it stays."""
    assert redacted("abcdefghij", ["abcdefg", "abcdefghij"]) == "***"


@pytest.mark.parametrize(
    "spelling",
    ["a\"b\\c'dé/", "a%22b%5Cc%27d%C3%A9%2F", "a\\\"b\\\\c'dé/", "a\\\"b\\\\c'd\\u00e9/", "a\"b\\\\c\\'dé/"],
    ids=["as-it-is", "in-a-url", "in-json", "in-ascii-json", "in-pythons-quotes"],
)
def test_a_secret_is_known_by_all_its_spellings(spelling: str) -> None:
    """Quotes, backslashes and accents look different in a URL, in JSON and in a traceback's `repr`."""
    assert spelling in spellings(["a\"b\\c'dé/"])
