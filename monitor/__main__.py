"""The first lines of `balance-monitor` and of `python -m monitor`: signals are heard from here on."""

import os
import signal
import sys


def main() -> None:
    """Run the command line, and exit with its code.

    Its imports take some tenths of a second. As a container's first process, one that does not listen for SIGTERM
    yet never gets it: the kernel drops the signal instead of ending the process."""
    run = sys.argv[1:2] == ["run"]
    if run or os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0 if run else 128 + signal.SIGTERM))
    if run:
        signal.signal(
            signal.SIGHUP, signal.SIG_IGN
        )  # until the daemon listens: there is nothing to reload yet
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, lambda *_: os._exit(128 + signal.SIGINT))  # a traceback out of imports
    from monitor.cli.main import main as command_line

    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command_line()


if __name__ == "__main__":
    main()
