"""WDCF's page as code: what is signed and sent, and every answer and error it documents."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from monitor.domain.model import Balance
from monitor.errors import AuthFailed, BadPayload, NotFound, PollFailed, Rejected, Unavailable
from monitor.providers.base import hmac_sha256

from .support import answer, client_account, wdcf_api, wdcf_settings

AT = datetime.fromtimestamp(1706802000, UTC)


def body(**data: object) -> dict[str, object]:
    """A documented answer, with some of its data replaced."""
    documented = {
        "userId": 123,
        "clientId": "CLIENT_001",
        "balance": 1,
        "updatedAt": "2026-02-01T14:30:00.000Z",
    }
    return {"status": "success", "message": "Balance retrieved successfully", "data": {**documented, **data}}


def test_request_is_the_vector() -> None:
    """The vector worked out on the page comes out, in seconds and in the headers."""
    request = wdcf_api().request(client_account(), AT)
    assert request.url == "https://wdcf.xerve.online/api/v1/get-balance?clientId=CLIENT_001"
    assert request.headers == {
        "x-signature": "f2026e7edf9d2b011e91764814d0db900898ad92614981a26f2f80def1a055bf",
        "x-timestamp": "1706802000",
    }


def test_path_prefix_is_signed() -> None:
    """PATH is the path that is requested, whatever the base URL puts before it."""
    base = "https://gateway.example/wallets"
    request = wdcf_api(base).request(client_account(), AT)
    message = "GET/wallets/api/v1/get-balance1706802000clientId=CLIENT_001"
    assert request.signature == hmac_sha256(wdcf_settings().client_secret, message)


def test_id_is_encoded_in_the_url_and_signed_as_it_is() -> None:
    """A client's id goes percent-encoded into the URL and raw into PAYLOAD."""
    odd = "a b/ü&c=+%"
    request = wdcf_api(client_id=odd).request(client_account(odd), AT)
    assert request.url.endswith("?clientId=a%20b%2F%C3%BC%26c%3D%2B%25")
    message = f"GET/api/v1/get-balance1706802000clientId={odd}"
    assert request.signature == hmac_sha256(wdcf_settings().client_secret, message)


def test_balance_is_read_digit_for_digit() -> None:
    """The documented answer: the balance with its digits, all of it available, the time in UTC."""
    text = (
        '{"status": "success", "message": "Balance retrieved successfully", "data": {"userId": 123,'
        ' "clientId": "CLIENT_001", "balance": 1500.50, "updatedAt": "2026-02-01T14:30:00.000Z"}}'
    )
    (balance,) = wdcf_api().parse(client_account(), answer(text))
    assert str(balance.total) == "1500.50"
    assert balance == Balance(
        currency="USD",
        total=Decimal("1500.50"),
        available=Decimal("1500.50"),
        updated_at=datetime(2026, 2, 1, 14, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        pytest.param("2026-02-01T21:30:00+07:00", datetime(2026, 2, 1, 14, 30, tzinfo=UTC), id="offset"),
        pytest.param("2026-02-01T14:30:00Z", datetime(2026, 2, 1, 14, 30, tzinfo=UTC), id="whole-seconds"),
        pytest.param("2026-02-01t14:30:00z", datetime(2026, 2, 1, 14, 30, tzinfo=UTC), id="lower-case"),
        pytest.param(None, None, id="never"),
    ],
)
def test_time_of_last_update(text: str | None, instant: datetime | None) -> None:
    """`updatedAt` is an instant with a zone, or null."""
    (balance,) = wdcf_api().parse(client_account(), answer(body(updatedAt=text)))
    assert balance.updated_at == instant


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("2026-02-01T14:30:00", id="no-zone"),
        pytest.param("2026-02-01T24:30:00Z", id="hour-24"),
        pytest.param("0000-00-00 00:00:00", id="zeros"),
        pytest.param("", id="empty"),
        pytest.param("yesterday", id="unreadable"),
        pytest.param("0001-01-01T00:00:00+23:00", id="before-time"),
        pytest.param(1769956200, id="unix-time"),
        pytest.param({"date": 1}, id="object"),
    ],
)
def test_unreadable_time_keeps_the_balance(value: object) -> None:
    """A good balance counts, whatever stands beside it: only the time is unknown."""
    (balance,) = wdcf_api().parse(client_account(), answer(body(updatedAt=value)))
    assert (balance.total, balance.updated_at) == (Decimal(1), None)


