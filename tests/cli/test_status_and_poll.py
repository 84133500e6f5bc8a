"""`poll` and `status`: exit codes of a Nagios plugin, tables for people, JSON for programs."""

import asyncio
import json
import os
import pty
import re
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from decimal import Decimal

from monitor.sandbox import Fault
from tests.process.stage import together
from tests.process.support import Installation, balances, endpoint_failing, run, usdt_low

ANSI = "\x1b["


def _rule(severity: str, **changes: object) -> dict[str, object]:
    return usdt_low(name=severity, severity=severity, **changes)


@together()
async def test_all_well_is_0(site: Installation) -> None:
    """Every account read, nothing fires: 0, and the first line says OK; `status` agrees afterwards."""
    polled = await site.command("poll")
    shown = await site.command("status")
    assert (polled.code, shown.code) == (0, 0)
    assert polled.out.splitlines()[0] == shown.out.splitlines()[0] == "OK: nothing fires"
    assert polled.err == ""
    assert "spot/spot/USDT" in shown.out


@together()
async def test_a_warning_is_1(site: Installation) -> None:
    """A warning fires: 1, for `poll` and for `status` after it; the channel was told."""
    site.write(rules=[_rule("warning", below="9000", clear="9000")])
    polled = await site.command("poll")
    assert (polled.code, (await site.command("status")).code) == (1, 1)
    assert polled.out.startswith("WARNING: 1 firing")
    assert [message.title.split()[0] for message in site.messages] == ["WARNING"]


@together()
async def test_critical_is_2_whatever_else_is_unknown(site: Installation) -> None:
    """A critical fires and a poll failed: 2, because what isn't known can't be worse."""
    site.write(
        rules=[_rule("critical", below="9000", clear="9000"), _rule("warning", below="9000", clear="9000")]
    )
    site.wdcf.fault = Fault.status(500)
    polled = await site.command("poll")
    assert (polled.code, (await site.command("status")).code) == (2, 2)
    assert polled.out.startswith("CRITICAL: 2 firing, clients: unavailable")


@together()
async def test_unknown_is_3_even_beside_a_warning(site: Installation) -> None:
    """A poll failed and a warning fires: 3, because what isn't known may be worse than a warning."""
    site.write(rules=[_rule("warning", below="9000", clear="9000")])
    site.wdcf.fault = Fault.html()
    polled = await site.command("poll")
    assert (polled.code, (await site.command("status")).code) == (3, 3)
    assert polled.out.startswith("UNKNOWN: 1 firing, clients: bad_payload")


@together()
async def test_an_info_is_0(site: Installation) -> None:
    """What only informs is no reason to wake a plugin."""
    site.write(rules=[_rule("info", below="9000", clear="9000")])
    assert (await site.command("poll")).code == 0


@together()
async def test_a_missing_currency_is_3(site: Installation) -> None:
    """An answer without a currency that is watched is not ok."""
    await site.command("poll")
    del site.nami.endpoint.wallets["spot"][22]
    polled = await site.command("poll", "--json")
    assert polled.code == 3
    assert balances(json.loads(polled.out))["spot/spot/USDT"]["total"] == "2500.75"


@together()
async def test_an_overdue_poll_is_3(site: Installation) -> None:
    """A daemon that died must not look well for ever: once the next poll is overdue the answer is unknown."""
    assert (await site.command("poll")).code == 0
    with closing(sqlite3.connect(site.store)) as db:
        db.execute("UPDATE accounts SET overdue_at = overdue_at - 3600000000")
        db.commit()
    shown = await site.command("status")
    assert shown.code == 3
    assert shown.out.splitlines()[0] == "UNKNOWN: nothing fires, spot: overdue, clients: overdue"


@together()
async def test_poll_of_one_job_asks_for_that_one_only(site: Installation) -> None:
    """`--job` polls and shows that job; the others' services hear nothing, and their state does not count."""
    polled = await site.command("poll", "--job", "clients", "--json")
    shown = json.loads(polled.out)
    assert polled.code == 0
    assert [job["name"] for job in shown["jobs"]] == ["clients"]
    assert site.request_count() == 0


