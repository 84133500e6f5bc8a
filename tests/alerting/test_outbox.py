"""Delivery: in order, with patience, each URL for itself."""

import asyncio
import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from monitor.alerting.outbox import Outbox, divert_to_fallback
from monitor.config import Channel as Configured
from monitor.daemon.runtime import open_channels
from monitor.domain.alerts import Alert, Event, EventKind
from monitor.domain.delivery import GIVE_UP_AFTER, GIVE_UP_ATTEMPTS, Addressed, Target
from monitor.domain.messages import Message, Report
from monitor.domain.model import Severity, Subject
from monitor.domain.windows import QuietHours
from monitor.errors import DeliveryFailed, Throttled
from monitor.sandbox import Fault, Webhook
from monitor.store.transaction import Transaction
from monitor.store.writer import Store

from ..support import configured

START = datetime(2026, 2, 1, 14, 30, tzinfo=UTC)
OPS = Target(channel="ops", url_id="aaaa")
LOG = Target(channel="log", url_id="bbbb")
CONFIG = configured(targets=[OPS, LOG])


class Clock:
    """A wall clock that the test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Channel:
    """A URL that does what the test says, and notes what it took."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.titles: list[str] = []
        self.attempts = 0
        self.refuse = False
        self.open = threading.Event()
        self.open.set()

    def send(self, message: Message, taken: set[str]) -> None:
        """Takes, refuses, or hangs until it is opened."""
        self.attempts += 1
        self.open.wait()
        if self.refuse:
            raise DeliveryFailed("refused")
        self.titles.append(message.title.split(":")[0])


async def put_into_outbox(
    store: Store,
    incident: str,
    seq: int,
    kind: EventKind,
    *targets: Target,
    at: datetime = START,
    severity: Severity = Severity.WARNING,
    group: str = "",
    wait: timedelta = timedelta(0),
) -> None:
    """Puts an event into the outbox."""
    facts = Report(
        kind=kind,
        rule=incident,
        rule_type="threshold",
        severity=severity,
        subject="s",
        incident=incident,
        seq=seq,
        at=at,
        since=at,
        reason="r",
        expected="e",
    )
    alert = Alert(rule="r", subject=Subject("s"), id=incident, seq=seq, severity=severity)
    event = Event(kind=kind, at=at, alert=alert, reason="r")
    addressed = [Addressed(target=target, group=group or incident, group_wait=wait) for target in targets]
    await store.write(lambda tx: tx.alerts.add_event(event, facts, addressed))


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that should happen soon."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def tried_once(store: Store) -> None:
    """Waits until a failed attempt is on record: if the clock moves before, it counts from then."""
    async with asyncio.timeout(10):
        while (
            not (await store.write(lambda tx: tx.outbox.waiting(OPS, START + timedelta(minutes=1))))
            .due[0][0]
            .attempts
        ):
            await asyncio.sleep(0.01)


async def statuses(store: Store) -> dict[str, int]:
    """How many notifications stand where."""
    from monitor.store.read.state import read

    known = await asyncio.to_thread(read, store.path)
    assert known is not None
    return dict(known.notifications)


def outbox(store: Store, clock: Callable[[], datetime]) -> Outbox:
    """An outbox without jitter."""
    return Outbox(store, CONFIG, clock=clock, jitter=lambda: 0.0)


async def test_what_waits_is_delivered_in_order(store: Store) -> None:
    """A firing that reached its channel, then its resolve."""
    ops, box = Channel(OPS), outbox(store, Clock())
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)
    box.serve(CONFIG, [ops])
    await until(lambda: ops.titles == ["WARNING A"])
    await put_into_outbox(store, "A", 2, EventKind.RESOLVED, OPS)
    box.wake()
    await until(lambda: ops.titles == ["WARNING A", "RESOLVED A"])
    await box.stop(timedelta(seconds=5))
    assert await statuses(store) == {"delivered": 2}


async def test_a_firing_and_its_end_that_both_wait_go_out_as_one(store: Store) -> None:
    """Whoever was not told that it began is told once that it is over."""
    ops, box = Channel(OPS), outbox(store, Clock())
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)
    await put_into_outbox(store, "A", 2, EventKind.RESOLVED, OPS)
    box.serve(CONFIG, [ops])
    await until(lambda: bool(ops.titles))
    await box.stop(timedelta(seconds=5))
    assert ops.titles == ["FIRED AND RESOLVED A"]
    assert await statuses(store) == {"delivered": 2}


