"""Every page, as people with all kinds of eyes and screens get it."""

import pytest
from playwright.async_api import Browser, ViewportSize

from .support import PHONE, THEMES, WIDE, Place, accessible, looking, overflow

PAGES = {
    "overview": "/",
    "overview-filtered-to-nothing": "/?q=nosuchthing",
    "series": "/series?name=nami-spot/spot/USDT",
    "series-of-a-week": "/series?name=clients/CLIENT_003/USD&span=7d",
    "incidents": "/incidents",
    "incident": "/incidents/{incident}",
    "no-page": "/nowhere",
    "no-series": "/series?name=no/such/series",
}
EXPECTED_ERRORS = {"no-page": 404, "no-series": 404}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_is_for_everybody(
    browser: Browser, place: Place, name: str, size: ViewportSize, theme: str
) -> None:
    """By axe-core's rules for what is seen, heard and touched; it fits the screen, and nothing goes wrong on it."""
    path = PAGES[name].format(incident=place.site.look()["alerts"][0]["id"])
    async with looking(browser, place.url, viewport=size, color_scheme=theme) as look:
        await look.to(path)
        assert await accessible(look.page) == ""
        assert await overflow(look.page) <= 0
        status = EXPECTED_ERRORS.get(name)
        allowed = [one for one in look.complaints if status is not None and f"status of {status}" in one]
        assert [one for one in look.complaints if one not in allowed] == []
        assert look.others == []
