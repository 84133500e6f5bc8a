"""What a picture shows, by its pixels: no picture is compared with a golden one, for fonts differ."""

import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from matplotlib import rcParams
from matplotlib.image import imread

from monitor.alerting.charts import canvas
from monitor.alerting.charts.canvas import GAP, HEIGHT, INK, LINE, PAPER, SEVERITIES, WIDTH, draw
from monitor.domain.charts import ChartSpec, Line
from monitor.store.read.readings import Curve, Point

NOW = datetime(2026, 11, 21, 2, 40, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CHART = ChartSpec(
    series="nami-spot/spot/USDT",
    field="available",
    title="CRITICAL usdt-low",
    severity="critical",
    until=NOW,
    gap_after=timedelta(minutes=15),
    fired_since=NOW - timedelta(hours=2),
    lines=(Line(amount="1000", label="limit 1000", severity="critical"),),
)


def _curve(*amounts: str, step: timedelta = 10 * MINUTE, until: datetime = NOW) -> Curve:
    """Readings some minutes apart, the last one at `until`."""
    first = until - (len(amounts) - 1) * step
    points = tuple(Point(at=first + number * step, amount=amount) for number, amount in enumerate(amounts))
    return Curve(points=points, gaps=(), readings=len(points))


DAY = _curve(*(["1500"] * 145))


def _pixels(png: bytes) -> Any:
    """Rows of pixels, each its red, green and blue from 0 to 255, as an array of numpy's."""
    return imread(BytesIO(png), format="png")[:, :, :3] * 255


def _are(pixels: Any, colour: str, tolerance: int = 40) -> Any:
    """For each pixel whether it has a colour, nearly."""
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return (abs(pixels - wanted) <= tolerance).all(axis=-1)


def _width(pixels: Any, colour: str, tolerance: int = 40) -> int:
    """In how many columns a colour is to be seen, below the heading."""
    return int(_are(pixels[70:], colour, tolerance).any(axis=0).sum())


def _longest_row(pixels: Any, colour: str) -> int:
    """The most pixels of a colour that any row has, below the heading."""
    return int(_are(pixels[70:], colour).sum(axis=1).max())


def test_it_is_a_png_of_the_promised_size() -> None:
    """Small enough for any service: some ten kilobytes."""
    png = draw(CHART, DAY)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", png[16:24]) == (WIDTH, HEIGHT)
    assert len(png) < 100_000
    assert _are(_pixels(png)[2, 2], PAPER, 0)


def test_the_line_goes_from_edge_to_edge() -> None:
    """A day of readings fills the picture."""
    assert _width(_pixels(draw(CHART, DAY)), LINE) > 0.8 * WIDTH


def test_the_limit_is_drawn_in() -> None:
    """All across, and only where there is one."""
    red = SEVERITIES["critical"]
    assert _longest_row(_pixels(draw(CHART, DAY)), red) > 0.4 * WIDTH
    assert _longest_row(_pixels(draw(replace(CHART, lines=()), DAY)), red) < 0.1 * WIDTH


def test_the_limit_is_drawn_in_far_from_the_readings() -> None:
    """It is in the picture wherever the balance is."""
    far = replace(CHART, lines=(Line(amount="90000", label="limit 90000", severity="critical"),))
    assert _longest_row(_pixels(draw(far, DAY)), SEVERITIES["critical"]) > 0.4 * WIDTH


def test_a_gap_is_a_gap() -> None:
    """Nothing is drawn where nothing is known, least of all a line to zero."""
    before, after = NOW - timedelta(hours=16), NOW - timedelta(hours=8)
    points = tuple(point for point in DAY.points if not before < point.at < after)
    gap = Curve(points=points, gaps=((before, after),), readings=len(points))
    pixels = _pixels(draw(CHART, gap))
    assert 0.5 * WIDTH < _width(pixels, LINE) < 0.7 * WIDTH
    assert _are(pixels[200], GAP, 8).any()
    assert not _are(pixels[-70:], LINE).any()


def test_a_gap_shorter_than_a_slice_is_one_as_well() -> None:
    """The readings right beside it may have been thinned away; the line is not drawn over it all the same."""
    begin, end = NOW - timedelta(hours=12, minutes=9), NOW - timedelta(hours=10, minutes=1)
    points = tuple(point for point in DAY.points if not begin - 30 * MINUTE < point.at < end + 30 * MINUTE)
    gap = Curve(points=points, gaps=((begin, end),), readings=len(points))
    shown = _are(_pixels(draw(CHART, gap))[70:], LINE).any(axis=0)
    hidden = [x for x in range(100, WIDTH - 60) if not shown[x]]
    assert 0.07 * WIDTH < len(hidden) < 0.15 * WIDTH


def test_readings_that_stopped_leave_the_rest_unknown() -> None:
    """The line ends with the last of them."""
    stopped = _curve(*(["1500"] * 73), until=NOW - timedelta(hours=12))
    assert 0.35 * WIDTH < _width(_pixels(draw(CHART, stopped)), LINE) < 0.55 * WIDTH


def test_the_incident_is_a_band_until_it_is_over() -> None:
    """From its first breaching reading on."""
    on = _pixels(draw(replace(CHART, lines=()), DAY))
    over = _pixels(draw(replace(CHART, lines=(), over_at=NOW - timedelta(hours=1)), DAY))
    tint = "#f6dddd"
    assert _width(on, tint, 8) > _width(over, tint, 8) > 10


def test_a_series_read_since_lately_is_not_squeezed_into_a_corner() -> None:
    """The picture begins with its first reading."""
    assert _width(_pixels(draw(CHART, _curve("5", "9", "7", step=30 * MINUTE))), LINE) > 0.8 * WIDTH


@pytest.mark.parametrize(
    "name",
    [
        "clients/$x_{1}$/USD",
        r"clients/\frac{1}{$/USD",
        "clients/<script>alert(1)</script>/USD",
        "clients/" + "W" * 5000 + "/USD",
        "clients/客户 ไทย العربية नमस्ते 😀/USD",
        "clients/\n\t\x00\x1b[31m\u202e\ud800/USD",
        "",
    ],
    ids=["mathtext", "broken-mathtext", "markup", "long", "scripts", "control-characters", "empty"],
)
def test_a_name_is_a_name(name: str) -> None:
    """Whatever a client is called, there is a picture, no warning, and nothing of it is markup."""
    hostile = replace(CHART, series=name, title=name, lines=(Line(amount="1", label=name, severity="info"),))
    pixels = _pixels(draw(hostile, DAY))
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert not _are(pixels[:, -8:], INK).any()


@pytest.mark.parametrize(
    "amounts",
    [
        pytest.param(("0",), id="zero"),
        pytest.param(("-5", "5"), id="negative"),
        pytest.param(("0.000000000000000001", "0.000000000000000002"), id="tiny"),
        pytest.param(("26058942.333333325", "26058942.333333326"), id="differ-beyond-a-float"),
        pytest.param(("1" + "0" * 9999, "-1" + "0" * 9999), id="beyond-any-float"),
        pytest.param(("0." + "1" * 9999,), id="many-places"),
    ],
)
def test_any_amount_can_be_drawn(amounts: tuple[str, ...]) -> None:
    """Also those that no float holds."""
    assert draw(CHART, _curve(*amounts)).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("amounts", "wanted"),
    [
        pytest.param(("999999999.5", "1000000000.5"), "1,000,000,000.0", id="a billion, give or take a half"),
        pytest.param(("0.000000001", "0.000000002"), "0.0000000015", id="tiny"),
        pytest.param(("26058942.333333325", "26058942.333333326"), "26,000,000", id="one to a float"),
        pytest.param(("1" + "0" * 29, "2" + "0" * 29), "1.5e+29", id="thirty digits"),
    ],
)
def test_amounts_beside_a_chart_are_true(amounts: tuple[str, str], wanted: str) -> None:
    """Different ticks have different labels, whole ones, and there is room for them."""
    figure = canvas._figure(replace(CHART, lines=()), _curve(*amounts))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    texts = [label for label in axes.get_yticklabels() if label.get_text()]
    labels = [label.get_text() for label in texts]
    assert any(label.startswith(wanted) for label in labels)
    assert len(set(labels)) == len(labels) >= 2
    assert all(label.get_window_extent().x0 >= 0 for label in texts)


def test_nothing_read_is_drawn_as_nothing_known() -> None:
    """No line at all."""
    nothing = Curve(points=(), gaps=((CHART.since - MINUTE, NOW),), readings=0)
    assert _width(_pixels(draw(CHART, nothing)), LINE) == 0


def test_settings_of_the_machine_do_not_matter() -> None:
    """A matplotlibrc of somebody's is neither used nor changed."""
    rcParams["font.size"] = 3.0
    try:
        small = draw(CHART, DAY)
        assert rcParams["font.size"] == 3.0
    finally:
        rcParams["font.size"] = 10.0
    assert small == draw(CHART, DAY)
