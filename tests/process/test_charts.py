"""Pictures in messages, by the real daemon: there, or the alert comes without."""

import struct
import sys
import sysconfig
import venv
from pathlib import Path

from .stage import together
from .support import Installation, usdt_low


def _python(site: Installation, at_start: str) -> tuple[str, ...]:
    """A command that starts the daemon by a Python that first runs this, as do all that it starts itself."""
    home = site.folder / "venv"
    venv.create(home, symlinks=True)
    packages = home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    (packages / "sitecustomize.py").write_text(at_start)
    return "/bin/sh", "-c", f'shift; exec {home}/bin/python "$@"', "sh"


TRIES = 15
"""A busy machine may not draw within the four seconds that a message waits; it is not that busy for minutes."""


@together()
async def test_the_chart_arrives(site: Installation) -> None:
    """With the firing and with its end; the log has nothing to say about it."""
    site.write(rules=[usdt_low(chart=True)], routes=[{"group_wait": "3s"}])
    log, pictures = "", []
    for number in range(TRIES):
        daemon = await site.start()
        site.set_balance("5.10")
        await site.received(2 * number + 1)
        site.set_balance("2500")
        messages = await site.received(2 * number + 2)
        assert await daemon.stop() == 0
        log, pictures = daemon.log, [message.attachments for message in messages[-2:]]
        if all(pictures):
            break
    assert [[name for name, _ in attached] for attached in pictures] == [["spot-spot-USDT.png"]] * 2
    for [(_, png)] in pictures:
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        assert struct.unpack(">II", png[16:24]) == (800, 400)
    assert "WARNING" not in log


@together()
async def test_the_command_poll_sends_charts(site: Installation) -> None:
    """It waits for no group, and a moment for the picture."""
    site.write(rules=[usdt_low(chart=True)])
    for number in range(TRIES):
        site.set_balance("2500" if number % 2 else "5.10")
        await site.command("poll")
        assert len(site.messages) == number + 1
        if site.messages[-1].attachments:
            break
    assert [name for name, _ in site.messages[-1].attachments] == ["spot-spot-USDT.png"]


@together()
async def test_without_matplotlib_the_alert_comes_without_a_chart(site: Installation) -> None:
    """The daemon says once why, and what to do; `check` says it before."""
    site.wrapper = _python(site, "import sys; sys.modules['matplotlib'] = None")
    site.write(rules=[usdt_low(chart=True)])
    daemon = await site.start()
    site.set_balance("5.10")
    await site.received(1)
    site.set_balance("2500")
    messages = await site.received(2)
    assert await daemon.stop() == 0
    assert [message.attachments for message in messages] == [(), ()]
    assert daemon.log.count("charts cannot be drawn, sending messages without them") == 1
    assert "pip install 'balance-monitor[charts]'" in daemon.log


@together()
async def test_a_drawing_that_hangs_delays_no_alert_for_long(site: Installation) -> None:
    """Nor the end of the daemon, and it does not outlive it."""
    pids = site.folder / "pids"
    hang = (
        "import os, sys, time\n"
        "if 'monitor.alerting.charts' in sys.orig_argv:\n"
        f"    open({str(pids)!r}, 'a').write(f'{{os.getpid()}} ')\n"
        "    time.sleep(600)\n"
    )
    site.wrapper = _python(site, hang)
    site.write(rules=[usdt_low(chart=True)])
    daemon = await site.start()
    site.set_balance("5.10")
    [message] = await site.received(1)
    assert message.attachments == ()
    assert await daemon.stop() == 0
    assert [pid for pid in pids.read_text().split() if Path(f"/proc/{pid}").exists()] == []
