"""`history`, `export`, `import` and `status --watch` as commands: what they show, what they refuse, how they exit."""

import asyncio
import json
import os
import pty
import re
import signal
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.harness.program import send_signal
from monitor.cli.main import execute
from tests.process.fork_server import ROOT
from tests.process.support import until

HEAD = "job,account,currency,observed_at,total,locked,available,updated_at\n"
CONFIG = """
store: {url: 'sqlite:///store.db'}
providers:
  nami: {type: nami, api_key: a-key, api_secret: a-secret}
  wdcf: {type: wdcf, client_secret: a-client-secret}
jobs:
  - {name: spot, provider: nami, every: 1m, wallet: spot, currencies: {22: USDT, 1: VNDC}}
  - {name: futures, provider: nami, every: 1m, wallet: futures}
  - {name: clients, provider: wdcf, every: 1m, clients: [CLIENT_001]}
rules:
  - {name: usdt-low, type: threshold, match: {currency: USDT}, below: 1000, severity: critical}
  - {name: high, type: threshold, match: {currency: VNDC}, above: 5}
"""
ANSI = "\x1b["
NOW = datetime.now(UTC).replace(microsecond=0)  # about: what a test counts from, to the second

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration and no store."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def command(folder: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on that configuration: its exit code, stdout and stderr."""

    def run(name: str, *arguments: str) -> tuple[int, str, str]:
        code = execute([name, "-c", str(folder / "config.yaml"), *arguments])
        sys.stdout.flush()
        return code, *capfd.readouterr()

    return run


def _ago(**span: float) -> str:
    return f"{NOW - timedelta(**span):%Y-%m-%dT%H:%M:%SZ}"


def _line(amount: str, currency: str = "USDT", **span: float) -> str:
    return f"spot,spot,{currency},{_ago(**span)},{amount},,{amount},\n"


def _file(folder: Path, *lines: str, name: str = "in.csv") -> str:
    (folder / name).write_text(HEAD + "".join(lines))
    return str(folder / name)


@pytest.fixture
def filled(folder: Path, command: Run) -> Run:
    """The same, over a store with two series: of USDT four readings, with a gap, and one of VNDC."""
    amounts = [("1500.50", 34), ("1412.1250", 33), ("1500.50", 20), ("900", 19)]
    lines = [_line(amount, minutes=minutes) for amount, minutes in amounts]
    assert command("import", _file(folder, *lines, _line("7", "VNDC", minutes=1)))[0] == 0
    return command


# history


def test_history_is_aligned_and_says_changes_and_gaps(filled: Run) -> None:
    """Newest last, points below each other, exact changes, and a row where nothing was read for long."""
    code, out, err = filled("history", "spot/spot/USDT", "--since", _ago(minutes=35), "--until", _ago())
    rows = [line.rstrip()[25:] for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert out.startswith("spot/spot/USDT: 4 readings, ")
    assert rows[2:] == [
        "1,500.50",
        "1,412.1250   -88.3750",
        "                       … no reading for 13m …",
        "1,500.50     +88.3750",
        "  900       -600.50",
        "                       … no reading for 19m …",
    ]


def test_history_shows_the_newest_and_says_how_many_there_are(filled: Run) -> None:
    """A table does not flood a terminal; the first row's change is still that from the reading before."""
    code, out, err = filled("history", "spot/spot/USDT", "--limit", "1")
    assert code == 0
    assert out.startswith("spot/spot/USDT: the newest 1 of 4 readings, ")
    assert out.splitlines()[2].split()[-2:] == ["900", "-600.50"]
    assert err == "only the newest 1 of 4 readings are shown; for all: --limit 4, or --format csv\n"


def test_an_amount_that_was_never_sent_is_unknown(filled: Run) -> None:
    """Unknown is not zero, and there is no change from it."""
    _, out, _ = filled("history", "spot/spot/USDT", "--field", "locked")
    assert out.count("unknown") == 4
    rows = out.splitlines()[2:]
    assert not any("0" in row[25:] for row in rows if "no reading for" not in row)


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param("spot/spot/USDT", id="the whole name"),
        pytest.param("spot/spot/U", id="the beginning of only one"),
        pytest.param("*/USDT", id="a glob that fits only one"),
    ],
)
def test_a_series_is_meant_by_name_beginning_or_glob(filled: Run, wanted: str) -> None:
    """What fits one series only is that one."""
    assert filled("history", wanted)[1].startswith("spot/spot/USDT: ")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        pytest.param(
            "spot/", "'spot/' matches several series: spot/spot/USDT, spot/spot/VNDC", id="what fits several"
        ),
        pytest.param("usdt", "unknown series 'usdt'; did you mean spot/spot/USDT?", id="a part of a name"),
        pytest.param(
            "spot/spto/USDT",
            "unknown series 'spot/spto/USDT'; did you mean `spot/spot/USDT`?",
            id="a slip of the pen",
        ),
    ],
)
def test_what_is_not_one_series_is_64(filled: Run, wanted: str, said: str) -> None:
    """The line names those that may be meant."""
    assert filled("history", wanted) == (64, "", f"balance-monitor: {said}\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(
            ["--since", "yesterday"], "--since: expected a whole number and a unit", id="no time at all"
        ),
        pytest.param(
            ["--since", "1h", "--until", "2h"], "is not before --until", id="an end before the beginning"
        ),
        pytest.param(
            ["--since", "2026-02-30T00:00Z"], "is not in the calendar", id="a day that there is not"
        ),
        pytest.param(
            ["--chart", "--json"],
            "--chart can't be combined with --format json",
            id="a chart for programs",
        ),
    ],
)
def test_a_misused_history_is_64(filled: Run, options: list[str], said: str) -> None:
    """Nothing is shown but what is accepted."""
    code, out, err = filled("history", "*USDT", *options)
    assert (code, out) == (64, "")
    assert said in err