@together()
async def test_poll_of_one_job_does_not_answer_for_another(site: Installation) -> None:
    """A plugin that checks one job is not critical because of another job's alert."""
    site.write(rules=[_rule("critical", below="9000", clear="9000")])
    assert (await site.command("poll")).code == 2
    polled = await site.command("poll", "--job", "clients", "--json")
    assert (polled.code, json.loads(polled.out)["alerts"]) == (0, [])


@together()
async def test_poll_of_an_unknown_job_is_64(site: Installation) -> None:
    """The line names the jobs there are."""
    polled = await site.command("poll", "--job", "nope")
    assert (polled.code, polled.out) == (64, "")
    assert "unknown job 'nope'; known: spot, clients" in polled.err


@together()
async def test_poll_notifies_and_stores(site: Installation) -> None:
    """A firing at one `poll` and the resolve at a later one are one incident; in between nothing is told twice."""
    site.set_balance("5.10")
    assert (await site.command("poll")).code == 2
    assert (await site.command("poll")).code == 2
    site.set_balance("5000")
    assert (await site.command("poll")).code == 0
    assert [message.title.split()[0] for message in site.messages] == ["CRITICAL", "RESOLVED"]


@together()
async def test_status_while_the_daemon_runs_and_poll_refused(site: Installation) -> None:
    """`status` reads beside the daemon; `poll` on its store is refused with 3 and names the process."""
    daemon = await site.start()
    await site.wait_for_status(lambda shown: len(shown["balances"]) == 2, "both balances")
    shown = await site.command("status")
    polled = await site.command("poll")
    assert (shown.code, polled.code) == (0, 3)
    assert polled.out == ""
    assert f"process {daemon.pid}" in polled.err
    assert len(polled.err.splitlines()) == 1


@together()
async def test_status_needs_neither_secrets_nor_a_store(site: Installation) -> None:
    """Without the secrets in the environment, and before the first poll: unknown, said plainly, and no file appears."""
    site.document["providers"]["nami"] |= {"api_key": "${NOT_SET}", "api_secret": "${file:not-there}"}
    site.write(channels={"ops": {"urls": ["${NOR_THIS}"]}})
    shown = await site.command("status")
    assert (shown.code, shown.err) == (3, "")
    assert shown.out.startswith("UNKNOWN: nothing fires, spot: not polled yet, clients: not polled yet")
    assert not site.store.exists()


@together()
async def test_status_json_is_the_contract(site: Installation) -> None:
    """The keys are there, amounts are strings, times are RFC 3339 in UTC whatever the machine's time zone."""
    site.set_balance("5.10", "0.10")
    site.write(rules=[usdt_low(), endpoint_failing(polls=1)])
    await site.command("poll")
    shown = await site.status()
    assert shown.keys() >= {"at", "jobs", "balances", "alerts", "notifications"}
    [job, _], [client, wallet], [alert] = shown["jobs"], shown["balances"], shown["alerts"]
    assert job.keys() >= {"name", "provider", "last_poll", "outcome", "consecutive_failures"}
    assert wallet.keys() >= {"series", "job", "account", "currency", "observed_at", "updated_at"}
    assert (wallet["total"], wallet["locked"], wallet["available"]) == ("5.10", "0.10", "5.00")
    assert (client["total"], client["locked"], client["available"]) == ("1500.50", None, "1500.50")
    assert wallet["series"] == "spot/spot/USDT"
    assert alert.keys() >= {"id", "rule", "series", "state", "severity", "since", "reason"}
    assert (alert["rule"], alert["state"], alert["severity"]) == ("usdt-low", "firing", "critical")
    assert (job["outcome"], job["consecutive_failures"]) == ("ok", 0)
    assert shown["notifications"] == {"pending": 0, "failed": 0, "delivered": 1}
    times = [shown["at"], job["last_poll"], wallet["observed_at"], client["updated_at"], alert["since"]]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", at) for at in times)
    asked = site.nami.requests[-1].request.received_at
    assert abs((datetime.fromisoformat(wallet["observed_at"]) - asked).total_seconds()) < 5
    assert Decimal(wallet["available"]) == Decimal("5.00")


