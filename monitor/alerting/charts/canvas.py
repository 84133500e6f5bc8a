"""Draw a chart by matplotlib. Only this module imports it, and only the drawing process imports this module.

Amounts become floats here, for the line alone: text in the image has the exact digits.
"""

import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from math import nan

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.patheffects import withStroke
from matplotlib.text import Text

from monitor.domain.charts import ChartSpec, Line
from monitor.domain.money import grouped
from monitor.domain.scale import drawable, ticks, widened
from monitor.store.read.readings import Curve, Point

WIDTH, HEIGHT, DPI = 800, 400, 100  # pixels, and pixels per inch, which is matplotlib's unit

SHORTEST = timedelta(minutes=10)
"""The shortest time that a chart shows, even if the series has been read for a minute only."""

PAPER, INK, FAINT, LINE = "#ffffff", "#1f2933", "#5f6b7a", "#1d5fbf"
GAP = "#e3e7ec"
SEVERITIES = {"info": "#1d7fa8", "warning": "#b36b00", "critical": "#c62828", "": "#2e7d32"}
"""Colours of lines and bands by severity; "": the line at which an alert resolves."""

_TICKS = 5  # amounts beside the axis, about
_LONGEST = 90  # characters of a name or an amount; longer ones are cut in the middle
_SMALLEST = 7.0  # points; a text that would need to be smaller is cut
_FONTS = (
    "DejaVu Sans",  # part of matplotlib: Latin, Greek, Cyrillic, Arabic and more
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Zen Hei",
    "Noto Sans Thai",
    "Noto Sans Devanagari",
)


def draw(chart: ChartSpec, curve: Curve) -> bytes:
    """Draw a chart, and return it as PNG. Without readings it shows gaps only."""
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        known = set(fontManager.get_font_names())
        mpl.rc("font", family=[name for name in _FONTS if name in known])
        mpl.rc(
            "text", color=INK, parse_math=False, usetex=False
        )  # a client may be called $x$, which is no formula
        mpl.rc("axes", edgecolor=GAP, linewidth=1.0)
        mpl.rc("xtick", color=FAINT)
        mpl.rc("ytick", color=FAINT)
        # a name in a script that no font here has is drawn as boxes: no reason to fail
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        out = BytesIO()
        _figure(chart, curve).savefig(
            out, format="png", dpi=DPI, facecolor=PAPER, metadata={"Software": None}
        )
        return out.getvalue()


def beginning(chart: ChartSpec, curve: Curve) -> datetime:
    """Return where the chart begins: a day ago, or at the first reading ever if that is later."""
    first = curve.points[0].at if curve.points else chart.since
    was_read_before = any(begin < chart.since for begin, _ in curve.gaps)
    if was_read_before or first - chart.since <= chart.gap_after:
        return chart.since
    return min(first, chart.until - SHORTEST)


def _figure(chart: ChartSpec, curve: Curve) -> Figure:
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(rect=(0.005, 0.01, 0.985, 0.83))  # type: ignore[union-attr,call-arg]  # its stubs know no layout engine that was chosen
    axes = figure.add_subplot()
    _mark_times(axes, chart, curve)
    _mark_lines(axes, chart.lines)
    _trace(axes, chart, curve)
    _scale(axes, chart, curve)
    _head(figure, chart, curve)
    _label_lines(axes, chart.lines)
    _label_newest(figure, axes, curve.points)
    return figure


# Drawing, from the back to the front


def _mark_times(axes: Axes, chart: ChartSpec, curve: Curve) -> None:
    """Draw the gaps and the time of the incident."""
    for begin, end in _unknown(chart, curve):
        axes.axvspan(_x(begin), _x(end), facecolor=GAP, alpha=0.7, hatch="///", edgecolor=PAPER, linewidth=0)
    begin, end = max(chart.fired_since, chart.since), chart.over_at or chart.until
    colour = SEVERITIES[chart.severity]
    axes.axvspan(_x(begin), _x(end), facecolor=colour, alpha=0.16, edgecolor="none")
    axes.axvline(_x(begin), color=colour, alpha=0.6, linewidth=1)


def _mark_lines(axes: Axes, lines: Sequence[Line]) -> None:
    for line in lines:
        style = "--" if line.severity else ":"
        axes.axhline(drawable(line.amount), color=SEVERITIES[line.severity], linestyle=style, linewidth=1.8)


def _trace(axes: Axes, chart: ChartSpec, curve: Curve) -> None:
    """Draw the balance as steps, interrupted by gaps: it holds until another one is read."""
    xs: list[float] = []
    ys: list[float] = []
    gaps = deque(curve.gaps)
    for point in curve.points:
        while gaps and gaps[0][1] <= point.at:
            begin, _ = gaps.popleft()
            if xs:  # the reading beside the gap may have been thinned away: the line goes up to the gap
                xs += [max(xs[-1], _x(begin))] * 2
                ys += [ys[-1], nan]
        xs.append(_x(point.at))
        ys.append(drawable(point.amount))
    if not xs:
        return
    if chart.until - curve.points[-1].at <= chart.gap_after:
        xs, ys = [*xs, _x(chart.until)], [*ys, ys[-1]]
    axes.plot(xs, ys, color=LINE, linewidth=2.4, drawstyle="steps-post", solid_joinstyle="round")
    newest = curve.points[-1]
    axes.plot(
        [_x(newest.at)], [drawable(newest.amount)], "o", color=LINE, markersize=8, clip_on=False, zorder=5
    )


