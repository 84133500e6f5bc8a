"""What systemd is told, by the protocol of sd_notify(3): a datagram of lines to `$NOTIFY_SOCKET`."""

import os
import socket
import time
from collections.abc import Mapping
from datetime import timedelta


class Systemd:
    """The service manager, where there is one; otherwise every call does nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._watchdog = environ.get("WATCHDOG_USEC", "") if for_us else ""

    @property
    def watchdog(self) -> timedelta | None:
        """How often systemd wants a sign of life, None where it does not."""
        return timedelta(microseconds=int(self._watchdog)) if self._watchdog.isdigit() else None

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
        """A sign of life."""
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