def test_history_for_programs_holds_every_digit(filled: Run) -> None:
    """CSV as `export` writes it, JSON as one document; both oldest first, with all that is known."""
    rows = filled("history", "*USDT", "--format", "csv")[1].splitlines()
    document = json.loads(filled("history", "*USDT", "--json", "--limit", "2")[1])
    assert rows[0] + "\n" == HEAD
    assert [row.split(",")[6] for row in rows[1:]] == ["1500.50", "1412.1250", "1500.50", "900"]
    assert document["series"] == "spot/spot/USDT"
    assert [one["total"] for one in document["readings"]] == ["1500.50", "900"]
    assert document["readings"][0]["locked"] is None


def test_history_without_a_store_says_so(command: Run) -> None:
    """A configured series that was never read has no readings; that is no error."""
    code, out, _ = command("history", "spot/spot/USDT")
    assert code == 0
    assert "spot/spot/USDT: 0 readings, " in out
    assert "… no reading yet …" in out
    assert "no reading for" not in out


def test_a_series_that_is_new_had_no_gap_before(filled: Run) -> None:
    """Before its first reading ever it was not known; from its first one on, what is missing is."""
    _, out, _ = filled("history", "*USDT", "--since", _ago(hours=20), "--until", _ago(minutes=33))
    assert "spot/spot/USDT: 1 reading, " in out
    assert "no reading" not in out


def test_a_time_without_readings_after_the_last_one_is_a_gap(filled: Run) -> None:
    """As long as what was asked for; a time too short for a poll is none."""
    _, out, _ = filled("history", "*USDT", "--since", _ago(minutes=10), "--until", _ago())
    assert "… no reading for 10m …" in out
    _, out, _ = filled("history", "*VNDC", "--since", _ago(minutes=0.5), "--until", _ago())
    assert "spot/spot/VNDC: 0 readings, " in out
    assert "no reading" not in out