def _scale(axes: Axes, chart: ChartSpec, curve: Curve) -> None:
    axes.set_xlim(_x(beginning(chart, curve)), _x(chart.until))
    axes.margins(y=0.18)
    locator = AutoDateLocator(tz=UTC, minticks=3, maxticks=7)  # type: ignore[no-untyped-call]  # matplotlib does not type it
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(
        ConciseDateFormatter(  # type: ignore[no-untyped-call]  # matplotlib does not type it
            locator,
            tz=UTC,
            zero_formats=["", "%Y", "%b", "%d %b", "%H:%M", "%H:%M"],
            offset_formats=["", "%Y", "%b %Y", *["%d %b %Y UTC"] * 3],
        )
    )
    low, high = widened(*axes.get_ylim())
    axes.set_ylim(low, high)
    amounts = ticks(low, high, _TICKS)
    axes.set_yticks([at for at, _ in amounts], [label for _, label in amounts])
    axes.grid(axis="y", color=GAP, linewidth=1)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=13)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)


# Text


def _head(figure: Figure, chart: ChartSpec, curve: Curve) -> None:
    """Write the series, and below it the event and the time of the newest reading."""
    name = figure.text(0.02, 0.975, _shown(chart.series), fontsize=18, fontweight="bold", va="top")
    _fit(name, 18, WIDTH * 0.96)
    read = f", read {curve.points[-1].at.astimezone(UTC):%d %b %H:%M:%S} UTC" if curve.points else ""
    event = figure.text(0.02, 0.885, f"{_shown(chart.title)}: {chart.field}{read}", fontsize=14, va="top")
    event.set_color(INK if chart.over_at else SEVERITIES[chart.severity])
    _fit(event, 14, WIDTH * 0.96)


def _label_lines(axes: Axes, lines: Sequence[Line]) -> None:
    for number, line in enumerate(lines):
        text = axes.text(
            0.008 + 0.26 * (number % 3),  # side by side: the lines of two may be a pixel apart
            drawable(line.amount),
            _shown(line.label),
            transform=axes.get_yaxis_transform(),
            color=SEVERITIES[line.severity],
            fontsize=13,
            va="bottom",
        )
        _outline(text)
        _fit(text, 13, WIDTH * 0.22)


def _label_newest(figure: Figure, axes: Axes, points: Sequence[Point]) -> None:
    """Write the newest amount beside its dot, with all digits if there is room."""
    if not points:
        return
    newest = points[-1]
    bottom, top = axes.get_ylim()
    is_high = drawable(newest.amount) > (bottom + top) / 2
    text = axes.annotate(
        _shown(grouped(Decimal(newest.amount))),
        (_x(newest.at), drawable(newest.amount)),
        xytext=(-6, -10 if is_high else 10),
        textcoords="offset points",
        ha="right",
        va="top" if is_high else "bottom",
        fontsize=17,
        fontweight="bold",
        zorder=6,
    )
    _outline(text)
    text.set_in_layout(False)
    _fit(text, 17, WIDTH * 0.6)
    figure.draw_without_rendering()
    if text.get_window_extent().x0 < axes.bbox.x0:  # the dot is far on the left: the last reading is old
        text.set_horizontalalignment("left")


def _outline(text: Text) -> None:
    """Outline a text, so that it is readable over lines and bands."""
    text.set_path_effects([withStroke(linewidth=4, foreground=PAPER)])


def _fit(text: Text, size: float, pixels: float) -> None:
    """Shrink a text until it fits, and cut it if that is not enough."""
    while text.get_window_extent().width > pixels and size > _SMALLEST:
        size -= 1
        text.set_fontsize(size)
    while text.get_window_extent().width > pixels:
        text.set_text(_without_middle(text.get_text(), len(text.get_text()) - 5))


def _shown(text: str) -> str:
    """Return a text on one line, without unprintable characters."""
    flat = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return _without_middle(flat, _LONGEST)


def _without_middle(text: str, length: int) -> str:
    half = (length - 1) // 2
    return text if len(text) <= length else f"{text[:half]}…{text[-half:]}"


# Positions


def _unknown(chart: ChartSpec, curve: Curve) -> Iterator[tuple[datetime, datetime]]:
    """Yield the gaps, including the time since the last reading if it is one."""
    for begin, end in curve.gaps:
        yield max(begin, chart.since), end
    if curve.points and chart.until - curve.points[-1].at > chart.gap_after:
        yield curve.points[-1].at, chart.until


def _x(at: datetime) -> float:
    return float(date2num(at))  # type: ignore[no-untyped-call]  # matplotlib does not type it
