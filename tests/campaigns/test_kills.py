"""A short kill campaign; the long one is a command (docs/reliability.md)."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.campaign

ROOT = Path(__file__).resolve().parents[2]


def test_twenty_kills_lose_and_invent_nothing() -> None:
    """The real process, killed twenty times: every incident fires and resolves once, and the end is the same."""
    done = subprocess.run(
        [sys.executable, "-m", "campaigns.kills", "--kills", "20", "--seed", "7"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
