"""Whatever comes over the connection, a poll ends as a result with words, and each amount is the one that was sent.

What has to hold stands in `campaigns.fuzz.answers`, where a longer, coverage-guided run looks at the same.
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.fuzz import responses
from campaigns.fuzz.targets import targets
from monitor.errors import Outcome

from .support import http, poll

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
KEYS = ["status", "data", "message", "statusCode", "code", "22", "1", "value", "locked_value", "type"]
KEYS += ["clientId", "balance", "updatedAt", "errors", "error"]
TEXTS = st.sampled_from(["ok", "success", "CLIENT_001", "2026-02-01T13:59:30Z"]) | st.text(max_size=8)
LEAVES = NUMBERS | st.sampled_from(["null", "true", "NaN", "-Infinity"]) | TEXTS.map(json.dumps)


def lists(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """JSON texts of arrays and objects; a key may stand in one more than once."""
    pairs = st.tuples(st.sampled_from(KEYS), items).map(lambda pair: f'"{pair[0]}": {pair[1]}')
    objects = st.lists(pairs, max_size=6).map(lambda found: "{" + ", ".join(found) + "}")
    return objects | st.lists(items, max_size=3).map(lambda found: "[" + ", ".join(found) + "]")


JSON = st.recursive(LEAVES, lists, max_leaves=12).map(str.encode)
FIRST = st.sampled_from([b"\x00", b"\xff"])
STATUS = st.sampled_from([bytes([number]) for number in range(12)])
CUTS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 12), st.binary(max_size=6)), max_size=4)


def mutated(seed: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    """An example with some of its bytes replaced."""
    for at, length, piece in cuts:
        seed = seed[:at] + piece + seed[at + length :]
    return seed


@settings(max_examples=100, deadline=None)
@given(first=FIRST, status=STATUS, body=JSON)
def test_any_json_of_nami_is_read_exactly_or_refused(first: bytes, status: bytes, body: bytes) -> None:
    """Of any shape, with any number in any place."""
    responses.nami(first + status + body)


@settings(max_examples=100, deadline=None)
@given(value=NUMBERS, locked=NUMBERS)
def test_any_amounts_of_nami_are_read_exactly_or_refused(value: str, locked: str) -> None:
    """Digit for digit, with what is available as the exact difference."""
    entry = f'{{"value": {value}, "locked_value": {locked}}}'
    responses.nami(f'\0\0{{"status": "ok", "data": {{"22": {entry}}}}}'.encode())


@settings(max_examples=100, deadline=None)
@given(status=STATUS, body=JSON)
def test_any_json_of_wdcf_is_read_exactly_or_refused(status: bytes, body: bytes) -> None:
    """Of any shape, with any number in any place."""
    responses.wdcf(status + body)


@settings(max_examples=100, deadline=None)
@given(balance=NUMBERS, updated=LEAVES)
def test_any_amount_of_wdcf_is_read_exactly_or_refused(balance: str, updated: str) -> None:
    """Digit for digit, whatever the time beside it is."""
    data = f'{{"clientId": "{responses.CLIENT}", "balance": {balance}, "updatedAt": {updated}}}'
    responses.wdcf(f'\0{{"status": "success", "message": "", "data": {data}}}'.encode())


@settings(max_examples=100, deadline=None)
@given(seed=st.sampled_from(targets()["http-response"].seeds), cuts=CUTS)
def test_any_bytes_on_the_connection_end_a_poll_in_words(
    seed: bytes, cuts: list[tuple[int, int, bytes]]
) -> None:
    """Status line, headers, chunks and body with some bytes wrong: a result, and a pause of a day at most."""
    responses.http_response(mutated(seed, cuts))


@settings(max_examples=100, deadline=None)
@given(
    status=st.sampled_from([b"429", b"418", b"503", b"401", b"302", b"200"]),
    after=st.from_regex(r"[\x20-\x7e]{0,40}", fullmatch=True) | st.datetimes().map(str),
    date=st.from_regex(
        r"[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{5,8} .{0,6}", fullmatch=True
    ),
)
def test_any_headers_end_a_poll_in_words(status: bytes, after: str, date: str) -> None:
    """Retry-After, Date and Location with whatever in them."""
    lines = [
        f"{name}: {value}" for name, value in (("Retry-After", after), ("Date", date), ("Location", after))
    ]
    responses.http_response(b"HTTP/1.1 " + status + b" X\r\n" + "\r\n".join([*lines, "", ""]).encode())


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("mailto:a=b", id="no-host"),
        pytest.param("https:login", id="no-slashes"),
        pytest.param("https://[::1", id="open-bracket"),
        pytest.param("https://host:port/", id="no-port"),
        pytest.param("/" + "a" * 60_000, id="endless"),
        pytest.param("https://x/\x7f", id="control-character"),
    ],
)
async def test_a_redirect_to_nowhere_is_a_redirect(location: str) -> None:
    """It is not followed, so nobody has to make sense of where it leads: the poll fails as for any redirect."""
    result = await poll(http(302, b"", f"Location: {location}"))
    assert result.outcome is Outcome.REJECTED
    assert result.detail.startswith("HTTP 302: redirect to ")
