"""What the status page weighs, how soon it is there, and what many visitors cost the daemon.

    python -m benchmarks.web [--seconds 60] [--visitors 50]

Needs the development's dependencies and a Chromium. Prints two tables.
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

from monitor.sandbox import Scenario, constant
from monitor.web.application import STATIC
from tests.browser.support import chromium, free_port, launched, looking, reachable, with_clients
from tests.process.support import Installation, until
from tests.web.support import serving

SIZES = (10, 500, 5000)
TIMES = 5
"""Visits whose median is told."""
READINGS = 96
"""A day of them, for the small pictures."""
REFRESH = 5.0
"""Seconds between two looks of a page that stays open."""
SERIES = 500
"""Of the daemon that many look at, each polled once a minute."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--visitors", type=int, default=50)
    wanted = parser.parse_args()
    print(asyncio.run(static_table()))  # noqa: T201 -- its output
    for count in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            print(page_row(Path(folder), count), flush=True)  # noqa: T201 -- its output
    print(asyncio.run(visitors_table(wanted.visitors, wanted.seconds)))  # noqa: T201 -- its output


async def static_table() -> str:
    """The files that every page needs, and the head of the next table."""
    sizes = {
        kind: [path.read_bytes() for path in sorted(STATIC.rglob(f"*.{kind}"))] for kind in ("js", "css")
    }
    told = ", ".join(
        f"{kind} {kib(files)} ({kib([gzip.compress(one) for one in files])} packed)"
        for kind, files in sizes.items()
    )
    return (
        f"static: {told}\n\n"
        "| series | HTML | packed | first answer | first byte | first paint | all there |\n|--|--|--|--|--|--|--|"
    )


def kib(files: Sequence[bytes]) -> str:
    """How much they are together."""
    return f"{sum(map(len, files)) / 1024:.1f} KiB"


def page_row(folder: Path, count: int) -> str:
    """One size: a store with a day of readings, served, and looked at by a browser that has been nowhere yet."""
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
    """Readings of each series every quarter of an hour, before those that there are."""
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
    """Milliseconds to the first byte, the first paint, and the end of loading, by Chromium's own clock."""
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
    """A browser without anything in its cache."""
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
    """What a while cost: CPU seconds a minute, the polls' mean delay in milliseconds, looks a second and their median
    time in milliseconds."""

    cpu: float
    late: float
    rate: float
    took: float


async def visitors_table(visitors: int, seconds: float) -> str:
    """The same daemon alone, and looked at."""
    with tempfile.TemporaryDirectory() as folder:
        async with daemon(Path(folder)) as (pid, url):
            alone = await cost(pid, url, 0, seconds)
            many = await cost(pid, url, visitors, seconds)
    head = "\n| visitors | CPU s a minute | polls late by | looks a second | look |\n|--|--|--|--|--|"
    return "\n".join([head, row(0, alone), row(visitors, many)])


def row(visitors: int, one: Cost) -> str:
    """A line of the table."""
    return f"| {visitors} | {one.cpu:.2f} | {one.late:.1f} ms | {one.rate:.1f} | {one.took:.0f} ms |"


@asynccontextmanager
async def daemon(folder: Path) -> AsyncIterator[tuple[int, str]]:
    """A daemon that polls many wallets once a minute, once it has read them all."""
    names = [f"C{number:04}" for number in range(SERIES)]
    story = Scenario(nami={}, wdcf={name: constant(Decimal("1500.50")) for name in names})
    port = free_port()
    async with Installation.on(folder, story) as site:
        site.write(
            web={"listen": f"127.0.0.1:{port}"},
            jobs=[{"name": "clients", "provider": "wdcf", "every": "1m", "clients": names}],
            rules=[{"name": "low", "type": "threshold", "below": "100"}],
        )
        started = await site.start()
        await until(lambda: reachable(port), "the status page")
        await site.shows(
            lambda shown: len(shown["balances"]) == SERIES,
            "all of them read",
        )
        yield started.pid, f"http://127.0.0.1:{port}"


async def cost(pid: int, url: str, visitors: int, seconds: float) -> Cost:
    """What the daemon uses while so many look at its page, as browsers that stay on it do."""
    cpu, (count, late) = used(pid), await lag(url)
    ended = time.monotonic() + seconds
    looks = await asyncio.gather(*(visit(url, number / visitors, ended) for number in range(visitors)))
    await asyncio.sleep(max(0.0, ended - time.monotonic()))
    more, later = await lag(url)
    times = [one for visitor in looks for one in visitor]
    return Cost(
        cpu=(used(pid) - cpu) / seconds * 60,
        late=(later - late) / max(more - count, 1) * 1000,
        rate=len(times) / seconds,
        took=median(times) * 1000 if times else 0.0,
    )


async def visit(url: str, share: float, ended: float) -> Sequence[float]:
    """Looks every few seconds, and says what it has; how long each look took."""
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
    """The CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def lag(url: str) -> tuple[float, float]:
    """How many runs the scheduler has begun, and by how many seconds late in all, as its metrics tell."""
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
