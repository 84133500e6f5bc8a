"""WDCF: the balances of clients' wallets, one request a client.

Facts are from the service's public documentation as collected in the project's page "WDCF: get balance".
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal, Self
from unicodedata import category
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, model_validator

from monitor.domain.model import Account, Balance
from monitor.errors import AuthFailed, Rejected
from monitor.providers import payload
from monitor.providers.base import (
    BaseUrl,
    Check,
    Entry,
    ListFile,
    Provider,
    Request,
    Secret,
    Settings,
    Wallets,
    hmac_sha256,
    unix_time,
)
from monitor.providers.payload import Node
from monitor.providers.response import Response, failure

PATH = "/api/v1/get-balance"
CURRENCY = "USD"
"""The default currency, and the only one so far ("Answer")."""
LONGEST_ID = 255
"""The most characters that a client's id may have ("Request")."""


class WdcfSettings(Settings):
    """The secret of an integration with the service."""

    reports_updated_at: ClassVar[bool] = True

    type: Literal["wdcf"] = Field(description="The type of the service.")
    base_url: BaseUrl = Field(
        default="https://wdcf.xerve.online",
        description="The address of the service: http(s)://host[:port][/path].",
    )
    client_secret: Secret = Field(description="The secret that signs requests; it is never sent.")


def _client_id(value: str) -> str:
    if not 1 <= len(value) <= LONGEST_ID or not value.isprintable():
        raise ValueError(f"expected a client's id of 1 to {LONGEST_ID} printable characters")
    return value


ClientId = Annotated[
    str,
    AfterValidator(_client_id),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": LONGEST_ID}),
]


def _distinct(clients: list[str]) -> list[str]:
    seen: set[str] = set()
    for client in clients:
        if client in seen:
            raise ValueError(f"{client} is listed more than once")
        seen.add(client)
    return clients


def _check_clients(entries: Sequence[Entry]) -> Iterator[tuple[int, str]]:
    first: dict[str, int] = {}
    for index, (_, client, line) in enumerate(entries):
        if client in first:
            yield index, f"is here twice, first in line {first[client]}"
        elif not client:
            yield index, "is empty"
        elif len(client) > LONGEST_ID:
            yield index, f"a client's id has at most {LONGEST_ID} characters, this has {len(client)}"
        elif any(category(character) == "Cc" for character in client):
            yield index, "a client's id can't hold control characters"
        first.setdefault(client, line)


class WdcfWallets(Wallets):
    """The clients whose wallets are watched."""

    forms: ClassVar[Mapping[str, str]] = {"clients": "[CLIENT_001]"}
    checks: ClassVar[Mapping[str, Check]] = {"clients": _check_clients}
    list_file: ClassVar[ListFile | None] = ListFile(key="clients_file", list_key="clients", item="client")

    clients: Annotated[list[ClientId], Field(min_length=1), AfterValidator(_distinct)] | None = Field(
        default=None, description="The ids of the clients whose wallets are watched."
    )
    clients_file: Annotated[str, StringConstraints(min_length=1)] | None = Field(
        default=None,
        description="A file with one client's id a line, read at the start and on reload; relative to the "
        "configuration file.",
    )

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.clients is None and self.clients_file is None:
            raise ValueError("either `clients` or `clients_file` is required")
        return self

    def accounts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return one account a client, each with US dollars."""
        return tuple((client, (CURRENCY,)) for client in self.clients or ())


class WdcfApi:
    """`GET /api/v1/get-balance`. An account's name is its client's id."""

    max_skew: ClassVar[timedelta] = timedelta(minutes=5)
    """As documented ("Signature")."""

    def __init__(self, settings: WdcfSettings, wallets: WdcfWallets) -> None:
        self._settings = settings

    def request(self, account: Account, now: datetime) -> Request:
        """Return the signed request for a client's balance; the timestamp is in seconds ("Signature").

        Assumed: the signed text holds the client's id as it is, and the URL holds it percent-encoded."""
        url = f"{self._settings.base_url}{PATH}"
        timestamp = str(unix_time(now, timedelta(seconds=1)))
        message = f"GET{urlsplit(url).path}{timestamp}clientId={account.name}"
        signature = hmac_sha256(self._settings.client_secret, message)
        return Request(
            url=f"{url}?clientId={quote(account.name, safe='')}",
            headers={"x-signature": signature, "x-timestamp": timestamp},
            signature=signature,
        )

    def parse(self, account: Account, response: Response) -> tuple[Balance, ...]:
        """Return the client's one balance, in US dollars. The provider reports no locked part."""
        if response.status != 200:
            raise failure(response, ": ".join(_messages(payload.read_error(response.body))))
        document = payload.read(response.body)
        _require_success(document)
        data = document["data"]
        # Another client's balance must never be recorded as this one's, whatever the cause of the mix-up.
        if (client := data["clientId"]).text() != account.name:
            raise client.unexpected(f"expected {payload.quoted(account.name)}")
        balance = data["balance"].amount()
        updated_at = data[
            "updatedAt"
        ].instant()  # None if it is not valid: the balance is recorded nevertheless
        return (Balance(currency=CURRENCY, total=balance, available=balance, updated_at=updated_at),)


def _require_success(document: Node) -> None:
    """Raise if HTTP 200 has another status than `success`: errors have `failed` or `error` ("Errors")."""
    status = document["status"].text()
    if status == "success":
        return
    detail = payload.plain_text(": ".join((f"status {status}", *_messages(document))))
    raise AuthFailed(detail) if "invalid signature" in detail.lower() else Rejected(detail)


def _messages(document: Node | None) -> list[str]:
    """Return an error's message, and the reasons in its data ("Errors")."""
    reasons = [*payload.texts(document, "data", "errors"), *payload.texts(document, "data", "error")]
    return [*payload.texts(document, "message"), *(["; ".join(reasons)] if reasons else [])]


PROVIDER = Provider("wdcf", WdcfSettings, WdcfWallets, WdcfApi)