def test_more_fields_are_ignored() -> None:
    """ "Multi-currency support may be added": an answer with more fields is still read."""
    assert len(wdcf_api().parse(client_account(), answer(body(balances={"EUR": "?"})))) == 1


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        pytest.param(
            {"clientId": "CLIENT_002"},
            'data.clientId: expected "CLIENT_001", got a string: "CLIENT_002"',
            id="somebody-else",
        ),
        pytest.param(
            {"clientId": 7}, "data.clientId: expected a string, got the number 7", id="numeric-client-id"
        ),
        pytest.param({"balance": None}, "data.balance: expected a number, got null", id="balance-null"),
        pytest.param(
            {"balance": "1500.50"},
            'data.balance: expected a number, got a string: "1500.50"',
            id="balance-as-text",
        ),
    ],
)
def test_answer_that_breaks_its_promise(data: dict[str, object], detail: str) -> None:
    """What the documentation does not allow is refused, with the path to it."""
    with pytest.raises(BadPayload) as failed:
        wdcf_api().parse(client_account(), answer(body(**data)))
    assert failed.value.detail == detail


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        pytest.param({"status": "success"}, "data: missing", id="no-data"),
        pytest.param(
            {"status": "success", "data": None}, "data: expected an object, got null", id="data-null"
        ),
        pytest.param({"status": "success", "data": {}}, "data.clientId: missing", id="data-empty"),
        pytest.param({"data": {}}, "status: missing", id="no-status"),
        pytest.param([], "expected an object, got an array", id="array"),
    ],
)
def test_document_that_is_no_answer(document: object, detail: str) -> None:
    """A document without what an answer is made of is refused."""
    with pytest.raises(BadPayload) as failed:
        wdcf_api().parse(client_account(), answer(document))
    assert failed.value.detail == detail


VALIDATION = {
    "status": "failed",
    "message": "Validation failed",
    "data": {"errors": {"clientId": ["The clientId field is required."]}},
}


@pytest.mark.parametrize(
    ("status", "document", "kind", "detail"),
    [
        pytest.param(
            400,
            VALIDATION,
            Rejected,
            "HTTP 400: Validation failed: clientId: The clientId field is required.",
            id="validation",
        ),
        pytest.param(
            401,
            {"status": "error", "message": "Invalid signature", "data": None},
            AuthFailed,
            "HTTP 401: Invalid signature",
            id="invalid-signature",
        ),
        pytest.param(
            404,
            {"status": "failed", "message": "User not found", "data": None},
            NotFound,
            "HTTP 404: User not found",
            id="no-such-client",
        ),
        pytest.param(
            500,
            {
                "status": "failed",
                "message": "Failed to get balance",
                "data": {"error": "Database connection failed"},
            },
            Unavailable,
            "HTTP 500: Failed to get balance: Database connection failed",
            id="server-error",
        ),
        pytest.param(
            200,
            {"status": "failed", "message": "Wallet frozen", "data": None},
            Rejected,
            "status failed: Wallet frozen",
            id="failed-in-a-200",
        ),
        pytest.param(
            200,
            {"status": "error", "message": "Invalid signature", "data": None},
            AuthFailed,
            "status error: Invalid signature",
            id="invalid-signature-in-a-200",
        ),
    ],
)
def test_documented_error(status: int, document: object, kind: type[PollFailed], detail: str) -> None:
    """Each documented error is its kind of failure, with the service's own words."""
    with pytest.raises(PollFailed) as failed:
        wdcf_api().parse(client_account(), answer(document, status))
    assert (type(failed.value), failed.value.detail) == (kind, detail)
