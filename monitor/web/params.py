"""What can be asked of the API, in the query of its URLs."""

from collections.abc import Callable, Coroutine, Sequence
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
"""How far a chart may reach back."""

MOST_READINGS = 1000
_FARTHEST_PAGE = 1_000_000
_LONGEST_NAME, _LONGEST_WISH = 1000, 300
"""Characters, of up to twelve bytes each as a URL has them: no more than a request's head may hold."""
_SHOWN = 60  # characters of what somebody wrote, in what is said of it

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def instant(text: object) -> datetime:
    """Return the instant, in UTC, that a text writes as RFC 3339 has it; one beyond the calendar is its first or last.

    Digits beyond the microsecond are left out. Raises ValueError, saying what is accepted."""
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
        description="A series' name, `job/account/currency`, percent-encoded.",
        examples=["nami-spot/spot/USDT"],
        max_length=_LONGEST_NAME,
    ),
]
Page = Annotated[
    int, Field(description="From 1 on; beyond the last one: the last one.", ge=1, le=_FARTHEST_PAGE)
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
    """A query; a parameter that does not exist is a mistake, not nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AskedSeries(QueryParams):
    """Which series, in which order."""

    job: str | None = Field(None, description="Only this job's.", max_length=_LONGEST_WISH)
    standing: SeriesState | None = Field(None, description="Only those that stand so.")
    words: str = Field(
        "",
        description="Only those whose name, labels or alerts' rules hold all of these words.",
        max_length=_LONGEST_WISH,
    )
    order: Order = Field("standing", description="A dash turns it round. What is not known comes last.")
    page: Page = 1


class AskedReadings(QueryParams):
    """Which readings."""

    series: SeriesName
    since: Instant | None = Field(
        None, description="From this instant on.", examples=["2026-02-01T14:30:00Z"]
    )
    before: Instant | None = Field(
        None, description="Earlier than this instant.", examples=["2026-02-02T14:30:00Z"]
    )
    limit: int = Field(100, description="How many at most.", ge=1, le=MOST_READINGS)


class AskedChart(QueryParams):
    """Which picture."""

    series: SeriesName
    span: Span = Field("24h", description="How long a while.")
    field: Amount = Field("available", description="Which amount.")
    until: Instant | None = Field(
        None,
        description="When the while ends, not before 1970; left out: now.",
        examples=["2026-02-01T14:30:00Z"],
    )

    @property
    def ending(self) -> datetime | None:
        """`until`, but never so early that the while would begin before the calendar does."""
        return None if self.until is None else max(self.until, _EPOCH)


class AskedIncidents(QueryParams):
    """Which incidents."""

    state: Literal["all", "pending", "firing", "resolved"] = Field("all", description="Only those in it.")
    rule: str = Field("", description="Only those of rules that this glob fits.", max_length=_LONGEST_WISH)
    since: Instant | None = Field(
        None,
        description="Only those that go on, or ended at this instant or later.",
        examples=["2026-02-01T14:30:00Z"],
    )
    page: Page = 1


# What is said of a query that can't be read


class Route(APIRoute):
    """A route that says in one sentence what is wrong with a query."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI has it, but for the sentence."""
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as exc:
                return JSONResponse({"detail": _explained(exc.errors(), self)}, status_code=422)

        return handler


def _explained(errors: Sequence[Any], route: APIRoute) -> str:
    return "; ".join(f"{_shown(error['loc'][-1])}: {_said(error, route)}" for error in errors)


def _said(error: Any, route: APIRoute) -> str:
    if error["type"] == "extra_forbidden":
        fields = route.dependant.query_params[0].field_info.annotation.model_fields  # type: ignore[union-attr]  # every query here is a model
        return f"there is no such parameter, but {', '.join(fields)}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _shown(written: object) -> str:
    text = str(written)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