async def test_a_hanging_url_holds_up_no_other(store: Store) -> None:
    """Each URL has its own task and thread."""
    ops, log = Channel(OPS), Channel(LOG)
    ops.open.clear()
    box = outbox(store, Clock())
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS, LOG)
    box.serve(CONFIG, [ops, log])
    await until(lambda: log.titles == ["WARNING A"])
    assert ops.titles == []
    ops.open.set()
    await until(lambda: ops.titles == ["WARNING A"])
    await box.stop(timedelta(seconds=5))


async def test_a_refused_message_is_tried_again_later(store: Store) -> None:
    """Not before its time, and then until it is taken."""
    clock, ops = Clock(), Channel(OPS)
    ops.refuse = True
    box = outbox(store, clock)
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)
    box.serve(CONFIG, [ops])
    await until(lambda: ops.attempts == 1)
    box.wake()
    await asyncio.sleep(0.1)
    assert ops.attempts == 1
    ops.refuse, clock.now = False, START + timedelta(seconds=2)
    box.wake()
    await until(lambda: ops.titles == ["WARNING A"])
    await box.stop(timedelta(seconds=5))


@pytest.mark.parametrize(
    ("failed", "status"),
    [(GIVE_UP_ATTEMPTS - 1, "failed"), (GIVE_UP_ATTEMPTS - 2, "pending")],
    ids=["given-up", "a-day-that-the-clock-leapt-over"],
)
async def test_after_a_day_of_failures_it_is_given_up(store: Store, failed: int, status: str) -> None:
    """Loudly: the status counts it as failed. Not so where it has hardly been tried."""
    clock, ops = Clock(), Channel(OPS)
    ops.refuse = True
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)
    [[waiting]] = (await store.write(lambda tx: tx.outbox.waiting(OPS, START))).due
    for _ in range(failed):
        await store.write(lambda tx: tx.outbox.reschedule([waiting.id], at=START, until=START, error="no"))
    clock.now = START + GIVE_UP_AFTER
    box = outbox(store, clock)
    box.serve(CONFIG, [ops])
    await until(lambda: ops.attempts == 1)
    await box.stop(timedelta(seconds=5))
    assert await statuses(store) == {status: 1}


async def test_what_waited_for_a_day_and_was_never_tried_is_not_given_up(store: Store) -> None:
    """The daemon was down over the weekend, and the network comes up after it."""
    clock, ops = Clock(), Channel(OPS)
    ops.refuse = True
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)
    clock.now = START + timedelta(hours=60)
    box = outbox(store, clock)
    box.serve(CONFIG, [ops])
    await until(lambda: ops.attempts == 1)
    await box.stop(timedelta(seconds=5))
    assert await statuses(store) == {"pending": 1}


async def test_what_is_new_in_a_group_is_not_given_up_with_the_old(store: Store) -> None:
    """They go out as one message, and each has a day."""
    clock, ops = Clock(), Channel(OPS)
    ops.refuse = True
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS, group="one")
    [[old]] = (await store.write(lambda tx: tx.outbox.waiting(OPS, START))).due
    for _ in range(GIVE_UP_ATTEMPTS):
        await store.write(lambda tx: tx.outbox.reschedule([old.id], at=START, until=START, error="no"))
    clock.now = START + GIVE_UP_AFTER
    await put_into_outbox(store, "B", 1, EventKind.FIRED, OPS, at=clock.now, group="one")
    box = outbox(store, clock)
    box.serve(CONFIG, [ops])
    await until(lambda: ops.attempts == 1)
    await box.stop(timedelta(seconds=5))
    assert await statuses(store) == {"failed": 1, "pending": 1}


async def test_what_fires_in_one_group_is_one_message(store: Store) -> None:
    """Gathered for as long as the route says."""
    clock, ops = Clock(), Channel(OPS)
    box = outbox(store, clock)
    for incident in "ABC":
        await put_into_outbox(
            store, incident, 1, EventKind.FIRED, OPS, group="one", wait=timedelta(seconds=10)
        )
    box.serve(CONFIG, [ops])
    await asyncio.sleep(0.1)
    assert ops.attempts == 0
    clock.now = START + timedelta(seconds=10)
    box.wake()
    await until(lambda: ops.titles == ["3 WARNING"])
    await box.stop(timedelta(seconds=5))
    assert await statuses(store) == {"delivered": 3}


