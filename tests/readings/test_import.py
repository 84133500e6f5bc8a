"""Export and import as one: what goes out comes back, to the last digit and the last microsecond."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import config as configuration
from monitor.config import Config
from monitor.domain.model import Account, Series
from monitor.domain.money import plain
from monitor.domain.time import to_micros
from monitor.readings import import_
from monitor.readings.export import Wanted, export
from monitor.readings.file import Format
from monitor.readings.import_ import check, write
from monitor.store.import_ import create, restore
from monitor.store.read.all_readings import ReadingRow
from monitor.store.read.state import read
from monitor.store.staging import staging

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = """
store: {url: 'sqlite:///store.db', keep: 3650d}
providers: {wdcf: {type: wdcf, client_secret: a-client-secret}}
jobs: [{name: clients, provider: wdcf, every: 1m, clients: [CLIENT_001]}]
"""

names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
amounts = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**12), max_value=10**12),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.integers(-(10**40), 10**40).map(Decimal),
).map(plain)
instants = st.datetimes(datetime(1971, 1, 1), datetime(2026, 3, 1)).map(  # noqa: DTZ001 -- made aware below
    lambda at: to_micros(at.replace(tzinfo=UTC))
)
rows = st.tuples(instants, amounts, amounts, st.none() | amounts, st.none() | instants)
histories = st.dictionaries(
    st.tuples(names, names.map(lambda name: name.replace("/", "-"))),
    st.lists(rows, min_size=1, max_size=8, unique_by=lambda row: row[0]),
    min_size=1,
    max_size=3,
)


def _config(folder: Path) -> Config:
    (folder / "config.yaml").write_text(CONFIG)
    return configuration.load(folder / "config.yaml", {})


def _exported(config: Config, form: Format) -> bytes:
    out = io.BytesIO()
    wanted = Wanted(form=form, since=None, until=NOW + timedelta(days=1))
    with export(config.store.path, wanted) as made:
        made.write(out, lambda _: None)
    return out.getvalue()


def _imported(config: Config, data: bytes, form: Format) -> int:
    with staging() as staged:
        checked = check(config, staged, "file", form, iter(data.splitlines(keepends=True)), NOW)
        return sum(write(config.store.path, staged, checked, NOW))


def _fill(config: Config, histories: dict[tuple[str, str], list[ReadingRow]]) -> None:
    create(config.store.path)
    for (name, currency), kept in histories.items():
        account = Account(provider="wdcf", job="clients", name=name)
        restore(config.store.path, Series(account=account, currency=currency), sorted(kept)[::-1], NOW)


@pytest.mark.parametrize("form", list(Format))
@settings(deadline=None, max_examples=40)
@given(histories=histories)
def test_what_is_exported_comes_back_byte_for_byte(
    form: Format, histories: dict[tuple[str, str], list[ReadingRow]]
) -> None:
    """Whatever the names, the amounts and the instants: into an empty store and out again, it is the same file."""
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        source, copy = _config(Path(one)), _config(Path(other))
        _fill(source, histories)
        data = _exported(source, form)
        assert _imported(copy, data, form) == sum(map(len, histories.values()))
        assert _exported(copy, form) == data
        assert _lasts(copy) == _lasts(source)
        assert _imported(copy, data, form) == 0


def _lasts(config: Config) -> object:
    known = read(config.store.path)
    assert known is not None
    return known.series


def test_the_newest_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every moment of an import the series' last reading is the newest, and no later one is missing: a rule that
    looks back meanwhile takes nothing old for new."""
    monkeypatch.setattr(import_, "BATCH", 3)
    config, seen = _config(tmp_path), []
    data = "job,account,currency,observed_at,total,locked,available,updated_at\n" + "".join(
        f"clients,CLIENT_001,USD,2026-02-01T00:00:{second:02}Z,{second},,{second},\n" for second in range(8)
    )
    with staging() as staged:
        lines = iter(data.encode().splitlines(keepends=True))
        checked = check(config, staged, "file", Format.CSV, lines, NOW)
        for _ in write(config.store.path, staged, checked, NOW):
            [series] = read(config.store.path).series  # type: ignore[union-attr]  # write has made it
            seen.append((series.total, _totals(config)))
    assert seen == [("7", ["5", "6", "7"]), ("7", ["2", "3", "4", "5", "6", "7"]), ("7", [*"01234567"])]


def _totals(config: Config) -> Sequence[str]:
    return [line.split(",")[4] for line in _exported(config, Format.CSV).decode().splitlines()[1:]]
