"""What a configuration is built into: hosts that remember what an earlier process asked of them."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor import config
from monitor.daemon.runtime import Hosts, Monitor, now, open_channels
from monitor.daemon.shared_calls import SharedCalls
from monitor.domain.model import Pause
from monitor.errors import Outcome
from monitor.providers.limits import NoTurn
from monitor.store.writer import Store

ONE_HOST = """
providers:
  limited: {type: nami, base_url: "http://127.0.0.1:9", api_key: k, api_secret: s, rate_limit: 3/1m}
  free: {type: wdcf, base_url: "http://127.0.0.1:9", client_secret: s, retries: 0}
jobs:
  - {name: spot, provider: limited, every: 1m, wallet: spot}
  - {name: clients, provider: free, every: 1m, clients: [A, B, C]}
"""


async def test_calls_of_every_provider_on_a_limited_host_count_across_a_restart(tmp_path: Path) -> None:
    """The service counts what comes from our address, whichever provider of ours has the limit configured."""
    path = tmp_path / "config.yaml"
    path.write_text(ONE_HOST)
    loaded = config.load(path, {})
    store = Store(loaded.store.path)
    hosts = Hosts(SharedCalls(store.write))
    before = Monitor(*open_channels(loaded), Hosts(SharedCalls(store.write)))
    for account in loaded.jobs[1].accounts:
        await before.fetch(account, timedelta(seconds=1))
    await before.close()
    monitor = Monitor(*open_channels(loaded), hosts)
    with pytest.raises(NoTurn, match=r"our own limit of 3/1m is reached"):
        async with hosts.of(loaded.providers["limited"]).turn(timedelta(seconds=1), timedelta(seconds=1)):
            pass
    await monitor.close()
    await store.close()


@pytest.mark.parametrize(
    ("moved", "left"),
    [
        pytest.param(timedelta(0), 5, id="the-clock-is-as-it-was"),
        pytest.param(timedelta(days=30), 5, id="the-clock-is-a-month-behind"),
    ],
)
async def test_a_pause_of_another_process_lasts_no_longer_than_it_was(
    tmp_path: Path, moved: timedelta, left: float
) -> None:
    """A ban of seconds does not become one of a day because the clock was set back."""
    path = tmp_path / "config.yaml"
    path.write_text(ONE_HOST)
    loaded = config.load(path, {})
    settings = loaded.providers["limited"]
    hosts, store = Hosts(), Store(loaded.store.path)
    began = now() + moved
    pause = Pause(
        host=settings.origin,
        began_at=began,
        until=began + timedelta(seconds=5),
        outcome=Outcome.BANNED,
        detail="HTTP 418",
    )
    await store.write(lambda tx: tx.hosts.save_pause(pause))
    monitor = Monitor(*open_channels(loaded), hosts)
    hosts.respect(await store.write(lambda tx: tx.hosts.pauses(now())))
    held = hosts.of(settings).paused
    assert held is not None
    assert 0 < (held.until - now()).total_seconds() <= left
    await monitor.close()
    await store.close()


async def test_a_pause_that_another_process_left_holds_for_a_host_without_a_limit(tmp_path: Path) -> None:
    """No call to it is noted: its pauses are looked for in between."""
    path = tmp_path / "config.yaml"
    path.write_text(ONE_HOST)
    loaded, hosts = config.load(path, {}), Hosts()
    monitor = Monitor(*open_channels(loaded), hosts)
    host, minute = hosts.of(loaded.providers["free"]), timedelta(minutes=1)
    pause = Pause(host=host.name, until=now() + minute, outcome=Outcome.UNAVAILABLE, detail="HTTP 503")
    hosts.respect([pause, replace(pause, host="https://elsewhere:443")])
    with pytest.raises(NoTurn, match="after HTTP 503; nothing sent"):
        async with host.turn(timedelta(seconds=1), timedelta(seconds=1)):
            pass
    await monitor.close()
