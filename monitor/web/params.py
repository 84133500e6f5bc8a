"""The query parameters of the API, and the message about an invalid one."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from monitor.domain.model import Field as Amount
from monitor.domain.time import parse_instant
from monitor.web.view import SeriesState

SPANS = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
"""The time ranges of a chart."""

MOST_READINGS = 1000
_FARTHEST_PAGE = 1_000_000
_LONGEST_NAME, _LONGEST_FILTER = 1000, 300
"""Characters, of up to twelve bytes each in a URL: that much fits into the head of a request."""
_SHOWN = 60  # characters of a parameter's name in a message, at most

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def instant(text: object) -> datetime:
    """Return the instant, in UTC, of an RFC 3339 text. One beyond the calendar becomes the first or last instant of it.

    Digits beyond the microsecond are dropped. Raises ValueError with the accepted form."""
    given = text if isinstance(text, str) else ""
    try:
        return parse_instant(given)
    except OverflowError:
        return _FIRST if given.startswith("000") else _LAST
    except ValueError as exc:
        raise ValueError(
            "expected an instant such as 2026-02-01T14:30:00Z (a + in a URL is written %2B)"
        ) from exc


Instant = Annotated[datetime, BeforeValidator(instant)]
SeriesName = Annotated[
    str,
    Field(
        description="The name of a series: `job/account/currency`, percent-encoded.",
        examples=["nami-spot/spot/USDT"],
        max_length=_LONGEST_NAME,
    ),
]
Page = Annotated[
    int,
    Field(
        description="From 1. A number beyond the last page returns the last page.", ge=1, le=_FARTHEST_PAGE
    ),
]


Order = Literal[
    "standing",
    "-standing",
    "name",
    "-name",
    "balance",
    "-balance",
    "1h",
    "-1h",
    "24h",
    "-24h",
    "age",
    "-age",
]
Span = Literal["1h", "24h", "7d", "30d"]


class QueryParams(BaseModel):
    """The parameters of a query. An unknown one is an error, so that a misspelt filter never returns everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SeriesParams(QueryParams):
    """The parameters of `/series`."""

    job: str | None = Field(None, description="Only series of this job.", max_length=_LONGEST_FILTER)
    standing: SeriesState | None = Field(None, description="Only series in this state.")
    words: str = Field(
        "",
        description="Only series whose name, labels, or pending or firing rules contain all of these words.",
        max_length=_LONGEST_FILTER,
    )
    order: Order = Field("standing", description="A leading dash reverses it. Unknown values come last.")
    page: Page = 1


class ReadingsParams(QueryParams):
    """The parameters of `/readings`."""

    series: SeriesName
    since: Instant | None = Field(
        None, description="At this instant or later.", examples=["2026-02-01T14:30:00Z"]
    )
    before: Instant | None = Field(
        None, description="Before this instant.", examples=["2026-02-02T14:30:00Z"]
    )
    limit: int = Field(100, description="The number of readings, at most.", ge=1, le=MOST_READINGS)


class ChartParams(QueryParams):
    """The parameters of `/chart`."""

    series: SeriesName
    span: Span = Field("24h", description="The length of the time range.")
    field: Amount = Field("available", description="The amount to draw.")
    until: Instant | None = Field(
        None,
        description="The end of the time range, not before 1970. The default is now.",
        examples=["2026-02-01T14:30:00Z"],
    )

    @property
    def ending(self) -> datetime | None:
        """Return `until`, but not before 1970: the time range would begin before the calendar."""
        return None if self.until is None else max(self.until, _EPOCH)


class IncidentsParams(QueryParams):
    """The parameters of `/incidents`."""

    state: Literal["all", "pending", "firing", "resolved"] = Field(
        "all", description="Only incidents in this state."
    )
    rule: str = Field(
        "", description="Only incidents of rules that this glob matches.", max_length=_LONGEST_FILTER
    )
    since: Instant | None = Field(
        None,
        description="Only incidents that are ongoing, or ended at this instant or later.",
        examples=["2026-02-01T14:30:00Z"],
    )
    page: Page = 1


# Messages about invalid queries


class Route(APIRoute):
    """A route that answers an invalid query with one sentence, instead of the list of errors of FastAPI."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of FastAPI, with the sentence."""
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as exc:
                detail = "; ".join(_message(error, self) for error in exc.errors())
                return JSONResponse({"detail": detail}, status_code=422)

        return handler


def _message(error: Any, route: APIRoute) -> str:
    name = str(error["loc"][-1])
    if len(name) > _SHOWN:
        name = f"{name[:_SHOWN]}…"
    if error["type"] == "extra_forbidden":
        fields = route.dependant.query_params[0].field_info.annotation.model_fields  # type: ignore[union-attr]  # every query here is a model
        return f"{name}: unknown parameter; expected one of {', '.join(fields)}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{name}: {message[:1].lower()}{message[1:]}"