async def test_in_quiet_hours_only_criticals_go_out(store: Store) -> None:
    """Until a reload takes the hours away."""
    ops, box = Channel(OPS), outbox(store, Clock())
    hours = QuietHours(begins=time(14), ends=time(15), timezone=ZoneInfo("UTC"))
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)
    await put_into_outbox(store, "B", 1, EventKind.FIRED, OPS, severity=Severity.CRITICAL)
    ops_channel = replace(CONFIG.channels["ops"], quiet_hours=hours)
    box.serve(replace(CONFIG, channels={"ops": ops_channel}), [ops])
    await until(lambda: ops.titles == ["CRITICAL B"])
    await asyncio.sleep(0.1)
    assert ops.attempts == 1
    box.serve(CONFIG, [ops])
    await until(lambda: ops.titles == ["CRITICAL B", "WARNING A"])
    await box.stop(timedelta(seconds=5))


async def test_draining_does_not_wait_for_a_group(store: Store) -> None:
    """`poll` ends as soon as all that is there has been told."""
    ops, box = Channel(OPS), outbox(store, Clock())
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS, wait=timedelta(minutes=5))
    box.serve(CONFIG, [ops])
    await box.drain()
    await box.stop(timedelta(seconds=5))
    assert ops.titles == ["WARNING A"]


async def test_a_stop_waits_for_what_is_being_sent(store: Store) -> None:
    """What a channel takes within the deadline is recorded as taken."""
    ops, box = Channel(OPS), outbox(store, Clock())
    ops.open.clear()
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)
    box.serve(CONFIG, [ops])
    await until(lambda: ops.attempts == 1)
    asyncio.get_running_loop().call_later(0.2, ops.open.set)
    await box.stop(timedelta(seconds=5))
    assert await statuses(store) == {"delivered": 1}


async def test_a_stop_does_not_wait_for_ever(store: Store) -> None:
    """What hangs stays in the outbox, for the next start."""
    ops, box = Channel(OPS), outbox(store, Clock())
    ops.open.clear()
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)
    box.serve(CONFIG, [ops])
    await until(lambda: ops.attempts == 1)
    await box.stop(timedelta(seconds=0.1))
    assert await statuses(store) == {"pending": 1}
    ops.open.set()


async def test_a_plugin_that_raises_is_a_failed_attempt(store: Store) -> None:
    """Whatever a service's plugin does, the message stays until it is taken."""

    class Broken(Channel):
        def send(self, message: Message, taken: set[str]) -> None:
            """A bug in a plugin."""
            self.attempts += 1
            raise RuntimeError("token=secret")

    ops = Broken(OPS)
    box = outbox(store, Clock())
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)
    box.serve(CONFIG, [ops])
    await until(lambda: ops.attempts == 1)
    await box.stop(timedelta(seconds=5))
    ((waiting,),) = (await store.write(lambda tx: tx.outbox.waiting(OPS, START + timedelta(hours=1)))).due
    assert waiting.attempts == 1
    assert b"token=secret" not in store.path.read_bytes()


async def test_a_reload_takes_a_url_away_and_brings_another(store: Store) -> None:
    """The new one is served at once; the old one gets nothing more."""
    ops, log = Channel(OPS), Channel(LOG)
    box = outbox(store, Clock())
    box.serve(CONFIG, [ops])
    box.serve(CONFIG, [log])
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS, LOG)
    box.wake()
    await until(lambda: log.titles == ["WARNING A"])
    await box.stop(timedelta(seconds=5))
    assert ops.titles == []


async def test_what_is_being_sent_as_its_channel_is_renamed_is_not_sent_again(store: Store) -> None:
    """The recipient's other name waits until the attempt under the first has ended, and finds it delivered."""
    ops, oncall = Channel(OPS), Channel(Target(channel="oncall", url_id=OPS.url_id))
    ops.open.clear()
    box = outbox(store, Clock())
    box.serve(CONFIG, [ops])
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)
    box.wake()
    await until(lambda: ops.attempts == 1)
    await store.write(lambda tx: tx.outbox.reroute([oncall.target], lambda *_: [], START))
    box.serve(CONFIG, [oncall])
    await put_into_outbox(store, "B", 1, EventKind.FIRED, oncall.target)
    ops.open.set()
    box.wake()
    await until(lambda: oncall.titles == ["WARNING B"])
    await box.stop(timedelta(seconds=5))
    assert ops.titles == ["WARNING A"]
    assert await statuses(store) == {"delivered": 2}


async def test_an_attempt_that_goes_on_is_known(store: Store) -> None:
    """Since when, so that a heartbeat can tell of one that hangs; and no longer once it has ended."""
    outbox, channel = Outbox(store, CONFIG, clock=Clock(), jitter=lambda: 0.0), Channel(OPS)
    channel.open.clear()
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)
    outbox.serve(CONFIG, [channel])
    await until(lambda: outbox.hanging_since == START)
    channel.open.set()
    await until(lambda: outbox.hanging_since is None)
    await outbox.stop(timedelta(seconds=5))


