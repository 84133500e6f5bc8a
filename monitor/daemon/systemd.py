"""Notifications to systemd by the protocol of sd_notify(3): a datagram of lines to `$NOTIFY_SOCKET`."""

import os
import re
import socket
import time
from collections.abc import Mapping
from datetime import timedelta

_MICROS = re.compile(r"[1-9]\d{0,18}", re.ASCII)  # systemd's "never" is 2**64-1, which has 20 digits


class Systemd:
    """The service manager. Without one, every call does nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # `@` marks an abstract socket, whose name begins with a zero byte
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog = _watchdog(environ)
        """How often systemd expects `alive`; None: it does not."""

    def ready(self) -> None:
        """Report that the start or a reload is complete."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Report that a reload begins; `ready` ends it."""
        # sd_notify(3) requires the time for units of Type=notify-reload
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Report that the daemon is stopping."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Report that the daemon is alive, if the watchdog is on."""
        if self.watchdog is not None:
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        self._send(f"STATUS={text}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(0)  # a full or dead socket must not block the event loop
            try:
                sock.sendto(message.encode(), self._address)
            except OSError:
                return  # nobody listens, which is no reason to stop


def _watchdog(environ: Mapping[str, str]) -> timedelta | None:
    """Return the watchdog's interval as sd_watchdog_enabled(3) defines it; None if it is off or for another process."""
    micros, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(os.getpid()))
    if not _MICROS.fullmatch(micros) or pid != str(os.getpid()):
        return None
    return timedelta(microseconds=int(micros))
