"""The webhook, against what apprise really sends."""

from collections.abc import AsyncIterator

import apprise
import httpx
import pytest

from monitor.sandbox import Fault, Message, Webhook

from .support import START, FakeClock

NOTIFICATION = {"version": "1.0", "title": "a", "message": "b", "attachments": [], "type": "info"}


@pytest.fixture
async def webhook(clock: FakeClock) -> AsyncIterator[Webhook]:
    async with Webhook(clock=clock) as webhook:
        yield webhook


def http(webhook: Webhook) -> str:
    return webhook.url.replace("json://", "http://")


# apprise imports imghdr when it loads its plugins; Python 3.11 deprecates that module.
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
async def test_it_takes_what_apprise_sends(webhook: Webhook) -> None:
    """Title, text and type arrive as they were given, and apprise is content with the answer."""
    sender = apprise.Apprise()
    sender.add(webhook.url)
    assert await sender.async_notify(
        title="Tït", body="USDT 4.10 < 5.00", notify_type=apprise.NotifyType.WARNING
    )
    assert webhook.messages == [
        Message(received_at=START, title="Tït", body="USDT 4.10 < 5.00", type="warning")
    ]


async def test_the_callback_is_called(client: httpx.AsyncClient) -> None:
    """Every accepted notification is handed on."""
    told: list[Message] = []
    async with Webhook(on_message=told.append) as webhook:
        await client.post(http(webhook), json=NOTIFICATION)
        assert told == webhook.messages
    assert [message.title for message in told] == ["a"]


@pytest.mark.parametrize("fault", [Fault.status(500), Fault.too_many_requests()])
async def test_refused_notifications_are_not_kept(
    client: httpx.AsyncClient, webhook: Webhook, fault: Fault
) -> None:
    """With an error for an answer nothing was accepted."""
    webhook.fault = fault
    answer = await client.post(http(webhook), json=NOTIFICATION)
    assert answer.is_error
    assert webhook.messages == []


async def test_a_reset_notification_is_not_kept(client: httpx.AsyncClient, webhook: Webhook) -> None:
    """With the connection reset nothing was accepted."""
    webhook.fault = Fault.reset()
    with pytest.raises(httpx.NetworkError):
        await client.post(http(webhook), json=NOTIFICATION)
    assert webhook.messages == []


@pytest.mark.parametrize("fault", [Fault.hang(), Fault.drip()])
async def test_a_slow_receiver_has_accepted_all_the_same(
    client: httpx.AsyncClient, webhook: Webhook, fault: Fault
) -> None:
    """The sender gives up waiting, but the notification had arrived: the case for duplicates."""
    webhook.fault = fault
    with pytest.raises(httpx.ReadTimeout):
        await client.post(http(webhook), json=NOTIFICATION, timeout=httpx.Timeout(10, read=0.2))
    assert len(webhook.messages) == 1


async def test_attachments_are_kept(client: httpx.AsyncClient, webhook: Webhook) -> None:
    """As bytes, by their names; what is no attachment is refused."""
    file = {"filename": "a.png", "base64": "AP8=", "mimetype": "image/png"}
    await client.post(http(webhook), json={**NOTIFICATION, "attachments": [file]})
    assert webhook.messages[0].attachments == (("a.png", b"\x00\xff"),)
    answer = await client.post(http(webhook), json={**NOTIFICATION, "attachments": [{**file, "base64": 7}]})
    assert answer.status_code == 400


@pytest.mark.parametrize("content", [b"", b"[]", b"7", b'{"title": "a"}', b"\xff"])
async def test_other_bodies_are_refused(client: httpx.AsyncClient, webhook: Webhook, content: bytes) -> None:
    """What isn't apprise's JSON gets a 400."""
    assert (await client.post(http(webhook), content=content)).status_code == 400


async def test_only_post_is_allowed(client: httpx.AsyncClient, webhook: Webhook) -> None:
    """A browser that looks in is told so."""
    assert (await client.get(http(webhook))).status_code == 405
