"""Measure the size of the status page, the time until it is shown, and the cost of many visitors.

    python -m benchmarks.web [--seconds 60] [--visitors 50]

Needs the development dependencies and Chromium. Prints two tables.
"""

import argparse
import asyncio
import gzip
import os
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median

import httpx
from playwright.async_api import Browser, async_playwright

from monitor.sandbox import constant
from monitor.web.application import STATIC
from tests.browser.support import chromium, free_port, launched, looking, reachable, with_clients
from tests.process.support import Installation, scenario, until
from tests.web.support import serving

SIZES = (10, 500, 5000)
TIMES = 5
"""Visits per size; the table shows their median."""
READINGS = 96
"""Readings of each series, a day of them, for the small charts."""
REFRESH = 5.0
"""Seconds between two refreshes of an open page."""
SERIES = 500
"""Series of the daemon in the second table, each polled once a minute."""


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="length of a measurement")
    parser.add_argument("--visitors", type=int, default=50, help="number of open pages")
    wanted = parser.parse_args()
    print(asyncio.run(static_table()))  # noqa: T201 -- its output
    for count in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            print(page_row(Path(folder), count), flush=True)  # noqa: T201 -- its output
    print(asyncio.run(visitors_table(wanted.visitors, wanted.seconds)))  # noqa: T201 -- its output


async def static_table() -> str:
    """Return the sizes of the static files, and the head of the first table."""
    sizes = {
        kind: [path.read_bytes() for path in sorted(STATIC.rglob(f"*.{kind}"))] for kind in ("js", "css")
    }
    static = ", ".join(
        f"{kind} {kib(files)} ({kib([gzip.compress(one) for one in files])} compressed)"
        for kind, files in sizes.items()
    )
    return (
        f"static files: {static}\n\n"
        "| series | page | compressed | first response, nothing cached | first byte | first paint | complete |\n"
        "|--|--|--|--|--|--|--|"
    )


def kib(files: Sequence[bytes]) -> str:
    """Return the size of files together, in KiB."""
    return f"{sum(map(len, files)) / 1024:.1f} KiB"


def page_row(folder: Path, count: int) -> str:
    """Return the table's row for a number of series: a store with a day of readings, and a browser without a cache."""
    world = with_clients(folder / "balances.db", count)
    fill_a_day(world.path)
    with serving(world.app()) as url:
        began = time.perf_counter()
        page = httpx.get(url, headers={"accept-encoding": "identity"}, timeout=60, trust_env=False)
        cold = time.perf_counter() - began
        packed = len(gzip.compress(page.content, 6))
        first_byte, paint, there = asyncio.run(visited(url))
    return (
        f"| {count} | {len(page.content) / 1024:.0f} KiB | {packed / 1024:.1f} KiB | {cold * 1000:.0f} ms "
        f"| {first_byte:.0f} ms | {paint:.0f} ms | {there:.0f} ms |"
    )


def fill_a_day(path: Path) -> None:
    """Add readings of each series every 15 minutes, before the existing ones."""
    with closing(sqlite3.connect(path)) as db, db:
        latest = db.execute(
            "SELECT series_id, max(observed_at), total, available FROM snapshots GROUP BY series_id"
        )
        rows = [
            (series, at - number * 15 * 60 * 1_000_000 - 7, total, str(Decimal(available) + number % 17))
            for series, at, total, available in latest
            for number in range(1, READINGS)
        ]
        db.executemany(
            "INSERT OR IGNORE INTO snapshots (series_id, observed_at, total, available) VALUES (?, ?, ?, ?)",
            rows,
        )


async def visited(url: str) -> tuple[float, float, float]:
    """Return the milliseconds to the first byte, the first paint and the end of loading, as Chromium measures them."""
    executable = chromium()
    if executable is None:
        raise SystemExit("no Chromium on this machine: `apt-get install chromium`")
    async with async_playwright() as playwright:
        browser = await launched(playwright, executable)
        visits = [await one_visit(browser, url) for _ in range(TIMES)]
        await browser.close()
    first_byte, paint, there = (median(values) for values in zip(*visits, strict=True))
    return first_byte, paint, there


