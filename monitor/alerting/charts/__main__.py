"""The drawing process: read a chart's specification from stdin and its readings from the store, write a PNG to stdout.

It is started without secrets. Exit codes: 0 drawn, or nothing to draw (no output); 1 failed, with the reason as output;
3 matplotlib is not installed.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from monitor.domain.charts import ChartSpec
from monitor.store.read.readings import Curve, curve

LONGEST = 60
"""Seconds after which the process ends itself, in case the daemon was killed and cannot."""
SLICES = 360
"""The image is some 700 pixels wide: two for each slice, which keeps its lowest and its highest amount."""
NOT_INSTALLED = 3


def main() -> int:
    """Draw the chart that stdin specifies, and return the exit code.

    An empty request only fills the caches, above all matplotlib's list of fonts."""
    signal.alarm(LONGEST)
    with suppress(OSError):  # systemd's unit forbids it, and limits the daemon as a whole
        os.nice(5)
    try:
        import monitor.alerting.charts.canvas  # noqa: F401 -- which imports all of matplotlib
    except ImportError as exc:
        missing = exc.name == "matplotlib"
        print("matplotlib is not installed: pip install 'balance-monitor[charts]'" if missing else exc)  # noqa: T201 -- to the daemon
        return NOT_INSTALLED
    try:
        request = json.load(sys.stdin.buffer)
        if request:
            sys.stdout.buffer.write(_drawn(Path(request["store"]), ChartSpec.from_json(request["chart"])))
    except Exception as exc:  # noqa: BLE001 -- the daemon logs it in one line
        print(f"{type(exc).__name__}: {exc}")  # noqa: T201 -- to the daemon
        return 1
    return 0


def _drawn(store: Path, chart: ChartSpec) -> bytes:
    """Return the PNG of a chart; empty if the store has nothing to draw."""
    from monitor.alerting.charts.canvas import beginning, draw

    read = _read(store, chart, chart.since)
    begin = beginning(chart, read)
    if begin > chart.since:  # a short history is thinned over its own length
        read = _read(store, chart, begin)
    return draw(chart, read) if read.points or read.gaps else b""


def _read(store: Path, chart: ChartSpec, since: datetime) -> Curve:
    return curve(
        store,
        chart.series,
        chart.field,
        since=since,
        until=chart.until,
        slices=SLICES,
        gap_after=chart.gap_after,
    )


if __name__ == "__main__":
    sys.exit(main())