def test_a_chart_leaves_gaps_empty_and_draws_limits(filled: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain where it is piped, as wide as it is told, with the rule's limit as a line; nothing crosses a gap."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    code, out, err = filled("history", "*USDT", "--chart", "--since", _ago(minutes=36), "--until", _ago())
    lines = out.splitlines()
    canvas = [line[line.index("│") + 1 :] for line in lines if line.count("│") == 2]
    assert (code, err) == (0, "")
    assert ANSI not in out
    assert max(map(len, lines[1:-1])) <= 80
    assert any("─" * 20 in line and line.endswith("usdt-low") for line in lines)
    assert lines[-1] == "usdt-low (critical): below 1,000"
    assert all(not re.search(r"[⠁-⣿]", row[10:22]) for row in canvas), "drawn where nothing was read"
    assert any(re.search(r"[⠁-⣿]", row[:10]) for row in canvas)


def test_a_chart_of_nothing_says_so(filled: Run) -> None:
    """No readings, no picture, no failure."""
    code, out, _ = filled("history", "*USDT", "--chart", "--since", "5m")
    assert code == 0
    assert "(nothing to draw)" in out


def test_an_amount_too_large_for_a_chart_is_not_drawn(folder: Path, command: Run) -> None:
    """A picture is made of floats; what none can hold is left to the table."""
    command("import", _file(folder, _line("9" * 400, minutes=2)))
    code, out, _ = command("history", "*USDT", "--chart")
    assert code == 0
    assert "(amounts too large to draw; the table shows them)" in out
    assert "999,999,999" in command("history", "*USDT")[1]


@pytest.mark.parametrize("amount", ["9" * 310, "-" + "9" * 9_999, f"0.{'0' * 400}1"])
def test_amounts_of_any_length_are_whole_everywhere(folder: Path, command: Run, amount: str) -> None:
    """Beyond every float, beyond what Python writes of an integer, closer to zero than floats reach."""
    assert command("import", _file(folder, _line("1", minutes=2), _line(amount, minutes=1)))[0] == 0
    assert command("status")[0] == 3  # nothing was polled yet
    assert command("history", "spot/spot/USDT", "--chart")[0] == 0
    for arguments in (("status", "--json"), ("history", "spot/spot/USDT", "--format", "csv"), ("export",)):
        assert amount in command(*arguments)[1], arguments


# export


def test_export_goes_series_by_series_oldest_first(filled: Run) -> None:
    """To stdout, with nothing on stderr where that is no terminal."""
    code, out, err = filled("export")
    rows = [line.split(",") for line in out.splitlines()[1:]]
    assert (code, err) == (0, "")
    assert [(row[2], row[4]) for row in rows] == [
        ("USDT", "1500.50"),
        ("USDT", "1412.1250"),
        ("USDT", "1500.50"),
        ("USDT", "900"),
        ("VNDC", "7"),
    ]


def test_export_of_some(filled: Run) -> None:
    """Only series that a glob fits, only readings within a time, as JSON lines."""
    within = ("--since", _ago(minutes=21), "--until", _ago(minutes=19.5))
    _, out, _ = filled("export", "--series", "*/USDT", *within, "--format", "jsonl")
    readings = [json.loads(line) for line in out.splitlines()]
    assert [one["total"] for one in readings] == ["1500.50"]
    assert list(readings[0]) == HEAD.strip().split(",")
    assert (readings[0]["locked"], readings[0]["updated_at"]) == (None, None)


def test_only_series_that_are_in_a_file_are_counted(filled: Run, folder: Path) -> None:
    """As `import` of that file counts them: not those without a reading in the time that was asked for."""
    path = folder / "out.csv"
    _, _, err = filled("export", "-o", str(path), "--until", _ago(minutes=5))
    assert err == f"{path}: 4 readings of 1 series\n"
    assert filled("import", "--dry-run", str(path))[1] == (
        "0 readings to import, of 1 series; already stored: 4\n"
    )


def test_a_file_is_whole_private_and_not_overwritten(filled: Run, folder: Path) -> None:
    """Mode 0600, nothing left beside it, and replaced only by --force."""
    path = folder / "out.csv"
    assert filled("export", "-o", str(path)) == (0, "", f"{path}: 5 readings of 2 series\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == filled("export")[1]
    path.write_text("mine")
    assert filled("export", "-o", str(path)) == (
        1,
        "",
        f"balance-monitor: {path}: already exists; --force replaces it\n",
    )
    assert path.read_text() == "mine"
    assert filled("export", "-o", str(path), "--force")[0] == 0
    assert path.read_text().startswith(HEAD)
    assert not list(folder.glob(".*.part"))


@pytest.mark.parametrize(
    ("output", "said"),
    [
        pytest.param("nowhere/out.csv", "No such file or directory", id="a folder that there is not"),
        pytest.param(".", "not a regular file", id="a folder"),
        pytest.param("/dev/null", "not a regular file", id="a device"),
    ],
)
def test_a_place_that_cannot_be_written_is_1(filled: Run, folder: Path, output: str, said: str) -> None:
    """One line that says why, even where --force is given."""
    code, out, err = filled("export", "--force", "-o", str(folder / output))
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert said in err


def test_export_without_a_store_or_of_no_series(command: Run, filled: Run) -> None:
    """A glob that fits nothing is a misuse, with what may be meant."""
    code, out, err = filled("export", "--series", "*/BTC")
    assert (code, out) == (64, "")
    assert "matches no series; known: spot/spot/USDT, spot/spot/VNDC" in err


def test_export_without_a_store_is_1(command: Run) -> None:
    """An empty file would look like an empty store."""
    code, out, err = command("export")
    assert (code, out) == (1, "")
    assert "there is no store yet" in err


async def test_a_reader_that_has_enough_ends_an_export_quietly(filled: Run, folder: Path) -> None:
    """`export | head -1`: exit code 0 and nothing on stderr."""
    lines = [f"spot,spot,VNDC,{_ago(hours=1, seconds=n)},{n},,{n},\n" for n in range(20_000)]
    filled("import", _file(folder, *lines))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "monitor", "export", "-c", str(folder / "config.yaml")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert await process.stdout.readline() == HEAD.encode()
    process.stdout._transport.close()  # type: ignore[attr-defined]  # a StreamReader has no close of its own
    assert (await process.wait(), await process.stderr.read()) == (0, b"")


# import


def test_import_makes_the_store_and_shows_in_status(filled: Run, folder: Path) -> None:
    """Only for its owner; the newest reading is the series' last."""
    shown = {one["series"]: one for one in json.loads(filled("status", "--json")[1])["balances"]}
    assert stat.S_IMODE((folder / "store.db").stat().st_mode) == 0o600
    assert shown["spot/spot/USDT"]["total"] == "900"
    assert shown["spot/spot/USDT"]["missing"] == 0


def test_what_is_there_already_is_counted_and_left_alone(filled: Run, folder: Path) -> None:
    """The same file again changes nothing; `1.50` is the same amount as `1.5`."""
    before = filled("export")[1]
    again = folder / "again.csv"
    again.write_text(before.replace("1412.1250", "1412.125") + _line("7", "VNDC", minutes=0.5))
    code, out, _ = filled("import", str(again))
    assert (code, out) == (0, "1 reading imported, of 2 series; already stored: 5\n")
    assert filled("export")[1].startswith(before)


def test_every_wrong_line_is_reported_and_nothing_is_written(filled: Run, folder: Path) -> None:
    """With file, line, column and what is expected; among them what contradicts the store."""
    before = filled("export")[1]
    contradiction = before.splitlines()[1].replace("1500.50", "1600")
    file = _file(
        folder,
        _line("12", minutes=5),
        _line("1,5", minutes=6).replace("1,5", '"1,5"'),
        "spot,spot,USDT,2026-01-01 00:00,,,1,\n",
        contradiction + "\n",
        _line("1", days=-10),
        "sopt,spot,USDT,2026-01-01T00:00:00Z,1,,1,\n",
        "sopt,spot,USDT,2026-01-02T00:00:00Z,1,,1,\n",
        "spot,spot\n",
    )
    code, out, err = filled("import", file)
    assert (code, out) == (1, "")
    told = [line.removeprefix(f"{file}:") for line in err.splitlines()]
    assert told[0] == "3:5: total: '1,5' is not a number"
    assert told[1] == "3:7: available: '1,5' is not a number"
    assert told[2].startswith("4:4: observed_at: '2026-01-01 00:00': expected an instant with its time zone")
    assert told[3] == "4:5: total: empty; remove the line if there was no reading"
    assert told[4].startswith("5:5: total: 1600, but 1500.50 in the store for spot/spot/USDT at ")
    assert re.match(r"6:4: observed_at: \S+ is in the future", told[5])
    assert told[6].startswith("7:1: job: unknown job 'sopt'; did you mean `spot`?")
    assert told[6].endswith("or remove this line and 1 more up to line 8")
    assert told[7] == "9:1: 2 fields, expected 8"
    assert told[8] == " nothing was imported"
    assert filled("export")[1] == before


def test_a_flood_of_problems_is_cut(command: Run, folder: Path) -> None:
    """Fifty are told, the rest is counted."""
    _, _, err = command("import", _file(folder, *["spot,spot,USDT,never,1,,1,\n"] * 2000))
    assert len(err.splitlines()) == 52
    assert err.splitlines()[-2].endswith("in.csv: and 1,950 more")
    assert not (folder / "store.db").exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"", ":1:1: empty file", id="an empty file"),
        pytest.param(
            b"a;b;c\n", ":1:1: unknown column 'a;b;c'; expected job,account", id="columns of another kind"
        ),
        pytest.param(b"job,job\n", ":1:1: duplicate column 'job'", id="a column twice"),
        pytest.param(b"job,account\n", ":1:1: missing column currency", id="columns too few"),
        pytest.param(HEAD.encode() + b"\xff\n", ":2:1: not valid UTF-8", id="another encoding"),
        pytest.param(
            HEAD.encode() + b'"a\n', "not valid CSV: unexpected end of data", id="a quote without its end"
        ),
        pytest.param(HEAD.encode() + b"a" * 1_100_000, ":2:1: the line is longer than", id="an endless line"),
    ],
)
def test_what_is_no_file_of_readings_is_1(command: Run, folder: Path, data: bytes, said: str) -> None:
    """The line says what is expected, and no store is made."""
    (folder / "in.csv").write_bytes(data)
    code, out, err = command("import", str(folder / "in.csv"))
    assert (code, out) == (1, "")
    assert said in err
    assert not (folder / "store.db").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param('{"job": 1}', "job: expected a string in quotes, got 1", id="a number for a text"),
        pytest.param('{"total": 1.50}', "a number may lose digits", id="an amount as a number"),
        pytest.param("[]", "expected an object", id="a list"),
        pytest.param("{a", "in.jsonl:1:2: not valid JSON: Expecting", id="half an object"),
        pytest.param("[" * 100_000, "in.jsonl:1:1: not valid JSON", id="a nest too deep"),
        pytest.param('{"jub": "a"}', "jub: unknown key; expected job, account", id="a key that there is not"),
        pytest.param("{}", "job: empty", id="nothing in it"),
    ],
)
def test_json_lines_are_checked_as_well(command: Run, folder: Path, line: str, said: str) -> None:
    """What a line must not hold is said with its number."""
    (folder / "in.jsonl").write_text(line + "\n")
    code, _, err = command("import", str(folder / "in.jsonl"))
    assert code == 1
    assert said in err
    assert "in.jsonl:1:" in err


