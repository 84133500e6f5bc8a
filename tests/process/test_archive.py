"""`export` and `import` beside a daemon at work on the same store."""

import json
from datetime import UTC, datetime, timedelta

from .stage import together
from .support import Installation, usdt_low

HEAD = "job,account,currency,observed_at,total,locked,available,updated_at\n"


def _history(count: int, *, until: datetime, amount: str) -> str:
    """So many readings of the wallet's USDT, a second apart."""
    instants = (until - timedelta(seconds=number) for number in range(count, 0, -1))
    rows = (f"spot,spot,USDT,{at:%Y-%m-%dT%H:%M:%SZ},{amount},0,{amount},\n" for at in instants)
    return HEAD + "".join(rows)


@together()
async def test_a_daemon_goes_on_polling_while_others_export_and_import(site: Installation) -> None:
    """Days of history go in beside it: no poll is missed, no alert fires, the last reading stays the daemon's own;
    and what is exported then holds both."""
    site.write(rules=[usdt_low(), {"name": "drained", "type": "delta", "drop": "90%", "within": "15m"}])
    daemon = await site.start()
    await site.more_requests("type=0", 2)
    file = site.folder / "old.csv"
    file.write_text(_history(30_000, until=datetime.now(UTC) - timedelta(days=2), amount="2600.50"))
    imported = await site.command("import", str(file), "--json")
    assert (imported.code, json.loads(imported.out)["imported"]) == (0, 30_000), imported.err
    await site.more_requests("type=0", 2)
    exported = await site.command("export", "--series", "spot/*")
    rows = [line.split(",") for line in exported.out.splitlines()[1:]]
    amounts = [row[4] for row in rows]
    assert exported.err == ""
    assert amounts[:30_000] == ["2600.50"] * 30_000
    assert set(amounts[30_000:]) == {"2500.75"}
    assert len(amounts) >= 30_004
    shown = site.current_status()
    assert shown["alerts"] == []
    assert [one["total"] for one in shown["balances"] if one["series"] == "spot/spot/USDT"] == ["2500.75"]
    again = await site.command("import", str(file), "--json")
    assert json.loads(again.out)["known"] == 30_000
    assert await daemon.stop() == 0
    assert "ERROR" not in daemon.log
    assert site.messages == []
