"""A channel that can't be reached, and the one that takes over; a channel in its quiet hours."""

import signal
from datetime import UTC, datetime, timedelta

from monitor.sandbox import Fault, Webhook

from .stage import together
from .support import Installation, until, usdt_low


@together()
async def test_a_fallback_takes_over_and_says_for_whom(site: Installation) -> None:
    """Once a message has failed for long enough; also for a message of before the reload that names the fallback."""
    async with Webhook() as phone:
        site.webhook.fault = Fault.status(503)
        channels = {"ops": {"urls": [site.webhook.url]}, "phone": {"urls": [phone.url]}}
        site.write(channels=channels, routes=[{"notify": ["ops"], "group_wait": "0s"}])
        daemon = await site.start()
        site.set_balance("500")
        await daemon.logged("notification not delivered, will retry")
        assert phone.messages == []
        ops = {**channels["ops"], "fallback": "phone", "fallback_after": "1s"}
        site.write(channels={**channels, "ops": ops})
        daemon.send(signal.SIGHUP)
        await until(lambda: phone.messages, "the fallback told")
        site.webhook.fault = None
        await site.received(1)
    assert "ops" in phone.messages[0].body
    assert "channel down, using its fallback channel=ops since=" in daemon.log
    assert "fallback=phone" in daemon.log


@together()
async def test_quiet_hours_hold_back_what_is_not_critical_until_a_reload_ends_them(
    site: Installation,
) -> None:
    """The critical one comes at once; the warning comes when the quiet hours do not hold any more."""
    now = datetime.now(UTC)
    hours = {f"{key}": f"{now + timedelta(hours=by):%H:%M}" for key, by in (("from", -2), ("to", 2))}
    ops = {"urls": [site.webhook.url]}
    site.write(
        channels={"ops": {**ops, "quiet_hours": hours}},
        rules=[usdt_low(), usdt_low(name="mild", severity="warning")],
    )
    daemon = await site.start()
    site.set_balance("500")
    [critical] = await site.received(1)
    assert critical.title.startswith("CRITICAL usdt-low")
    await site.more_requests("type=0", 3)
    assert len(site.messages) == 1
    site.write(channels={"ops": ops})
    daemon.send(signal.SIGHUP)
    [_, mild] = await site.received(2)
    assert mild.title.startswith("WARNING mild")
