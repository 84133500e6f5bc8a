"""The drawing process: bounded in time and size, seeing no secret, and leaving nothing behind."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.alerting.charts.process import COMMAND, LARGEST, Drawer
from monitor.domain.charts import ChartSpec
from monitor.errors import NotDrawn

CHART = ChartSpec(
    series="nami-spot/spot/USDT",
    field="available",
    title="CRITICAL usdt-low",
    severity="critical",
    until=datetime(2026, 11, 21, 2, 40, tzinfo=UTC),
    gap_after=timedelta(minutes=15),
    fired_since=datetime(2026, 11, 21, 2, 30, tzinfo=UTC),
)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go; whatever a test does, none is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


async def _drawn(store: Path, code: str, deadline: float = 20) -> bytes | None:
    """What comes of a process that runs this instead."""
    command = (sys.executable, "-c", code)
    drawer = Drawer(store, command=command, deadline=timedelta(seconds=deadline))
    try:
        return await drawer.draw(CHART)
    finally:
        drawer.close()


@pytest.mark.parametrize(
    ("code", "why"),
    [
        pytest.param("import sys; sys.exit(7)", "ended with exit code 7", id="fails-without-a-word"),
        pytest.param("print('no\\nmemory'); exit(1)", "no memory", id="says-why"),
        pytest.param("print('x' * 5000); exit(1)", "^x{200}$", id="says-too-much"),
        pytest.param("import os; os.kill(os.getpid(), 11)", "killed by signal 11", id="crashes"),
        pytest.param("print('hello')", "is not a PNG", id="gives-something-else"),
        pytest.param("while True: print('x' * 9999)", f"exceeds {LARGEST:,} bytes", id="floods"),
        pytest.param("import sys; sys.stdin.close(); exit(2)", "exit code 2", id="does-not-listen"),
    ],
)
async def test_whatever_goes_wrong_is_said(code: str, why: str, tmp_path: Path) -> None:
    """In one line, for the log."""
    with pytest.raises(NotDrawn, match=why):
        await _drawn(tmp_path / "balances.db", code)


async def test_one_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """At its deadline."""
    pids = tmp_path / "pids"
    hang = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)"
    )
    with pytest.raises(NotDrawn, match="not finished within 2 s"):
        await _drawn(tmp_path / "balances.db", hang, deadline=2)
    async with asyncio.timeout(20):
        while any(_runs(pid) for pid in map(int, pids.read_text().split())):
            await asyncio.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # ended, and not yet waited for by whoever inherited it


async def test_one_that_can_not_be_started_is_said(tmp_path: Path) -> None:
    """As any other failure."""
    drawer = Drawer(tmp_path / "balances.db", command=("/nowhere/python",))
    with pytest.raises(NotDrawn, match="cannot be started"):
        await drawer.draw(CHART)
    drawer.close()


async def test_a_store_that_is_not_there_has_nothing_to_draw(tmp_path: Path) -> None:
    """By the real process: no readings, no picture, and no failure."""
    drawer = Drawer(tmp_path / "balances.db", deadline=timedelta(seconds=60))
    assert await drawer.draw(CHART) is None
    drawer.close()


async def test_a_store_that_can_not_be_read_is_said(tmp_path: Path) -> None:
    """By the real process, in the store's own words."""
    (tmp_path / "balances.db").write_bytes(b"no database at all" * 1000)
    drawer = Drawer(tmp_path / "balances.db", deadline=timedelta(seconds=60))
    with pytest.raises(NotDrawn, match=r"StoreError: .*balances\.db"):
        await drawer.draw(CHART)
    drawer.close()


async def test_getting_ready_makes_the_list_of_fonts(tmp_path: Path, temporary: Path) -> None:
    """So that the first alert does not wait for it."""
    drawer = Drawer(tmp_path / "balances.db")
    await drawer.ready()
    assert list(temporary.glob("*/fontlist*.json"))
    drawer.close()


async def test_it_sees_nothing_of_the_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its environment nor more than the command that everybody may see."""
    monkeypatch.setenv("NAMI_API_SECRET", "hunter2hunter2")
    seen = tmp_path / "seen"
    look = (
        "import json, os, sys\n"
        f"json.dump([dict(os.environ), sys.stdin.read(), os.getcwd()], open({str(seen)!r}, 'w'))"
    )
    await _drawn(tmp_path / "balances.db", look)
    environ, request, folder = json.loads(seen.read_text())
    assert "hunter2" not in seen.read_text()
    assert set(environ) - {"LC_CTYPE"} == {
        "PATH",
        "PYTHONPATH",
        "LC_ALL",
        "HOME",
        "TMPDIR",
        "MPLCONFIGDIR",
        "MPLBACKEND",
        "OPENBLAS_NUM_THREADS",
    }
    assert set(json.loads(request)) == {"store", "chart"}
    assert folder == environ["MPLCONFIGDIR"] != str(Path.cwd())
    assert COMMAND[1:] == ("-P", "-m", "monitor.alerting.charts")


async def test_one_is_drawn_at_a_time(tmp_path: Path) -> None:
    """A machine with one core goes on polling."""
    busy = tmp_path / "busy"
    alone = f"import os, time; os.mkdir({str(busy)!r}); time.sleep(0.2); os.rmdir({str(busy)!r})"
    drawer = Drawer(tmp_path / "b.db", command=(sys.executable, "-c", alone), deadline=timedelta(seconds=20))
    assert await asyncio.gather(*(drawer.draw(CHART) for _ in range(3))) == [None] * 3
    drawer.close()
