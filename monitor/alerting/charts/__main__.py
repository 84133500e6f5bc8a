"""The drawing process: takes one chart from stdin, reads its readings from the store, gives a PNG to stdout.

It holds no secret and is started with none. Exit codes: 0 drawn, or nothing to draw (no output); 1 it failed, and the
output says why; 3 matplotlib is not installed.
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
"""Seconds after which it ends itself, should nobody be left to end it."""
SLICES = 360
"""The chart has some seven hundred pixels of width: two for each slice, which keeps its lowest and its highest."""
NOT_INSTALLED = 3


def main() -> int:
    """Draws what stdin asks for. An empty request only gets everything ready, matplotlib's list of fonts above all."""
    signal.alarm(LONGEST)
    with suppress(OSError):  # systemd's unit does not let it, and gives the whole daemon its weight
        os.nice(5)
    try:
        import monitor.alerting.charts.canvas  # noqa: F401 -- and with it all of matplotlib
    except ImportError as exc:
        missing = exc.name == "matplotlib"
        print("matplotlib is not installed: pip install 'balance-monitor[charts]'" if missing else exc)  # noqa: T201 -- to the daemon
        return NOT_INSTALLED
    try:
        request = json.load(sys.stdin.buffer)
        if request:
            sys.stdout.buffer.write(_drawn(Path(request["store"]), ChartSpec.from_json(request["chart"])))
    except Exception as exc:  # noqa: BLE001 -- whatever it is, the daemon says it in a line of its log
        print(f"{type(exc).__name__}: {exc}")  # noqa: T201 -- to the daemon
        return 1
    return 0


def _drawn(store: Path, chart: ChartSpec) -> bytes:
    """The chart of what the store holds; nothing where that is nothing."""
    from monitor.alerting.charts.canvas import beginning, draw

    read = _read(store, chart, chart.since)
    begin = beginning(chart, read)
    if begin > chart.since:  # a short history is thinned by its own length
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