def test_a_byte_order_mark_and_other_columns_orders_are_read(command: Run, folder: Path) -> None:
    """What a spreadsheet saved as UTF-8 text is taken: with its mark, its line ends, its order of columns."""
    (folder / "in.csv").write_bytes(
        b"\xef\xbb\xbfcurrency,job,account,total,available,observed_at\r\n"
        b"USDT,spot,spot,1.50,1.25,2026-11-01T07:00:00.5+07:00\r\n\r\n"
    )
    command("import", str(folder / "in.csv"))
    assert command("export")[1] == f"{HEAD}spot,spot,USDT,2026-11-01T00:00:00.500000Z,1.50,,1.25,\n"


def test_the_same_line_twice_counts_once_and_two_that_differ_are_refused(command: Run, folder: Path) -> None:
    """Both lines are named."""
    line = _line("5", minutes=5)
    assert command("import", _file(folder, line, line))[1] == (
        "1 reading imported, of 1 series; repeated lines skipped: 1\n"
    )
    other = _line("6", "VNDC", minutes=5)
    told = command("import", _file(folder, other, other.replace(",6,,6,", ",6,1,5,")))[2].splitlines()[0]
    assert told.endswith("in.csv:3:7: available: 5, but 6 in line 2 for the same series and instant")


def test_what_is_right_and_may_not_be_meant_is_warned_of(command: Run, folder: Path) -> None:
    """Readings that retention takes, accounts that nothing judges, series that answers are expected to hold."""
    owners = ("clients,CLIENT_001,EUR", "clients,GONE,USD", "futures,futures,BTC")
    code, _, err = command(
        "import", _file(folder, *(f"{one},2020-01-01T00:00:00Z,1,,1,\n" for one in owners))
    )
    assert code == 0
    assert "warning: 3 of these readings are older than store.keep (90d)" in err
    assert "so no rule evaluates them: clients/CLIENT_001/EUR, clients/GONE/USD\n" in err
    assert "without a list of currencies: futures/futures/BTC; from now on they are expected" in err


