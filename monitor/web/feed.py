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
"""How many incidents the feed has, the newest ones."""
MEDIA_TYPE = "application/atom+xml"

_NAMESPACE = uuid5(NAMESPACE_URL, "urn:balance-monitor")
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def router(site: Site) -> APIRouter:
    """Return the route `/alerts.atom`."""
    router = APIRouter(
        tags=["feed"], dependencies=SECURITY, responses=BEFORE, generate_unique_id_function=operation_id
    )

    @router.get(
        "/alerts.atom",
        response_class=_Atom,
        responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
    )
    def feed_of_incidents(request: Request) -> Response:
        """Return the newest 50 incidents, current and past, as an Atom feed."""
        fired = [one for one in site.incidents() if one.state != "pending"]
        newest = sorted(fired, key=lambda one: one.changed_at, reverse=True)[:ENTRIES]
        # the guard has checked the host name; a proxy in front reports its scheme
        forwarded = request.headers.get("x-forwarded-proto", request.url.scheme)
        origin = f"{'https' if forwarded == 'https' else 'http'}://{request.headers['host']}"
        written = feed(newest, origin, site.config.store.path, site.live.started_at)
        return reply(request, response(written, f"{MEDIA_TYPE}; charset=utf-8"))

    return router


class _Atom(Response):
    media_type = MEDIA_TYPE


def feed(incidents: Iterable[Incident], origin: str, store: Path, started_at: datetime) -> bytes:
    """Return an Atom feed of incidents.

    The ids of the feed and its entries depend on the store and the incidents only; links begin with `origin`. A feed
    without incidents is as old as the daemon, which started at `started_at`."""
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
    word = Severity(one.severity).word.upper() if one.state != RESOLVED else "RESOLVED"
    _add(entry, "title", f"{word} {one.rule}: {one.subject}", type="text")
    _add(entry, "updated", rfc3339(one.changed_at))
    _add(entry, "published", rfc3339(one.began))
    _add(
        entry, "link", rel="alternate", type="text/html", href=f"{origin}/incidents/{quote(one.id, safe='')}"
    )
    for term in (one.state, Severity(one.severity).word):
        _add(entry, "category", term=term)
    _add(entry, "summary", "\n".join(_sentences(one)), type="text")
    return entry


def _sentences(one: Incident) -> Iterator[str]:
    yield one.reason
    yield f"Since {moment(one.since)}."
    if one.state == RESOLVED:
        yield "End unknown." if one.ended_at is None else f"Ended {moment(one.ended_at)}."
    if one.flapping:
        yield "Flapping."
    if one.muted:
        yield f"Muted: {one.muted}."
    if one.ack is not None:
        yield f"Acknowledged by {one.ack.by}, {moment(one.ack.at)}: {one.ack.reason}"
    yield f"Incident {one.id}, {one.messages} messages."


def _add(parent: Element, name: str, text: str | None = None, **attributes: str) -> None:
    valid = {key: _valid(value) for key, value in attributes.items()}
    SubElement(parent, name, valid).text = None if text is None else _valid(text)


def _valid(text: str) -> str:
    """Replace the characters that XML does not allow, not even escaped."""
    return _NOT_IN_XML.sub("\ufffd", text)


def _urn(name: str) -> str:
    return uuid5(_NAMESPACE, name).urn