async def one_visit(browser: Browser, url: str) -> tuple[float, float, float]:
    """Open the page in a browser with an empty cache, and return its three times in milliseconds."""
    async with looking(browser, url) as look:
        await look.to("/")
        found: list[float] = await look.page.evaluate(
            """() => { const [page] = performance.getEntriesByType("navigation");
            const [paint] = performance.getEntriesByName("first-contentful-paint");
            return [page.responseStart, paint.startTime, page.loadEventEnd]; }"""
        )
        first_byte, paint, there = found
        return first_byte, paint, there


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Measurements: CPU seconds per minute, mean delay of polls (ms), requests per second, their median time (ms)."""

    cpu: float
    late: float
    rate: float
    took: float


async def visitors_table(visitors: int, seconds: float) -> str:
    """Return a table of the same daemon without visitors and with them."""
    with tempfile.TemporaryDirectory() as folder:
        async with daemon(Path(folder)) as (pid, url):
            alone = await cost(pid, url, 0, seconds)
            many = await cost(pid, url, visitors, seconds)
    head = (
        "\n| visitors | CPU seconds per minute | mean delay of polls | requests per second | time of a request |\n"
        "|--|--|--|--|--|"
    )
    return "\n".join([head, row(0, alone), row(visitors, many)])


def row(visitors: int, one: Cost) -> str:
    """Return a row of the table."""
    return f"| {visitors} | {one.cpu:.2f} | {one.late:.1f} ms | {one.rate:.1f} | {one.took:.0f} ms |"


@asynccontextmanager
async def daemon(folder: Path) -> AsyncIterator[tuple[int, str]]:
    """Run a daemon that polls many wallets once a minute. Yield its process id and URL when it has read them all."""
    names = [f"C{number:04}" for number in range(SERIES)]
    story = scenario(nami={}, wdcf={name: constant(Decimal("1500.50")) for name in names})
    port = free_port()
    async with Installation.on(folder, story) as site:
        site.write(
            web={"listen": f"127.0.0.1:{port}"},
            jobs=[{"name": "clients", "provider": "wdcf", "every": "1m", "clients": names}],
            rules=[{"name": "low", "type": "threshold", "below": "100"}],
        )
        started = await site.start()
        await until(lambda: reachable(port), "the status page")
        await site.wait_for_status(
            lambda shown: len(shown["balances"]) == SERIES,
            "all of them read",
        )
        yield started.pid, f"http://127.0.0.1:{port}"


async def cost(pid: int, url: str, visitors: int, seconds: float) -> Cost:
    """Measure the daemon while `visitors` pages are open and refresh themselves."""
    cpu, (count, late) = used(pid), await lag(url)
    ended = time.monotonic() + seconds
    visits = await asyncio.gather(*(visit(url, number / visitors, ended) for number in range(visitors)))
    await asyncio.sleep(max(0.0, ended - time.monotonic()))
    more, later = await lag(url)
    times = [one for visitor in visits for one in visitor]
    return Cost(
        cpu=(used(pid) - cpu) / seconds * 60,
        late=(later - late) / max(more - count, 1) * 1000,
        rate=len(times) / seconds,
        took=median(times) * 1000 if times else 0.0,
    )


async def visit(url: str, share: float, ended: float) -> Sequence[float]:
    """Request the page every few seconds with the `ETag` of the last response. Return the seconds of each request."""
    await asyncio.sleep(share * REFRESH)
    took, tag = [], ""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        while time.monotonic() < ended:
            began = time.monotonic()
            answer = await client.get("/", headers={"if-none-match": tag})
            took.append(time.monotonic() - began)
            tag = answer.headers.get("etag", "")
            await asyncio.sleep(max(0.0, began + REFRESH - time.monotonic()))
    return took


def used(pid: int) -> float:
    """Return the CPU seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def lag(url: str) -> tuple[float, float]:
    """Return the number of runs that the scheduler has started, and the sum of their delays in seconds."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        text = (await client.get(f"{url}/metrics")).text
    found = {
        part: float(line.split()[-1])
        for line in text.splitlines()
        for part in ("count", "sum")
        if line.startswith(f"{LAG}_{part}")
    }
    return found["count"], found["sum"]


LAG = "balance_monitor_run_lag_seconds"

if __name__ == "__main__":
    main()
