"""What systemd is told, by the protocol of sd_notify(3): a datagram of lines to `$NOTIFY_SOCKET`."""

import os
import re
import socket
import time
from collections.abc import Mapping
from datetime import timedelta

_MICROS = re.compile(r"[1-9]\d{0,18}", re.ASCII)  # the number of 20 digits that systemd has is its "never"


class Systemd:
    """The service manager, where there is one; otherwise every call does nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog = _watchdog(environ)
        """How often systemd wants a sign of life, None where it does not."""

    def ready(self) -> None:
        """The start, or a reload, is over."""
        self._send("READY=1")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end begins."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """A sign of life, where one is wanted."""
        if self.watchdog is not None:
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """The line that `systemctl status` shows."""
        self._send(f"STATUS={text}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(0)
            try:
                sock.sendto(message.encode(), self._address)
            except OSError:
                return  # nobody listens: nothing to be done about it, and no reason to wait or to stop


def _watchdog(environ: Mapping[str, str]) -> timedelta | None:
    """What sd_watchdog_enabled(3) says: nothing for another process, and nothing for what is no span of time."""
    micros, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(os.getpid()))
    if not _MICROS.fullmatch(micros) or pid != str(os.getpid()):
        return None
    return timedelta(microseconds=int(micros))
