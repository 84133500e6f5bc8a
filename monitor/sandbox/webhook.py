"""A receiver for apprise's `json://` notifications, with faults."""

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from monitor.sandbox.faults import Fault
from monitor.sandbox.http import (
    HOST,
    Clock,
    Request,
    Reset,
    Response,
    Server,
    json_response,
    utc_now,
    wrong_request,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A notification that was accepted; `type` is apprise's: info, success, warning or failure. Time in UTC.

    `attachments` are names and contents of files."""

    received_at: datetime
    title: str
    body: str
    type: str
    attachments: tuple[tuple[str, bytes], ...] = ()


class Webhook:
    """An endpoint for `POST /` with apprise's JSON: version, title, message, attachments, type (as of apprise 2.2).

    `messages` holds the accepted ones, in order: their response is 200, although with a fault such as `Fault.hang()`
    or `Fault.drip()` the sender may never receive all of it. `fault` may be set and cleared (None) at
    any time. To have connections refused, `stop()` it; `start()` takes the same port again.
    """

    def __init__(
        self, *, on_message: Callable[[Message], None] | None = None, clock: Clock = utc_now, port: int = 0
    ) -> None:
        self.messages: list[Message] = []
        self.fault: Fault | None = None
        self._on_message = on_message
        self._server = Server(self._handle, clock=clock, port=port)

    @property
    def url(self) -> str:
        """Return the apprise URL of this receiver."""
        return f"json://{HOST}:{self._server.port}/"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        await self._server.start()

    async def stop(self) -> None:
        """Drop every connection at once and stop listening."""
        await self._server.stop()

    def _handle(self, request: Request) -> Response:
        message = _parse(request)
        if isinstance(message, Response):
            return message
        accepted = json_response(200, {"status": "accepted"})
        response = self.fault.change(accepted) if self.fault else accepted
        if response.status == accepted.status and not isinstance(response.sending, Reset):
            self.messages.append(message)
            if self._on_message is not None:
                self._on_message(message)
        return response


def _parse(request: Request) -> Message | Response:
    """Return the notification in a request, or the response to a request that holds none."""
    refusal = wrong_request(request, "POST", "/")
    if refusal is not None:
        return refusal
    try:
        content = json.loads(request.body)
        return Message(
            received_at=request.received_at,
            title=content["title"],
            body=content["message"],
            type=content["type"],
            attachments=tuple(
                (file["filename"], b64decode(file["base64"])) for file in content.get("attachments", ())
            ),
        )
    except (ValueError, KeyError, TypeError):
        return json_response(400, {"status": "expected apprise's JSON: title, message, type"})