def test_a_rule_that_will_look_back_at_what_is_imported_is_named(folder: Path, command: Run) -> None:
    """As long as the store itself does not reach back over the rule's window; then old readings change nothing."""
    drained = "  - {name: drained, type: delta, match: {currency: USDT}, drop: 20%, within: 15m}\n"
    (folder / "config.yaml").write_text(CONFIG + drained)
    old, wanted = _file(folder, _line("9", minutes=90)), "rule drained compares with these readings"
    assert wanted in command("import", "--dry-run", old)[2]
    command("import", _file(folder, _line("1", minutes=20), _line("2", minutes=10), name="own.csv"))
    assert command("import", old) == (0, "1 reading imported, of 1 series\n", "")


def test_a_dry_run_writes_nothing(command: Run, folder: Path) -> None:
    """It says what would be written."""
    assert command("import", "--dry-run", _file(folder, _line("1", minutes=1)))[:2] == (
        0,
        "1 reading to import, of 1 series\n",
    )
    assert not (folder / "store.db").exists()


def test_a_name_like_a_formula_is_kept_as_it_is(command: Run, folder: Path) -> None:
    """Exact matters more than what a spreadsheet makes of it; quotes, commas and slashes come back as well."""
    line = f'clients,"=HYPERLINK(""http://x"",1)/a",USD,{_ago(minutes=1)},-1.50,,-1.50,\n'
    command("import", _file(folder, line))
    assert command("export")[1] == HEAD + line


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--watch"], "--watch needs a terminal", id="no terminal"),
        pytest.param(["--watch", "--json"], "--watch can't be combined with --json", id="data for programs"),
        pytest.param(["--every", "5s"], "--every is only allowed with --watch", id="no watch"),
    ],
)
def test_a_misused_watch_is_64(command: Run, options: list[str], said: str) -> None:
    """And not a code that says something of the balances."""
    code, out, err = command("status", *options)
    assert (code, out) == (64, "")
    assert said in err


