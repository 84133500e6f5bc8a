"""A short kill campaign; the long one is a command (docs/reliability.md)."""

import subprocess
import sys

import pytest

from campaigns.harness.program import ROOT

pytestmark = pytest.mark.campaign


def test_a_dozen_kills_lose_and_invent_nothing() -> None:
    """The real process, killed a dozen times, once started with a wrong clock: each recipient of a firing gets its end,
    no message comes early or without a cause, and the end is that of the process that is not killed."""
    done = subprocess.run(
        [sys.executable, "-m", "campaigns.kills", "--kills", "12", "--lanes", "1", "--seed", "7"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