@together()
async def test_a_piped_table_is_plain_and_a_terminals_coloured(site: Installation) -> None:
    """No escape sequence where a program reads; colour where a person does; one line a balance, never folded."""
    long = "CLIENT_" + "x" * 200
    site.document["jobs"][1]["clients"] = ["CLIENT_001", long]
    site.write()
    await site.command("poll")
    piped = await site.command("status", COLUMNS="80")
    assert ANSI not in piped.out
    assert any(f"clients/{long}/USD" in line for line in piped.out.splitlines())
    assert ANSI in await _on_a_terminal(site, "status")


async def _on_a_terminal(site: Installation, command: str) -> str:
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "monitor", command, "-c", str(site.config)),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**site.environ, "TERM": "xterm-256color"},
        )
        await process.wait()
        return os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(theirs)


@together()
async def test_a_reader_that_leaves_early_is_no_trouble(site: Installation) -> None:
    """`status | head -1`: no traceback, and no exit code that means an alert while nothing fires."""
    await site.command("poll")
    for options in ([], ["--json"]):
        code, err = await _into_a_closed_pipe(site, ["status", "-c", str(site.config), *options])
        assert err == ""
        assert code not in (1, 2)


async def _into_a_closed_pipe(site: Installation, arguments: list[str]) -> tuple[int, str]:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "monitor", *arguments),
            stdout=writing,
            stderr=asyncio.subprocess.PIPE,
            env=site.environ,
        )
        _, err = await process.communicate()
    finally:
        os.close(writing)
    return process.returncode or 0, err.decode()


@together()
async def test_commands_that_only_read_load_little(site: Installation) -> None:
    """Neither the HTTP client nor the writer's ORM nor the channels' library: a check every ten seconds stays cheap."""
    program = (
        "import sys; from monitor.cli.main import execute; code = execute(sys.argv[1:]);"
        "heavy = {'httpx', 'sqlmodel', 'sqlalchemy', 'apprise', 'alembic', 'apscheduler'} & set(sys.modules);"
        "print(code, sorted(heavy), file=sys.stderr)"
    )
    commands = {("status",): 3, ("silence", "list", "--json"): 0, ("alerts", "--json"): 0}
    for arguments, code in commands.items():
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", program, *arguments, "-c", str(site.config)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=site.environ,
        )
        _, err = await process.communicate()
        assert (arguments, err.decode()) == (arguments, f"{code} []\n")


@together()
async def test_a_store_that_cannot_be_read_is_3(site: Installation) -> None:
    """`status` on garbage is unknown, in one line on stderr."""
    site.store.write_bytes(b"garbage" * 1000)
    shown = await site.command("status", "--json")
    assert (shown.code, shown.out) == (3, "")
    assert shown.err.startswith(f"balance-monitor: {site.store}: ")
    assert len(shown.err.splitlines()) == 1


@together()
async def test_the_configuration_is_found_by_the_environment_and_in_the_folder(site: Installation) -> None:
    """$BALANCE_MONITOR_CONFIG, and without it ./config.yaml."""
    elsewhere = site.folder / "elsewhere"
    elsewhere.mkdir()
    named = await run(
        "status", cwd=elsewhere, environ={**site.environ, "BALANCE_MONITOR_CONFIG": str(site.config)}
    )
    here = await run("status", cwd=site.folder, environ=site.environ)
    nowhere = await run("status", cwd=elsewhere, environ=site.environ)
    assert (named.code, here.code, nowhere.code) == (3, 3, 78)
    assert "BALANCE_MONITOR_CONFIG" in nowhere.err


@together()
async def test_a_defect_is_3_and_not_a_warning(site: Installation) -> None:
    """An error nobody foresaw, here a store with a text where an instant belongs, is unknown: never an alert's code."""
    await site.command("poll")
    with closing(sqlite3.connect(site.store)) as db:
        db.execute("UPDATE accounts SET polled_at = 'yesterday'")
        db.commit()
    assert (await site.command("status")).code == 3
