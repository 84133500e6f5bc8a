"""The feed: `/alerts.atom`, incidents as Atom (RFC 4287)."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement, tostring

from fastapi import APIRouter, Request, Response

from monitor import __version__
from monitor.domain.model import Severity
from monitor.domain.time import moment, rfc3339
from monitor.store.read.incidents import RESOLVED, Incident
from monitor.web.api import BEFORE, SECURITY, operation_id
from monitor.web.queries import Site
from monitor.web.responses import reply, response

ENTRIES = 50
"""The newest incidents."""
MEDIA_TYPE = "application/atom+xml"

_NAMESPACE = uuid5(NAMESPACE_URL, "urn:balance-monitor")
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def router(site: Site) -> APIRouter:
    """`/alerts.atom`."""
    router = APIRouter(
        tags=["feed"], dependencies=SECURITY, responses=BEFORE, generate_unique_id_function=operation_id
    )

    @router.get(
        "/alerts.atom",
        response_class=_Atom,
        responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
    )
    def feed_of_incidents(request: Request) -> Response:
        """The newest 50 incidents, current and past, as an Atom feed."""
        fired = [one for one in site.incidents() if one.state != "pending"]
        newest = sorted(fired, key=lambda one: one.changed_at, reverse=True)[:ENTRIES]
        written = feed(newest, _origin(request), site.config.store.path, site.live.started_at)
        return reply(request, response(written, f"{MEDIA_TYPE}; charset=utf-8"))

    return router


class _Atom(Response):
    media_type = MEDIA_TYPE


def feed(incidents: Iterable[Incident], origin: str, store: Path, started_at: datetime) -> bytes:
    """The feed. It is told from those of other stores by its id, and entries by theirs, wherever they are served;
    `origin` is only where links lead. While there is no incident it is as old as the daemon."""
    incidents = list(incidents)
    updated = max((one.changed_at for one in incidents), default=started_at)
    root = Element("feed", xmlns="http://www.w3.org/2005/Atom")
    _add(root, "id", _urn(f"feed {store}"))
    _add(root, "title", "Balance monitor: incidents")
    _add(root, "updated", rfc3339(updated))
    _add(SubElement(root, "author"), "name", "Balance monitor")
    _add(root, "generator", "balance-monitor", version=__version__)
    _add(root, "link", rel="self", type=MEDIA_TYPE, href=f"{origin}/alerts.atom")
    _add(root, "link", rel="alternate", type="text/html", href=f"{origin}/")
    root.extend(_entry(one, origin) for one in incidents)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _entry(one: Incident, origin: str) -> Element:
    entry = Element("entry")
    _add(entry, "id", _urn(f"incident {one.id}"))
    _add(entry, "title", _title(one), type="text")
    _add(entry, "updated", rfc3339(one.changed_at))
    _add(entry, "published", rfc3339(one.began))
    _add(
        entry, "link", rel="alternate", type="text/html", href=f"{origin}/incidents/{quote(one.id, safe='')}"
    )
    for term in (one.state, Severity(one.severity).word):
        _add(entry, "category", term=term)
    _add(entry, "summary", "\n".join(_sentences(one)), type="text")
    return entry


def _title(one: Incident) -> str:
    word = Severity(one.severity).word.upper() if one.state != RESOLVED else "RESOLVED"
    return f"{word} {one.rule}: {one.subject}"


def _sentences(one: Incident) -> Iterator[str]:
    yield one.reason
    yield f"Since {moment(one.since)}."
    if one.state == RESOLVED:
        yield "Its end is not known." if one.ended_at is None else f"Ended {moment(one.ended_at)}."
    if one.flapping:
        yield "It keeps coming and going."
    if one.muted:
        yield f"Muted: {one.muted}."
    if one.ack is not None:
        yield f"Acknowledged by {one.ack.by}, {moment(one.ack.at)}: {one.ack.reason}"
    yield f"Incident {one.id}, {one.messages} messages."


def _add(parent: Element, name: str, text: str | None = None, **attributes: str) -> None:
    held = {key: _held(value) for key, value in attributes.items()}
    SubElement(parent, name, held).text = None if text is None else _held(text)


def _held(text: str) -> str:
    """A text without the characters that XML cannot hold, not even escaped."""
    return _NOT_IN_XML.sub("\ufffd", text)


def _urn(name: str) -> str:
    return uuid5(_NAMESPACE, name).urn


def _origin(request: Request) -> str:
    """Where links lead: where this was asked for, by the name under which it was. The guard knows that name."""
    scheme = "https" if request.headers.get("x-forwarded-proto", request.url.scheme) == "https" else "http"
    return f"{scheme}://{request.headers['host']}"