async def test_an_answer_that_comes_too_late_still_counts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt counted as failed meanwhile; the message was taken all the same, and is not sent again."""
    monkeypatch.setattr("monitor.alerting.outbox.SLOW", timedelta(seconds=0.1))
    clock, ops = Clock(), Channel(OPS)
    ops.open.clear()
    box = outbox(store, clock)
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)
    box.serve(CONFIG, [ops])
    await tried_once(store)
    clock.now = START + timedelta(minutes=1)
    box.wake()
    await asyncio.sleep(0.1)
    ops.open.set()
    await until(lambda: ops.titles == ["WARNING A"])
    box.wake()
    await asyncio.sleep(0.1)
    await box.stop(timedelta(seconds=5))
    assert (ops.attempts, await statuses(store)) == (1, {"delivered": 1})


class Throttling(Channel):
    """A URL that wants a rest as long as it refuses."""

    def __init__(self, target: Target, retry_after: timedelta | None) -> None:
        super().__init__(target)
        self.retry_after = retry_after
        self.refuse = True

    def send(self, message: Message, taken: set[str]) -> None:
        """Takes, or wants a rest."""
        try:
            super().send(message, taken)
        except DeliveryFailed as exc:
            raise Throttled(str(exc), retry_after=self.retry_after) from exc


def real_time() -> datetime:
    """Not set by the test: a rest is measured by another clock."""
    return datetime.now(UTC)


async def test_a_url_that_wants_a_rest_gets_nothing_until_it_is_over(store: Store) -> None:
    """Whatever waits for it, in its order; other URLs go on."""
    ops, log = Throttling(OPS, timedelta(seconds=1)), Channel(LOG)
    box = outbox(store, real_time)
    for incident in "ABC":
        await put_into_outbox(store, incident, 1, EventKind.FIRED, OPS, LOG)
    box.serve(CONFIG, [ops, log])
    await until(lambda: len(log.titles) == 3)
    await put_into_outbox(store, "D", 1, EventKind.FIRED, OPS)
    box.wake()
    await asyncio.sleep(0.3)
    assert ops.attempts == 1
    assert box.resting_channels(timedelta(0)) == {"ops"}
    ops.refuse = False
    await until(lambda: len(ops.titles) == 4)
    assert ops.titles == ["WARNING A", "WARNING B", "WARNING C", "WARNING D"]
    assert ops.attempts == 5
    assert box.resting_channels(timedelta(0)) == set()
    assert box.resting_channels(timedelta(minutes=1)) == {"ops"}
    await box.stop(timedelta(seconds=5))


async def test_a_url_that_does_not_say_how_long_rests_as_a_whole(store: Store) -> None:
    """By the usual backoff, for the URL and not for each incident."""
    ops, box = Throttling(OPS, None), outbox(store, real_time)
    for incident in "ABC":
        await put_into_outbox(store, incident, 1, EventKind.FIRED, OPS)
    box.serve(CONFIG, [ops])
    await asyncio.sleep(2.5)
    assert ops.attempts == 2
    await box.stop(timedelta(seconds=5))


async def test_a_restart_ends_no_rest(store: Store) -> None:
    """It is kept for the recipient, however long it is, and ends with the next message that is taken."""
    ops, box = Throttling(OPS, timedelta(minutes=30)), outbox(store, real_time)
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)
    box.serve(CONFIG, [ops])
    await until(lambda: box.resting_channels(timedelta(0)) == {"ops"})
    await box.stop(timedelta(seconds=5))
    [[waiting]] = (
        await store.write(lambda tx: tx.outbox.waiting(OPS, real_time() + timedelta(minutes=31)))
    ).due
    assert timedelta(minutes=29) < waiting.next_attempt_at - real_time() <= timedelta(minutes=30)

    again, renamed = outbox(store, real_time), Throttling(replace(OPS, channel="new"), None)
    await put_into_outbox(store, "B", 1, EventKind.FIRED, renamed.target)
    again.serve(CONFIG, [renamed])
    await until(lambda: again.resting_channels(timedelta(0)) == {"new"})
    await asyncio.sleep(0.2)
    await again.stop(timedelta(seconds=5))
    assert (ops.attempts, renamed.attempts) == (1, 0)

    later = outbox(store, lambda: real_time() + timedelta(hours=1))
    renamed.refuse = False
    later.serve(CONFIG, [renamed])
    await until(lambda: renamed.titles == ["WARNING B"])
    await later.stop(timedelta(seconds=5))
    assert await store.write(lambda tx: tx.outbox.rest(OPS.url_id)) is None


class InParts(Channel):
    """A URL that takes the first of two parts only, at its first attempt."""

    def send(self, message: Message, taken: set[str]) -> None:
        """Takes what is missing."""
        self.titles.append(",".join(sorted({"first", "second"} - taken)))
        if not taken:
            taken.add("first")
            raise DeliveryFailed("the second part was refused")


async def test_a_restart_sends_no_part_again(store: Store) -> None:
    """What a service took of a message is kept with what waits."""
    ops, box = InParts(OPS), outbox(store, Clock())
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)
    box.serve(CONFIG, [ops])
    await until(lambda: len(ops.titles) == 1)
    await box.stop(timedelta(seconds=5))
    clock = Clock()
    clock.now += timedelta(minutes=1)
    again = outbox(store, clock)
    again.serve(CONFIG, [ops])
    await until(lambda: len(ops.titles) == 2)
    await again.stop(timedelta(seconds=5))
    assert ops.titles == ["first,second", "second"]
    assert await statuses(store) == {"delivered": 1}


async def test_draining_does_not_wait_for_a_rest(store: Store) -> None:
    """It may be an hour: what waits is sent by the next run."""
    ops, box = Throttling(OPS, timedelta(hours=2)), outbox(store, real_time)
    for incident in "ABC":
        await put_into_outbox(store, incident, 1, EventKind.FIRED, OPS)
    box.serve(CONFIG, [ops])
    async with asyncio.timeout(5):
        await box.drain()
    await box.stop(timedelta(seconds=5))
    assert ops.attempts == 1
    assert await statuses(store) == {"pending": 3}


async def test_a_url_that_takes_something_is_tried_with_all_that_failed_there(store: Store) -> None:
    """However long what failed would wait by itself."""
    ops, box = Channel(OPS), outbox(store, Clock())
    await put_into_outbox(store, "A", 1, EventKind.FIRED, OPS)

    def fail(tx: Transaction) -> None:
        [[one]] = tx.outbox.waiting(OPS, START).due
        tx.outbox.reschedule([one.id], at=START, until=START + timedelta(minutes=5), error="refused")

    await store.write(fail)
    await put_into_outbox(store, "B", 1, EventKind.FIRED, OPS)
    box.serve(CONFIG, [ops])
    await until(lambda: ops.titles == ["WARNING B", "WARNING A"])
    await box.stop(timedelta(seconds=5))


async def test_a_good_a_flaky_and_a_hanging_channel_each_get_all(store: Store) -> None:
    """Many incidents at once: the flaky one answers every third attempt; a fallback has all that waits for the hanging
    one as soon as it has one of them."""
    count = 20
    async with Webhook() as good, Webhook() as flaky, Webhook() as hanging, Webhook() as phone:
        tries = itertools.count(1)
        flaky.fault = Fault(
            change=lambda given: given if next(tries) % 3 == 0 else replace(given, status=503)
        )
        hanging.fault = Fault.hang()
        receivers = {"good": good, "flaky": flaky, "hanging": hanging, "phone": phone}
        channels = [
            Configured(name=name, urls=(SecretStr(f"{one.url}?rto=0.3"),)) for name, one in receivers.items()
        ]
        channels[2] = replace(channels[2], fallback="phone", fallback_after=timedelta(seconds=0.5))
        config, opened = open_channels(configured(channels=channels))
        by_channel = {notifier.target.channel: notifier.target for notifier in opened}
        told = [by_channel[name] for name in ("good", "flaky", "hanging")]
        for number in range(count):
            await put_into_outbox(store, f"I{number}", 1, EventKind.FIRED, *told, at=datetime.now(UTC))
        box = Outbox(store, config, clock=lambda: datetime.now(UTC), jitter=lambda: 1.0)
        box.serve(config, opened)
        async with asyncio.timeout(30):
            while not (
                done := await store.write(lambda tx: divert_to_fallback(tx, config, datetime.now(UTC)))
            ):
                await asyncio.sleep(0.1)
            box.wake()
            assert done[0].count == count
            while min(len(one.messages) for one in (good, flaky, phone)) < count:
                await asyncio.sleep(0.1)
        await box.stop(timedelta(seconds=1))
        assert [len(one.messages) for one in (good, flaky, phone)] == [count] * 3