async def _watching(
    folder: Path, until_shown: Callable[[str], object], then: Callable[[], None]
) -> tuple[int, str]:
    """`status --watch` on a terminal of 100 by 12, ended by Ctrl-C once `then` is done and its effect shown."""
    ours, its = pty.openpty()
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100", "LINES": "12"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "monitor", "status", "--watch", "--every", "1s"),
        *("-c", str(folder / "config.yaml")),
        stdin=its,
        stdout=its,
        stderr=its,
        env=environ,
    )
    os.close(its)
    os.set_blocking(ours, False)
    shown = ""

    def look(wanted: Callable[[str], object]) -> bool:
        nonlocal shown
        with suppress(OSError):  # nothing to read yet, or nobody writes any more
            shown += os.read(ours, 1_000_000).decode(errors="replace")
        return bool(wanted(shown))

    await until(lambda: look(lambda text: "900" in text), "the first screenful")
    then()
    await until(lambda: look(until_shown), "what happened meanwhile")
    send_signal(process, signal.SIGINT)
    code = await process.wait()
    look(lambda _: True)
    os.close(ours)
    return code, shown


async def test_watch_shows_a_store_that_vanishes_and_comes_back(filled: Run, folder: Path) -> None:
    """What was known stays on screen, with the reason; Ctrl-C ends with 130 and leaves the screen as it was."""
    store, away = folder / "store.db", folder / "away.db"

    def vanish() -> None:
        store.rename(away)

    def gone_and_back(text: str) -> bool:
        if "the store no longer exists" in text and away.exists():
            away.rename(store)
        last = text.rpartition("\x1b[H")[0].rpartition("\x1b[H")[2]
        return "no longer" in text and "no longer" not in last and "900" in last

    code, shown = await _watching(folder, gone_and_back, vanish)
    assert code == 130
    assert shown.startswith("\x1b[?1049h")
    assert shown.rstrip().endswith("\x1b[?1049l")
