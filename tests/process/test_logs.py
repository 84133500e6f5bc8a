"""What the daemon says by itself: transitions, and nothing else."""

import json
import signal
from decimal import Decimal
from itertools import pairwise

from monitor.sandbox import Fault, constant

from .stage import together
from .support import Installation, scenario

CLIENTS = [f"CLIENT_{number:03}" for number in range(20)]
MANY_CLIENTS = scenario(nami={}, wdcf={client: constant(Decimal(5)) for client in CLIENTS})


@together(MANY_CLIENTS)
async def test_good_polls_are_not_logged(site: Installation) -> None:
    """Hundreds of good polls over ten seconds add no line; and the start of twenty accounts takes a few."""
    site.write(jobs=[{"name": "clients", "provider": "wdcf", "every": "1s", "clients": CLIENTS}], rules=[])
    daemon = await site.start()
    before = daemon.log
    polled = site.wdcf.requests
    await site.wait_for_status(lambda _: len(polled) > 200, "ten rounds of polls")
    news = daemon.log.removeprefix(before).splitlines()
    # a machine busy enough to miss a second's run may be told so: that is no line about a good poll
    assert [line for line in news if "runs missed" not in line] == []
    assert len(before.splitlines()) <= 3, before
    assert daemon.out.read_text() == ""


@together()
async def test_json_lines_are_json(site: Installation) -> None:
    """With `--log-format json` every line, those of an outage and a refused reload included, is one object."""
    daemon = await site.start("--log-format", "json")
    site.wdcf.fault = Fault.html()
    site.webhook.fault = Fault.status(500)
    site.set_balance("5.10")
    await daemon.logged("poll failed")
    await daemon.logged("notification not delivered")
    site.config.write_text("jobs: [")
    daemon.send(signal.SIGHUP)
    await daemon.logged("reload failed")
    await daemon.stop()
    lines = [json.loads(line) for line in daemon.log.splitlines()]
    assert len(lines) >= 6
    assert all(line.keys() >= {"time", "level", "message"} for line in lines)
    assert all(line["time"].endswith("Z") for line in lines)
    assert {line["level"] for line in lines} <= {"info", "warning", "error"}
    [fired] = [line for line in lines if line["message"] == "alert fired"][:1]
    assert (fired["rule"], fired["series"], fired["seq"]) == ("usdt-low", "spot/spot/USDT", 1)


@together()
async def test_an_outage_is_logged_when_it_begins_and_when_it_ends(site: Installation) -> None:
    """However many polls fail in between, there is one line for the first and one for the recovery."""
    site.write(rules=[])
    daemon = await site.start()
    site.nami.fault = Fault.status(500)
    await site.more_requests("type=0", 4)
    site.nami.fault = None
    await daemon.logged("polls recovered")
    assert daemon.log.count("poll failed") == 1
    assert "poll failed job=spot account=spot outcome=unavailable" in daemon.log
    times = [line.split()[0] for line in daemon.log.splitlines()]
    assert all(earlier <= later for earlier, later in pairwise(times))
