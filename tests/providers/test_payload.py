"""Bodies as they come from the wild: exact numbers out of them, or a `BadPayload` that says what is wrong."""

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import BadPayload, PollFailed
from monitor.providers import payload

from .support import OK, SPOT, answer, client_account, nami_api, wdcf_api

WDCF_OK = json.dumps(
    {
        "status": "success",
        "message": "",
        "data": {"userId": 1, "clientId": "CLIENT_001", "balance": 1.5, "updatedAt": None},
    }
).encode()


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        pytest.param(b"", "an empty body", id="empty"),
        pytest.param(b" \r\n", "an empty body", id="blank"),
        pytest.param(b"\xef\xbb\xbf", "an empty body", id="byte-order-mark-alone"),
        pytest.param(b'{"a": "\xff"}', "not UTF-8 at byte 7", id="invalid-utf-8"),
        pytest.param("{}".encode("utf-16"), "not UTF-8 at byte 0", id="utf-16"),
        pytest.param(b"\n<!DOCTYPE html><h1>Welcome</h1>", "HTML, not JSON", id="html-with-status-200"),
        pytest.param(b'{"status": "ok", "da', "not JSON: Unterminated string", id="cut-off"),
        pytest.param(b"{} {}", "not JSON: Extra data", id="two-documents"),
        pytest.param(b"balance: 5", "not JSON: Expecting value", id="not-json"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="deep-nesting"),
        pytest.param(b'{"a":' * 100_000, "nested too deeply", id="deep-objects"),
        pytest.param(b"[]", "expected an object, got an array", id="array"),
        pytest.param(b"null", "expected an object, got null", id="null"),
        pytest.param(b'"ok"', 'expected an object, got a string: "ok"', id="text"),
        pytest.param(b"9" * 500_000, "expected an object, got the number 999", id="endless-number"),
    ],
)
def test_hostile_body(body: bytes, detail: str) -> None:
    """Whatever is not the object that was promised is refused, in words."""
    with pytest.raises(BadPayload) as failed:
        nami_api().parse(SPOT, answer(body))
    assert failed.value.detail.startswith(detail)


def test_quoted_value_is_short_and_harmless() -> None:
    """A quoted value is cut, and control and direction characters are escaped."""
    with pytest.raises(BadPayload) as failed:
        payload.Node("\x1b[31m\u202e\ud800" + "A" * 1000, "data.balance").amount()
    assert failed.value.detail == (
        'data.balance: expected a number, got a string: "\\x1b[31m\\u202e\\ud800' + "A" * 32 + '…"'
    )


def test_message_is_short_and_harmless() -> None:
    """The service's own words lose line ends and control characters, and are cut at 200 characters."""
    assert payload.plain_text("Not\r\nfound\x00 \x1b[31m" + "!" * 300) == "Not found [31m" + "!" * 185 + "…"


digits = st.text("0123456789", min_size=1, max_size=200)


@given(whole=digits, fraction=st.none() | digits, negative=st.booleans())
def test_amounts_survive_exactly(whole: str, fraction: str | None, *, negative: bool) -> None:
    """An amount of hundreds of digits comes out with the very digits that went in."""
    text = ("-" if negative else "") + (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")
    body = WDCF_OK.replace(b"1.5", text.encode())
    (balance,) = wdcf_api().parse(client_account(), answer(body))
    assert format(balance.total, "f") == text


@given(total=st.decimals(allow_nan=False, allow_infinity=False, places=30), locked=st.integers())
def test_available_is_the_exact_difference(total: Decimal, locked: int) -> None:
    """What is available and what is locked make the whole, to the last digit."""
    entry = f'{{"value": {total:f}, "locked_value": {locked}}}'
    (balance,) = nami_api().parse(SPOT, answer(f'{{"status": "ok", "data": {{"1": {entry}}}}}'))
    assert balance.locked is not None
    assert Fraction(balance.available) + Fraction(balance.locked) == Fraction(total)


def mutated(original: bytes) -> st.SearchStrategy[bytes]:
    """A valid body with some bytes of it replaced by others, or by pieces of JSON."""
    pieces = st.binary(max_size=4) | st.sampled_from(
        [b"null", b"{}", b"[]", b'""', b"1e999999999", b"NaN", b"-", b'"22":1,', b"\\ud800", b"true"]
    )
    cuts = st.tuples(st.integers(0, len(original)), st.integers(0, 12), pieces)

    def cut(changes: list[tuple[int, int, bytes]]) -> bytes:
        body = original
        for at, length, piece in changes:
            body = body[:at] + piece + body[at + length :]
        return body

    return st.lists(cuts, min_size=1, max_size=4).map(cut)


statuses = st.just(200) | st.integers(100, 999)
headers = st.dictionaries(st.sampled_from(["date", "retry-after", "location"]), st.text(max_size=30))


@given(body=st.binary(max_size=200) | mutated(OK), status=statuses, headers=headers)
def test_nami_fails_only_as_documented(body: bytes, status: int, headers: dict[str, str]) -> None:
    """Whatever comes, it is finite balances or a `PollFailed`, and its words can be stored and shown."""
    try:
        balances = nami_api().parse(SPOT, answer(body, status, headers))
    except PollFailed as exc:
        assert_fit_to_be_shown(exc.detail)
    else:
        assert all(balance.total.is_finite() and balance.available.is_finite() for balance in balances)


@given(body=st.binary(max_size=200) | mutated(WDCF_OK), status=statuses, headers=headers)
def test_wdcf_fails_only_as_documented(body: bytes, status: int, headers: dict[str, str]) -> None:
    """Whatever comes, it is one finite balance or a `PollFailed`, and its words can be stored and shown."""
    try:
        (balance,) = wdcf_api().parse(client_account(), answer(body, status, headers))
    except PollFailed as exc:
        assert_fit_to_be_shown(exc.detail)
    else:
        assert balance.total.is_finite()


def assert_fit_to_be_shown(detail: str) -> None:
    assert detail.isprintable()
    assert 0 < len(detail) < 400
    detail.encode()
