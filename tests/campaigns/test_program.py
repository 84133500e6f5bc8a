"""The harness's own processes: an exit code is the child's, whatever is sent to it."""

import asyncio
import signal
from contextlib import suppress

import pytest

from campaigns.harness.program import send_signal


async def test_a_signal_at_the_end_of_a_child_keeps_its_exit_code() -> None:
    """A child that has been killed, and that asyncio has not seen end, gets further signals. The true code comes."""
    codes = []
    for _ in range(100):
        child = await asyncio.create_subprocess_exec("sleep", "60")
        send_signal(child, signal.SIGKILL)
        with suppress(ProcessLookupError):  # as soon as asyncio's thread has reaped it
            for _ in range(200):
                send_signal(child, signal.SIGHUP)
        codes.append(await child.wait())
    assert codes == [-signal.SIGKILL] * 100


async def test_no_signal_is_sent_after_the_end() -> None:
    """Its id may be another process's by then."""
    child = await asyncio.create_subprocess_exec("true")
    await child.wait()
    with pytest.raises(ProcessLookupError, match="has ended"):
        send_signal(child, signal.SIGHUP)
