"""Channels that hang, refuse and come back: what waits for them, in which order, and who else notices."""

from datetime import datetime, timedelta
from itertools import pairwise

from monitor.sandbox import Fault, Webhook

from .stage import together
from .support import Installation, Refusing, incident, until, usdt_low


@together()
async def test_a_hanging_channel_delays_no_other_and_no_poll(site: Installation) -> None:
    """While one URL takes a message and never answers, the other's comes at once and polls keep their pace."""
    async with Webhook() as hanging:
        hanging.fault = Fault.hang()
        site.write(channels={"first": {"urls": [hanging.url]}, "ops": {"urls": [site.webhook.url]}})
        await site.start()
        await site.more_requests("type=0", 2)
        site.set_balance("5.10")
        await until(lambda: hanging.messages, "the hanging channel has the message")
        [fired] = await site.received(1)
        site.set_balance("5000")
        [_, resolved] = await site.received(2)
        delays = [message.received_at - _told_at(message.body) for message in (fired, resolved)]
        polled = [logged.request.received_at for logged in site.nami.requests]
    assert max(delays) < timedelta(seconds=2)
    assert max(later - earlier for earlier, later in pairwise(polled)) < timedelta(seconds=2.5)


def _told_at(body: str) -> datetime:
    line = next(line for line in body.splitlines() if line.startswith("At: "))
    return datetime.strptime(f"{line} +0000", "At: %Y-%m-%d %H:%M:%S UTC %z")


@together()
async def test_a_refusing_channel_is_tried_again_with_backoff_and_in_order(site: Installation) -> None:
    """Attempts come further and further apart; once it accepts, the firing comes before the reminders, by number."""
    refusing = Refusing()
    site.webhook.fault = refusing.fault
    site.write(rules=[usdt_low(repeat_every="1s")])
    daemon = await site.start()
    site.set_balance("5.10")
    await until(lambda: len(refusing.at) >= 3, "three attempts")
    site.webhook.fault = None
    messages = await site.received(3)
    gaps = [later - earlier for earlier, later in pairwise(refusing.at)]
    assert gaps[0] >= 0.9
    assert gaps[1] >= 1.8
    assert messages[0].title.startswith("CRITICAL usdt-low")
    assert all(message.title.startswith("CRITICAL still firing usdt-low") for message in messages[1:])
    assert len({incident(message)[0] for message in messages}) == 1
    numbers = [int(incident(message)[1]) for message in messages]
    assert numbers[0] == 1
    assert numbers == sorted(set(numbers))
    await daemon.logged("notification delivered after retries")
    assert daemon.log.count("notification not delivered, will retry") == 1


@together()
async def test_a_firing_and_its_resolve_both_undelivered_are_one_message(site: Installation) -> None:
    """What fired and ended while nobody could be told is told once, as both."""
    refusing = Refusing()
    site.webhook.fault = refusing.fault
    await site.start()
    site.set_balance("5.10")
    fired = await site.wait_for_status(lambda shown: shown["alerts"], "the alert")
    await until(lambda: refusing.at, "an attempt")
    site.set_balance("5000")
    await site.wait_for_status(lambda shown: shown["notifications"]["pending"] == 2, "both wait")
    site.webhook.fault = None
    [message] = await site.received(1)
    await site.wait_for_status(lambda shown: shown["notifications"]["delivered"] == 2, "both settled")
    assert message.title.startswith("FIRED AND RESOLVED usdt-low: spot/spot/USDT available 5000")
    assert "Fired: available 5.10 < 1000" in message.body
    assert incident(message) == (fired["alerts"][0]["id"], "1-2")
    assert len(site.messages) == 1


@together()
async def test_a_resolve_goes_only_where_the_firing_went(site: Installation) -> None:
    """A rule that names a channel is told there and nowhere else, its end included."""
    async with Webhook() as other:
        site.write(
            channels={"ops": {"urls": [site.webhook.url]}, "other": {"urls": [other.url]}},
            rules=[usdt_low(notify=["other"])],
        )
        await site.start()
        site.set_balance("5.10")
        await until(lambda: len(other.messages) == 1, "the firing")
        site.set_balance("5000")
        await until(lambda: len(other.messages) == 2, "the resolve")
        await site.wait_for_status(lambda shown: shown["notifications"]["delivered"] == 2, "both recorded")
    assert site.messages == []
