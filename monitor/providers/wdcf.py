"""WDCF: the balances of clients' wallets, one request a client.

Facts are from the service's public documentation as collected in the project's page "WDCF: get balance".
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, model_validator

from monitor.domain.model import Account, Balance
from monitor.errors import AuthFailed, Rejected
from monitor.providers import payload
from monitor.providers.base import BaseUrl, Request, Settings, Wallets, hmac_sha256, unix_time
from monitor.providers.payload import Node
from monitor.providers.response import Response, failure
from monitor.providers.types import Secret

PATH = "/api/v1/get-balance"
CURRENCY = "USD"
"""The default currency, and the only one so far ("Answer")."""


class WdcfSettings(Settings):
    """An integration with the service."""

    tells_updated_at: ClassVar[bool] = True

    type: Literal["wdcf"] = Field(description="Which service this is.")
    base_url: BaseUrl = Field(
        default="https://wdcf.xerve.online", description="Where the service is: http(s)://host[:port][/path]."
    )
    client_secret: Secret = Field(description="The secret that signs requests; it is never sent.")


def _client_id(value: str) -> str:
    if not 1 <= len(value) <= 255 or not value.isprintable():
        raise ValueError("expected a client's id of 1 to 255 printable characters")
    return value


ClientId = Annotated[
    str,
    AfterValidator(_client_id),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 255}),
]
"""At most 255 characters ("Request")."""


def _distinct(clients: list[str]) -> list[str]:
    seen: set[str] = set()
    for client in clients:
        if client in seen:
            raise ValueError(f"{client} is listed more than once")
        seen.add(client)
    return clients


class WdcfWallets(Wallets):
    """The clients whose wallets are watched."""

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
            raise ValueError("needs clients or clients_file")
        return self

    def accounts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """One account a client, each with US dollars."""
        return tuple((client, (CURRENCY,)) for client in self.clients or ())


class WdcfApi:
    """`GET /api/v1/get-balance`. An account's name is its client's id."""

    max_skew: ClassVar[timedelta] = timedelta(minutes=5)
    """Documented under "Signature"."""

    def __init__(self, settings: WdcfSettings, wallets: WdcfWallets) -> None:
        self._settings = settings

    def request(self, account: Account, now: datetime) -> Request:
        """The signed request for a client's balance; the timestamp is in seconds ("Signature").

        Assumed: what is signed holds the client's id as it is, and the URL holds it percent-encoded."""
        url = f"{self._settings.base_url}{PATH}"
        timestamp = str(unix_time(now, timedelta(seconds=1)))
        message = f"GET{urlsplit(url).path}{timestamp}clientId={account.name}"
        signature = hmac_sha256(self._settings.client_secret, message)
        return Request(
            url=f"{url}?clientId={quote(account.name, safe='')}",
            headers={"x-signature": signature, "x-timestamp": timestamp},
            signature=signature,
        )

    def parse(self, account: Account, answer: Response) -> tuple[Balance, ...]:
        """The client's one balance, in US dollars. The service tells no locked part."""
        if answer.status != 200:
            raise failure(answer, _said(payload.glance(answer.body)))
        document = payload.read(answer.body)
        _require_success(document)
        data = document["data"]
        _require_client(data["clientId"], account.name)
        balance = data["balance"].amount()
        updated_at = data[
            "updatedAt"
        ].instant()  # None where it is unreadable: the balance counts all the same
        return (Balance(currency=CURRENCY, total=balance, available=balance, updated_at=updated_at),)


def _require_success(document: Node) -> None:
    """HTTP 200 counts only with `success`: `failed` and `error` are the words of errors ("Errors")."""
    status = document["status"].text()
    if status == "success":
        return
    detail = payload.plain_text(": ".join((f"status {status}", *_words(document))))
    raise AuthFailed(detail) if "invalid signature" in detail.lower() else Rejected(detail)


def _require_client(node: Node, expected: str) -> None:
    if node.text() != expected:
        raise node.unexpected(f"expected {payload.quoted(expected)}")


def _said(document: Node | None) -> str:
    return ": ".join(_words(document))


def _words(document: Node | None) -> Iterable[str]:
    """The message, and the reasons that a 400 or a 500 holds in its data ("Errors")."""
    reasons = [*payload.texts(document, "data", "errors"), *payload.texts(document, "data", "error")]
    return [*payload.texts(document, "message"), *(["; ".join(reasons)] if reasons else [])]
