"""What holds for every test: which are run, in how many processes, and in which order."""

import os
import signal
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from sqlalchemy import Engine
from xdist.scheduler import LoadScopeScheduling

from monitor.store import connection

HERE = Path(__file__).parent
START_DAEMONS = ("process", "browser")
"""Folders whose tests are marked `process`, as is whatever needs a stage (process/stage.py)."""
WHOLE = ("process/matrix", "process", "cli", "contract")
"""Folders whose tests share what takes long to make: one worker runs all of them. Of other folders, it runs a file."""
FIRST = ("process", "browser", "cli")
"""Folders whose tests take longest: begun first, so that no worker is left with one of them at the end."""

# A shell that starts the suite in the background has it ignore Ctrl-C, and so would every process a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

MEMORY = Path("/dev/shm")
"""A file system in memory. Elsewhere each commit waits for the disk, and the tests make a thousand stores."""

if "PYTEST_DEBUG_TEMPROOT" not in os.environ and MEMORY.is_dir():
    room = os.statvfs(MEMORY)
    if room.f_bavail * room.f_frsize > 2**31 and not room.f_flag & os.ST_NOEXEC:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.tempdir = str(MEMORY)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--record` of tests/contract."""
    parser.addoption("--record", action="store_true", help="Write tests/contract/recorded anew.")


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses by the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what starts daemons; leave out campaigns unless `-m` names them; begin with what takes longest."""
    for item in items:
        folder = item.path.relative_to(HERE).parts[0]
        if folder in START_DAEMONS or "stage" in getattr(item, "fixturenames", ()):
            item.add_marker("process")
    if "campaign" not in config.option.markexpr:
        campaigns = [item for item in items if item.get_closest_marker("campaign")]
        config.hook.pytest_deselected(items=campaigns)
        items[:] = [item for item in items if item not in campaigns]
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path.relative_to(HERE).parts[0] not in FIRST)


@pytest.fixture(scope="session", autouse=True)
def _new_stores_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make one store by the migrations, and every other new one of this process by copying it, in a tenth of the time.

    Files that are there are upgraded as ever."""
    made = tmp_path_factory.mktemp("store") / "new.db"
    connection.open_engine(made).dispose()
    upgrade = connection._upgrade

    def copy_or_upgrade(engine: Engine, scripts: Config) -> None:
        with closing(engine.raw_connection()) as opened:
            new = opened.driver_connection
            assert isinstance(new, sqlite3.Connection)
            if new.execute("PRAGMA schema_version").fetchone() == (0,):
                with closing(sqlite3.connect(made)) as source:
                    source.backup(new)
                return
        upgrade(engine, scripts)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(connection, "_upgrade", copy_or_upgrade)
        yield


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many processes run the tests: more than there are cores, since those of daemons mostly wait.

    Whatever is named on the command line is sooner done in this process than workers are started."""
    is_all = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return max(3, os.cpu_count() or 1) if is_all and not config.option.keyword and not config.option.lf else 0


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Return what gives a worker a whole file, or one of the folders in `WHOLE`."""
    return _ByFileOrFolder(config, log)


class _ByFileOrFolder(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = str(Path(file).parent.relative_to("tests"))
        return folder if folder in WHOLE else file
